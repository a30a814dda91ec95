"""Prototypical networks (Snell, Swersky & Zemel, 2017): class means, in a learned space."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, MinLen
from torch import Tensor

from baselines._distances import class_means, distance_scores
from baselines._embedding import embedded, embedded_alone, embedding
from baselines._episodic import Count, Descends, Rate, Recipe
from benchmarks.core import (
    BudgetedSource,
    Kind,
    Predictor,
    Problem,
    State,
    Support,
    TaskBatch,
    task_cross_entropy,
)
from benchmarks.core.budget import TrainShots, check_shots
from benchmarks.core.search import LogUniform, OneOf, Space, Whole


@dataclass
class ProtoNet(Descends):
    """Embeds all points, and scores each class by the squared distance from its support mean.

    Nothing is adapted: the number of steps changes nothing, and no prediction depends on the other
    query points (batch normalisation has running statistics at test).

    The defaults are the paper's for 1 shot (section 3.1), but that the learning rate decays by a
    cosine and that training tasks have the ways of the test; the paper's have 60.

    Attributes:
        network: `cnn4` is for pictures, four blocks of 3×3 convolutions; `mlp` is for any features.
        filters: of each convolution of a `cnn4`.
        pooling: a `cnn4` gets smaller by `max`-pooling or by the `stride` of its convolutions.
        hidden: widths of an `mlp`, the last one that of the embedding.
        lr: Adam's learning rate, at first.
        decay: how it falls: along half a `cosine` down to 0 over the budget, by `halving` every
            2,000 updates as in the paper, or `none`.
        train_ways: classes of a training task; None for as many as the problem has.
        train_shots: support points of each class in training, or fewest and most; None is as
            in the test (fewer where the family has fewer).
        train_queries: query points of each class in training.
        batch_tasks: training tasks in each update.
    """

    network: Literal["cnn4", "mlp"] = "cnn4"
    filters: Count = 64
    pooling: Literal["max", "stride"] = "max"
    hidden: Annotated[tuple[Count, ...], MinLen(1)] = (64, 64)
    lr: Rate = 0.001
    decay: Literal["cosine", "halving", "none"] = "cosine"
    train_ways: Annotated[int, Ge(2)] | None = None
    train_shots: TrainShots = None
    train_queries: Count = 5
    batch_tasks: Count = 1

    name: ClassVar[str] = "protonet"
    search: ClassVar[Space] = {
        "lr": LogUniform(1e-4, 1e-2),
        "batch_tasks": Whole(1, 16, log=True),
        "filters": OneOf((32, 64)),
        "hidden": OneOf(((64,), (64, 64), (128, 128), (64, 64, 64))),
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"filters": 4, "batch_tasks": 12}
    needs: ClassVar[frozenset[str]] = frozenset()
    adapted_parameters: ClassVar[int] = 0
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification"})

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        return frozenset({"filters", "pooling"} if self.network == "mlp" else {"hidden"})

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`.

        Raises:
            MatrixError: `network` is "cnn4" and inputs are no pictures.
        """
        self._build(source.problem, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the decay start anew."""
        network = self.network_.to(source.device).train()
        optimiser = torch.optim.Adam(network.parameters(), self.lr, fused=True)
        ways = self.train_ways or source.problem.outputs
        queries = self.train_queries * ways
        recipe = Recipe(self.batch_tasks, self.train_shots, queries, ways=ways, decay=self.decay)
        self._descend(source, generator, optimiser, self._query_loss, recipe)
        network.eval()

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        network = self.network_.to(support.x.device)
        prototypes = class_means(embedded_alone(network, support.x), support.y)

        def predict(x: Tensor) -> Tensor:
            return distance_scores(embedded_alone(network, x), prototypes)

        for _ in steps:
            yield predict

    @property
    def for_pictures(self) -> bool:
        return self.network == "cnn4"

    def state(self) -> State:
        return {
            "features": self.problem_.features,
            "image": self.problem_.image,
            "network": self.network_.state_dict(),
        }

    def load_state(self, state: State) -> None:
        problem = Problem(state["features"], 1, metric="accuracy", image=state["image"])
        self._build(problem, torch.Generator())
        self.network_.load_state_dict(state["network"])

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        self.problem_ = problem
        sizes = self.hidden, self.filters, self.pooling
        network = embedding(self.name, self.network, problem, *sizes, generator)
        self.network_ = network.eval()

    def _query_loss(self, batch: TaskBatch) -> Tensor:
        support, query = batch.support, batch.query
        z = embedded(self.network_, batch.points())
        shown, asked = z.split([support.points, query.x.shape[1]], 1)
        scores = distance_scores(asked, class_means(shown, support.y))
        return task_cross_entropy(scores, query.y, query.mask).mean()
