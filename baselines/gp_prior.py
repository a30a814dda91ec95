"""A Gaussian process whose mean and covariance are learned across tasks (a deep kernel)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Ge, Gt
from jaxtyping import Bool, Float
from torch import Tensor, nn

from benchmarks.core import BudgetedSource, Predictor, Spread, State, Support, TaskBatch
from benchmarks.core.budget import TrainShots, check_shots, drawn
from benchmarks.networks import mlp

Count = Annotated[int, Ge(1)]
Rate = Annotated[float, Gt(0)]
LEAST_NOISE = 1e-6  # variance; keeps the covariance of noise-free tasks invertible
MAX_NORM = 10.0


@dataclass
class GPPrior:
    """Learns which curves to expect, and then does with a task what the rules of probability say.

    All tasks are draws from one Gaussian process, whose mean is a network and whose covariance is
    a kernel on the features that a second network makes of an input. Both maximise the marginal
    likelihood of training tasks, support and query points together: with the `linear` kernel this
    is ALPaCA's model (Harrison, Sharma & Pavone, 2018) with a learned mean, with `rbf` the deep
    kernel transfer of Patacchiola et al. (2020, section 3) with a mean that is not 0. On a task,
    the prediction is the mean of the posterior given the support points; the number of steps
    changes nothing. With several outputs each has a mean of its own, and all share a covariance.

    Deviations from both papers: ReLU networks of other sizes, a batch of tasks in each update, and
    a learning rate that falls along half a cosine.

    Attributes:
        hidden: widths of the hidden layers of both networks.
        features: how many features the second network makes; a `linear` covariance has that rank.
        kernel: `linear` multiplies features, `rbf` looks at how far apart they are.
        lr: Adam's learning rate, at first.
        train_shots: support points of a training task, or fewest and most of them; None is as in
            the test.
        train_queries: query points of a training task, which count just as the support points do.
        batch_tasks: training tasks in each update.
    """

    hidden: tuple[Count, ...] = (40, 40)
    features: Count = 32
    kernel: Literal["linear", "rbf"] = "linear"
    lr: Rate = 0.006
    train_shots: TrainShots = None
    train_queries: Count = 50
    batch_tasks: Count = 25

    name: ClassVar[str] = "gp-prior"
    effort: ClassVar[float] = 3e-4
    all_points_alike: ClassVar[bool] = True
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8,), "features": 4}
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`."""
        self._build(source.problem.features, source.problem.outputs, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        parameters = list(self.prior_.to(source.device).parameters())
        optimiser = torch.optim.Adam(parameters, self.lr)
        span = source.shot_range(self.train_shots)
        while not source.exhausted:
            falling = (1 + math.cos(math.pi * source.progress)) / 2
            optimiser.param_groups[0]["lr"] = self.lr * falling
            shots = drawn(span, generator)
            batch = source.sample(self.batch_tasks, shots=shots, queries=self.train_queries)
            loss = self._surprise(batch)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, MAX_NORM)
            optimiser.step()
            source.count(outer_gradients=len(batch))
            source.log(surprise=loss)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        prior = self.prior_
        described, root, weight = self._condition(support)

        @torch.no_grad()
        def predict(x: Tensor) -> Tensor:
            shared = prior.covariance(prior.describe(x), described)
            return prior.mean(x) + (shared @ weight).to(support.y.dtype)

        @torch.no_grad()
        def std(x: Tensor) -> Tensor:
            asked = prior.describe(x)
            own = prior.noisy(prior.covariance(asked, asked)).diagonal(dim1=1, dim2=2)
            shared = prior.covariance(described, asked)
            white = torch.linalg.solve_triangular(root, shared, upper=False)
            left = (own - (white**2).sum(1)).clamp_min(0).sqrt()
            return left.unsqueeze(2).expand(-1, -1, support.y.shape[2]).to(support.y.dtype)

        for _ in steps:
            yield Spread(predict, std)

    def state(self) -> State:
        return {"sizes": self.sizes_, "prior": self.prior_.state_dict()}

    def load_state(self, state: State) -> None:
        features, outputs = state["sizes"]
        self._build(features, outputs, torch.Generator())
        self.prior_.load_state_dict(state["prior"])

    def _build(self, features: int, outputs: int, generator: torch.Generator) -> None:
        self.sizes_ = features, outputs
        sizes = features, self.hidden, outputs, self.features
        self.prior_ = Prior(*sizes, self.kernel, generator)

    @torch.no_grad()
    def _condition(
        self, support: Support
    ) -> tuple[
        Float[Tensor, "tasks points features"],
        Float[Tensor, "tasks points points"],
        Float[Tensor, "tasks points outputs"],
    ]:
        """What the support points are described by, and the root of their covariance; weights."""
        prior = self.prior_.to(support.x.device)
        described = prior.describe(support.x)
        root = torch.linalg.cholesky(prior.noisy(prior.covariance(described, described)))
        residual = support.y.double() - prior.mean(support.x).double()
        return described, root, torch.cholesky_solve(residual, root)

    def _surprise(self, batch: TaskBatch) -> Tensor:
        """The negative log likelihood of all points of the tasks together, a point and output."""
        support, query = batch.support, batch.query
        x, y = torch.cat([support.x, query.x], 1), torch.cat([support.y, query.y], 1)
        shown = torch.ones(support.x.shape[:2], dtype=torch.bool, device=x.device)
        real = torch.cat([shown, query.mask], 1)
        surprise = self.prior_.surprise(x, y, real)
        return surprise.sum() / (real.sum() * y.shape[2])


