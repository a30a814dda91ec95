"""What the learners that read the support set, and answer in one pass, have in common."""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from baselines._episodic import Count, Descends, Rate, Recipe
from benchmarks.core import (
    BudgetedSource,
    Predictor,
    Spread,
    State,
    Support,
    TaskBatch,
    task_mse,
)
from benchmarks.core.budget import TrainShots, check_shots


@dataclass
class Reader(Descends):
    """Nothing is adapted: networks read the support set, and the number of steps changes nothing.

    Attributes:
        loss: `mse`, or `gaussian`: networks also predict a standard deviation of at least
            `least_sigma` (in the units of the tensors) and descend the negative log likelihood.
        lr: Adam's learning rate, at first; it falls along half a cosine.
        train_shots: support points of a training task, or fewest and most of them; drawn anew each
            update. None is as in the test.
        train_queries: query points of a training task.
        batch_tasks: training tasks in each update.
    """

    loss: Literal["mse", "gaussian"] = "mse"
    lr: Rate = 0.003
    train_shots: TrainShots = None
    train_queries: Count = 50
    batch_tasks: Count = 25

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    adapted_parameters: ClassVar[int] = 0
    least_sigma: ClassVar[float]
    max_norm: ClassVar[float] = 10.0
    """Cap on the norm of the gradient of an update; 0 is none."""

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    @abstractmethod
    def _draw(
        self, features: int, outputs: int, numbers: int, generator: torch.Generator
    ) -> nn.ModuleDict:
        """Networks that answer each query point with so many numbers."""

    @abstractmethod
    def _read(self, support: Support) -> Any:
        """What is kept of the support sets."""

    @abstractmethod
    def _say(
        self, kept: Any, x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points numbers"]:
        """What is said of points x, each on its own: predictions, then how sure they are."""

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`."""
        self._build(source.problem.features, source.problem.outputs, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        networks = self.networks_.to(source.device)
        optimiser = torch.optim.Adam(networks.parameters(), self.lr, fused=True)
        sizes = self.batch_tasks, self.train_shots, self.train_queries
        recipe = Recipe(*sizes, max_norm=self.max_norm)
        self._descend(source, generator, optimiser, lambda it: self._query_loss(it).mean(), recipe)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        self.networks_.to(support.x.device)
        with torch.no_grad():
            kept = self._read(support)

        @torch.no_grad()
        def predict(x: Tensor) -> Tensor:
            return self._say(kept, x)[..., : self.outputs_]

        @torch.no_grad()
        def std(x: Tensor) -> Tensor:
            return self._sigma(self._say(kept, x)[..., self.outputs_ :])

        for _ in steps:
            yield predict if self.loss == "mse" else Spread(predict, std)

    def state(self) -> State:
        return {
            "features": self.features_,
            "outputs": self.outputs_,
            "networks": self.networks_.state_dict(),
        }

    def load_state(self, state: State) -> None:
        self._build(state["features"], state["outputs"], torch.Generator())
        self.networks_.load_state_dict(state["networks"])

    def _build(self, features: int, outputs: int, generator: torch.Generator) -> None:
        self.features_, self.outputs_ = features, outputs
        numbers = outputs if self.loss == "mse" else 2 * outputs
        self.networks_ = self._draw(features, outputs, numbers, generator)

    def _query_loss(self, batch: TaskBatch) -> Float[Tensor, " tasks"]:
        query = batch.query
        said = self._say(self._read(batch.support), query.x)
        if self.loss == "mse":
            return task_mse(said, query.y, query.mask)
        mean, raw = said.split(self.outputs_, 2)
        sigma = self._sigma(raw)
        surprise = ((query.y - mean) / sigma) ** 2 / 2 + sigma.log() + math.log(2 * math.pi) / 2
        weight = query.mask.to(surprise.dtype)
        return (surprise.mean(2) * weight).sum(1) / weight.sum(1)

    def _sigma(self, raw: Tensor) -> Tensor:
        return self.least_sigma + (1 - self.least_sigma) * functional.softplus(raw)
