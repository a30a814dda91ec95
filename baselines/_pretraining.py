"""What the learners that first tell all training classes apart have in common."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import MinLen
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines._embedding import embedded, embedding
from baselines._episodic import Count, Descends, Rate, Recipe
from benchmarks.core import BudgetedSource, Kind, Predictor, Problem, State, Support, TaskBatch
from benchmarks.core.budget import TrainShots, check_shots
from benchmarks.core.search import LogUniform, OneOf, Space, Whole

BLOCK = 64
"""So many classes are made room for at once."""
MEMORY = 0.01
"""How much the points of an update move the mean of all."""


@dataclass
class Pretrained(Descends):
    """Trains a network and one output for each class of the training split, as one usually would.

    For that it is told which classes a training task has (the privileged field "class"): hence †.
    Of a task at test it knows what all know.

    Attributes:
        network: `cnn4` is for pictures, four blocks of 3×3 convolutions; `mlp` is for any features.
        filters: of each convolution of a `cnn4`.
        pooling: a `cnn4` gets smaller by `max`-pooling or by the `stride` of its convolutions.
        hidden: widths of an `mlp`, the last one that of the embedding.
        lr: Adam's learning rate, at first; it falls along half a cosine.
        train_shots: support points of each class in a training task, or fewest and most; None is
            as in the test (fewer where the family has fewer).
        train_queries: query points of each class; all points are trained on.
        batch_tasks: training tasks whose points make an update.
    """

    network: Literal["cnn4", "mlp"] = "cnn4"
    filters: Count = 64
    pooling: Literal["max", "stride"] = "max"
    hidden: Annotated[tuple[Count, ...], MinLen(1)] = (64, 64)
    lr: Rate = 0.001
    train_shots: TrainShots = None
    train_queries: Count = 5
    batch_tasks: Count = 4

    name: ClassVar[str]
    search: ClassVar[Space] = {
        "lr": LogUniform(1e-4, 1e-2),
        "batch_tasks": Whole(1, 16, log=True),
        "filters": OneOf((32, 64)),
        "hidden": OneOf(((64,), (64, 64), (128, 128), (64, 64, 64))),
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"filters": 4, "batch_tasks": 12}
    needs: ClassVar[frozenset[str]] = frozenset({"class"})
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification"})
    all_points_alike: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    @abstractmethod
    def _scores(
        self, z: Float[Tensor, "points numbers"], weight: Float[Tensor, "classes numbers"]
    ) -> Float[Tensor, "points classes"]:
        """Logits of points in the embedding, in pretraining."""

    @abstractmethod
    def _fitted(self, support: Support) -> Predictor:
        """What becomes of the embedding, given the support sets."""

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        return frozenset({"filters", "pooling"} if self.network == "mlp" else {"hidden"})

    @property
    def for_pictures(self) -> bool:
        return self.network == "cnn4"

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`.

        Raises:
            MatrixError: `network` is "cnn4" and inputs are no pictures.
        """
        self._build(source.problem, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        self.network_.to(source.device).train()
        self.classes_.to(source.device)
        groups = [[*self.network_.parameters()], *([block] for block in self.classes_)]
        optimiser = torch.optim.Adam([{"params": group} for group in groups], self.lr)

        def loss(batch: TaskBatch) -> Tensor:
            points = batch.points()
            ids = batch.support.privileged["class"].long()
            label = ids.gather(1, points.y.argmax(2))[points.mask]
            z = embedded(self.network_, points)[points.mask]
            while len(self.classes_) * BLOCK <= int(label.max()):
                self._make_room(z, optimiser, generator)
            self._remember(z.detach())
            return functional.cross_entropy(self._scores(z, torch.cat([*self.classes_])), label)

        queries = self.train_queries * source.problem.outputs
        recipe = Recipe(self.batch_tasks, self.train_shots, queries)
        self._descend(source, generator, optimiser, loss, recipe, called="loss")
        self.network_.eval()

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        self.network_.to(support.x.device)
        return repeat(self._fitted(support), len(steps))

    def state(self) -> State:
        return {
            "features": self.problem_.features,
            "image": self.problem_.image,
            "network": self.network_.state_dict(),
            "classes": [block.detach() for block in self.classes_],
            "mean": self.mean_,
        }

    def load_state(self, state: State) -> None:
        problem = Problem(state["features"], 1, metric="accuracy", image=state["image"])
        self._build(problem, torch.Generator())
        self.network_.load_state_dict(state["network"])
        self.classes_ = nn.ParameterList(nn.Parameter(it.clone()) for it in state["classes"])
        self.mean_ = state["mean"]

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        self.problem_ = problem
        sizes = self.hidden, self.filters, self.pooling
        self.network_ = embedding(self.name, self.network, problem, *sizes, generator).eval()
        self.classes_ = nn.ParameterList()
        self.mean_ = torch.zeros(())

    def _remember(self, z: Float[Tensor, "points numbers"]) -> None:
        """Keep the mean of training points, in which late ones count most."""
        self.mean_ = self.mean_.to(z.device).lerp(z.mean(0), MEMORY)

    def _make_room(
        self, z: Tensor, optimiser: torch.optim.Optimizer, generator: torch.Generator
    ) -> None:
        """Outputs for `BLOCK` classes more: how many there are, nobody tells."""
        bound = 1 / math.sqrt(z.shape[1])
        drawn = (torch.rand(BLOCK, z.shape[1], generator=generator) * 2 - 1) * bound
        block = nn.Parameter(drawn.to(z.device))
        self.classes_.append(block)
        optimiser.add_param_group({"params": [block]})
