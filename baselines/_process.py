"""What the learners that condition a learned Gaussian process on the support set have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from baselines._episodic import Count, Descends, Rate, Recipe
from benchmarks.core import (
    BudgetedSource,
    Predictor,
    Problem,
    Spread,
    State,
    Support,
    TaskBatch,
)
from benchmarks.core.budget import TrainShots, check_shots

LEAST_NOISE = 1e-6  # variance; keeps the covariance of noise-free tasks invertible


class Seen(NamedTuple):
    """What a prior makes of inputs: the mean of the curve there, and what covariance looks at."""

    mean: Float[Tensor, "tasks points outputs"]
    features: Float[Tensor, "tasks points features"]


class Known(NamedTuple):
    """What the support set says, in double precision.

    `root` is the Cholesky factor of the covariance of its targets, `weight` their distance from
    the mean, solved by it.
    """

    features: Float[Tensor, "tasks points features"]
    root: Float[Tensor, "tasks points points"]
    weight: Float[Tensor, "tasks points outputs"]


class Prior(nn.Module, ABC):
    """A mean and a covariance of curves; with several outputs all share the covariance.

    Matrices that are inverted are in double precision.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log_noise = nn.Parameter(torch.tensor(-2.0))

    @abstractmethod
    def forward(self, x: Float[Tensor, "tasks points inputs"]) -> Seen: ...

    @abstractmethod
    def covariance(
        self, a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
    ) -> Float[Tensor, "tasks points others"]:
        """Of the curve at points of features `a` with that at points of features `b`."""

    def variance(self, a: Float[Tensor, "tasks points features"]) -> Float[Tensor, "tasks points"]:
        """Of the curve at each point."""
        return self.covariance(a, a).diagonal(dim1=1, dim2=2)

    @property
    def noise(self) -> Tensor:
        return self.log_noise.double().exp() + LEAST_NOISE

    def noisy(self, covariance: Float[Tensor, "tasks points points"]) -> Tensor:
        """The covariance of targets: noise is added to that of the curve."""
        eye = torch.eye(covariance.shape[2], dtype=torch.float64, device=covariance.device)
        return covariance + self.noise * eye

    def given(self, support: Support) -> Known:
        """Condition on the support points of each task."""
        seen = self(support.x)
        root = torch.linalg.cholesky(self.noisy(self.covariance(seen.features, seen.features)))
        residual = support.y.double() - seen.mean.double()
        return Known(seen.features, root, torch.cholesky_solve(residual, root))

    def posterior_mean(self, known: Known, seen: Seen) -> Float[Tensor, "tasks points outputs"]:
        shared = self.covariance(seen.features, known.features)
        return seen.mean + (shared @ known.weight).to(seen.mean.dtype)

    def posterior_variance(self, known: Known, seen: Seen) -> Float[Tensor, "tasks points"]:
        """Of new observations, noise included."""
        shared = self.covariance(known.features, seen.features)
        white = torch.linalg.solve_triangular(known.root, shared, upper=False)
        left = self.variance(seen.features) - (white**2).sum(1)
        return left.clamp_min(0) + self.noise

    def surprise(
        self,
        x: Float[Tensor, "tasks points inputs"],
        y: Float[Tensor, "tasks points outputs"],
        real: Bool[Tensor, "tasks points"],
    ) -> Float[Tensor, " tasks"]:
        """Minus the log likelihood of the real points of each task, all together.

        A point that is not real is made one with variance 1, related to no other, whose target is
        the mean: it adds nothing.
        """
        seen = self(x)
        covariance = self.noisy(self.covariance(seen.features, seen.features))
        both = real.unsqueeze(1) & real.unsqueeze(2)
        eye = torch.eye(x.shape[1], dtype=torch.float64, device=x.device)
        root = torch.linalg.cholesky(torch.where(both, covariance, eye))
        residual = torch.where(real.unsqueeze(2), y - seen.mean, 0.0).double()
        white = torch.linalg.solve_triangular(root, residual, upper=False)
        spread = 2 * root.diagonal(dim1=1, dim2=2).log().sum(1) + real.sum(1) * math.log(
            2 * math.pi
        )
        return ((white**2).sum((1, 2)) + y.shape[2] * spread) / 2


@dataclass
class ProcessLearner(Descends):
    """All tasks are draws from one Gaussian process, and all points of a task make it likely.

    Nothing is adapted by steps: predictions are those of the posterior given the support points.

    Attributes:
        lr: Adam's learning rate, at first; it falls along half a cosine.
        train_shots: support points of a training task, or fewest and most of them; None is as in
            the test.
        train_queries: query points of a training task, which count just as the support points do.
        batch_tasks: training tasks in each update.
    """

    lr: Rate = 0.006
    train_shots: TrainShots = None
    train_queries: Count = 50
    batch_tasks: Count = 25

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    max_norm: ClassVar[float] = 10.0
    """Cap on the norm of the gradient of an update."""

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    @abstractmethod
    def _draw(self, problem: Problem, generator: torch.Generator) -> nn.Module:
        """A prior with new weights."""

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`."""
        self._build(source.problem, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        prior = self.prior_.to(source.device)
        optimiser = torch.optim.Adam(prior.parameters(), self.lr)
        sizes = self.batch_tasks, self.train_shots, self.train_queries
        recipe = Recipe(*sizes, max_norm=self.max_norm)
        self._descend(source, generator, optimiser, self._descended, recipe, called="surprise")

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        prior = self.prior_.to(support.x.device)
        with torch.no_grad():
            known = prior.given(support)

        @torch.no_grad()
        def predict(x: Tensor) -> Tensor:
            return prior.posterior_mean(known, prior(x))

        @torch.no_grad()
        def std(x: Tensor) -> Tensor:
            spread = prior.posterior_variance(known, prior(x)).sqrt()
            return spread.unsqueeze(2).expand(-1, -1, support.y.shape[2]).to(support.y.dtype)

        for _ in steps:
            yield Spread(predict, std)

    def state(self) -> State:
        sizes = self.problem_.features, self.problem_.outputs
        return {"sizes": sizes, "prior": self.prior_.state_dict()}

    def load_state(self, state: State) -> None:
        features, outputs = state["sizes"]
        self._build(Problem(features, outputs), torch.Generator())
        self.prior_.load_state_dict(state["prior"])

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        self.problem_ = problem
        self.prior_: Any = self._draw(problem, generator)

    def _descended(self, batch: TaskBatch) -> Tensor:
        """The negative log likelihood of all points of the tasks together, a point and output."""
        points = batch.points()
        surprise = self.prior_.surprise(points.x, points.y, points.mask)
        return surprise.sum() / (points.mask.sum() * points.y.shape[2])