class Prior(nn.Module):
    """A mean and a covariance, in double precision where matrices are inverted."""

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        features: int,
        kernel: Literal["linear", "rbf"],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.kernel = kernel
        self.mean = mlp(inputs, hidden, outputs, generator)
        self.describe = mlp(inputs, hidden, features, generator)
        self.log_noise = nn.Parameter(torch.tensor(-2.0))
        self.log_scale = nn.Parameter(torch.tensor(0.0))

    def covariance(
        self, a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
    ) -> Float[Tensor, "tasks points others"]:
        """Of the curve at points described by `a` with that at points described by `b`."""
        a, b = a.double(), b.double()
        if self.kernel == "linear":
            related = a @ b.mT
        else:
            related = torch.exp(-((a.unsqueeze(2) - b.unsqueeze(1)) ** 2).sum(3) / 2)
        return self.log_scale.double().exp() * related

    def noisy(self, covariance: Float[Tensor, "tasks points points"]) -> Tensor:
        """The covariance of targets: noise is added to that of the curve."""
        eye = torch.eye(covariance.shape[2], dtype=torch.float64, device=covariance.device)
        return covariance + (self.log_noise.double().exp() + LEAST_NOISE) * eye

    def surprise(
        self,
        x: Float[Tensor, "tasks points features"],
        y: Float[Tensor, "tasks points outputs"],
        real: Bool[Tensor, "tasks points"],
    ) -> Float[Tensor, " tasks"]:
        """Minus the log likelihood of the real points of each task.

        A point that is not real is made one with variance 1, related to no other, whose target is
        the mean: it adds nothing.
        """
        described = self.describe(x)
        covariance = self.noisy(self.covariance(described, described))
        both = real.unsqueeze(1) & real.unsqueeze(2)
        eye = torch.eye(x.shape[1], dtype=torch.float64, device=x.device)
        root = torch.linalg.cholesky(torch.where(both, covariance, eye))
        residual = torch.where(real.unsqueeze(2), y - self.mean(x), 0.0).double()
        white = torch.linalg.solve_triangular(root, residual, upper=False)
        spread = 2 * root.diagonal(dim1=1, dim2=2).log().sum(1) + real.sum(1) * math.log(
            2 * math.pi
        )
        return ((white**2).sum((1, 2)) + y.shape[2] * spread) / 2
