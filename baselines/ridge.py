"""A head that is solved for each task, on features that all share (ALPaCA; R2-D2)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import MinLen
from jaxtyping import Float
from torch import Tensor, nn

from baselines._embedding import embedded, embedded_alone, embedding
from baselines._episodic import Count
from baselines._process import Prior, ProcessLearner, Seen
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
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import Linear, Network, mlp


@dataclass
class Ridge(ProcessLearner):
    """One network, whose output layer is the posterior given the support set, in closed form.

    It has what REML's `solve` has, and composes nothing. In regression it is Bayesian linear
    regression (ALPaCA; Harrison, Sharma & Pavone, 2018): output layer, a variance for the weight of
    each feature, and noise are learned; with several outputs all share variances and noise. In
    classification it is R2-D2 (Bertinetto, Henriques, Torr & Vedaldi, 2019): ridge regression on
    one-hot targets, with a learned penalty and a learned scale of the logits. Adaptation is the
    solution; the number of steps changes nothing.

    Deviations: the suite's recipe and network, tanh in place of ReLU in regression, where the prior
    covariance is diagonal (ALPaCA's is full); CNN4 with 64 filters in classification (R2-D2: 96,
    192, 384 and 512).

    Attributes:
        hidden: widths of the layers of an `mlp`; what the last one says are the features.
        network: `cnn4` is for pictures, four blocks of 3×3 convolutions; `mlp` for all.
        filters: of each convolution of a `cnn4`.
        pooling: a `cnn4` gets smaller by `max`-pooling or by the `stride` of its convolutions.
        loss: in regression, the negative log likelihood of all points of a task (`joint`), that of
            each query point given the support (`predictive`, ALPaCA's), or both (`sum`).
        lr: Adam's learning rate, at first.
        train_shots: support points of a training task, or fewest and most of them; None is as in
            the test.
        train_queries: query points of a training task.
        batch_tasks: training tasks in each update.
    """

    hidden: Annotated[tuple[Count, ...], MinLen(1)] = (40, 40, 40, 40)
    network: Literal["cnn4", "mlp"] = "mlp"
    filters: Count = 64
    pooling: Literal["max", "stride"] = "max"
    loss: Literal["joint", "predictive", "sum"] = "sum"

    name: ClassVar[str] = "ridge"
    effort: ClassVar[float] = 9e-4
    search: ClassVar[Space] = {
        "lr": LogUniform(1e-3, 3e-2),
        "batch_tasks": Whole(8, 64, log=True),
        "hidden": OneOf(((40, 40), (40, 40, 40, 40), (80, 80), (80, 80, 80, 80))),
        "filters": OneOf((32, 64)),
        "loss": OneOf(("joint", "predictive", "sum")),
    }
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "batch_tasks": 12}
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        if problem.kind == "regression":
            return frozenset({"network", "filters", "pooling"})
        other = {"filters", "pooling"} if self.network == "mlp" else {"hidden"}
        return frozenset({"loss", *other})

    @property
    def for_pictures(self) -> bool:
        return self.network == "cnn4"

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        self.prior_.train()
        super().partial_fit(source, generator)
        self.prior_.eval()

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        if isinstance(self.prior_, LinearPrior):
            return super().adapt(support, steps)
        predict = self.prior_.to(support.x.device).predictor(support)
        return repeat(predict, len(steps))

    def state(self) -> State:
        problem = self.problem_
        return {**super().state(), "metric": problem.metric, "image": problem.image}

    def load_state(self, state: State) -> None:
        features, outputs = state["sizes"]
        problem = Problem(features, outputs, metric=state["metric"], image=state["image"])
        self._build(problem, torch.Generator())
        self.prior_.load_state_dict(state["prior"])

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        super()._build(problem, generator)
        self.prior_.eval()

    def _draw(self, problem: Problem, generator: torch.Generator) -> nn.Module:
        if problem.kind == "regression":
            return LinearPrior(problem, self.hidden, generator)
        sizes = self.hidden, self.filters, self.pooling
        return Solver(embedding(self.name, self.network, problem, *sizes, generator))

    def _descended(self, batch: TaskBatch) -> Tensor:
        prior, query = self.prior_, batch.query
        if not isinstance(prior, LinearPrior):
            return task_cross_entropy(prior.logits(batch), query.y, query.mask).mean()
        joint = super()._descended(batch) if self.loss != "predictive" else torch.zeros(())
        if self.loss == "joint":
            return joint
        known, seen = prior.given(batch.support), prior(query.x)
        variance = prior.posterior_variance(known, seen).unsqueeze(2)
        error = query.y - prior.posterior_mean(known, seen)
        surprise = (error**2 / variance + variance.log() + math.log(2 * math.pi)) / 2
        weight = query.mask.to(surprise.dtype)
        return joint + ((surprise.mean(2) * weight).sum(1) / weight.sum(1)).mean()


class LinearPrior(Prior):
    """Linear in features, and in one more that is always 1."""

    def __init__(self, problem: Problem, hidden: Sequence[int], generator: torch.Generator) -> None:
        super().__init__()
        layers = mlp(problem.features, hidden, None, generator)
        self.describe = Network(*(nn.Tanh() if isinstance(it, nn.ReLU) else it for it in layers))
        self.head = Linear(hidden[-1], problem.outputs, generator)
        self.log_variance = nn.Parameter(torch.zeros(hidden[-1] + 1))

    def forward(self, x: Float[Tensor, "tasks points inputs"]) -> Seen:
        features = self.describe(x)
        return Seen(self.head(features), torch.cat([features, torch.ones_like(x[..., :1])], 2))

    def covariance(
        self, a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
    ) -> Float[Tensor, "tasks points others"]:
        return (a.double() * self.log_variance.double().exp()) @ b.double().mT

    def variance(self, a: Float[Tensor, "tasks points features"]) -> Float[Tensor, "tasks points"]:
        return a.double() ** 2 @ self.log_variance.double().exp()


class Solver(nn.Module):
    """Ridge regression on one-hot targets in an embedding, solved in the space of points."""

    def __init__(self, embed: nn.Module) -> None:
        super().__init__()
        self.embed = embed
        self.log_penalty = nn.Parameter(torch.tensor(0.0))
        self.log_scale = nn.Parameter(torch.tensor(0.0))

    def logits(self, batch: TaskBatch) -> Float[Tensor, "tasks points ways"]:
        """Of query points, embedded together with the support points."""
        z = embedded(self.embed, batch.points())
        shown, asked = z.split([batch.support.points, batch.query.x.shape[1]], 1)
        return self._scores(asked, shown, self._solved(shown, batch.support.y))

    @torch.no_grad()
    def predictor(self, support: Support) -> Predictor:
        shown = embedded_alone(self.embed, support.x)
        solved = self._solved(shown, support.y)

        @torch.no_grad()
        def predict(x: Tensor) -> Tensor:
            return self._scores(embedded_alone(self.embed, x), shown, solved)

        return predict

    def _solved(self, shown: Tensor, y: Tensor) -> Float[Tensor, "tasks points ways"]:
        z = shown.double()
        eye = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
        root = torch.linalg.cholesky(z @ z.mT + self.log_penalty.double().exp() * eye)
        return torch.cholesky_solve(y.double(), root)

    def _scores(self, asked: Tensor, shown: Tensor, solved: Tensor) -> Tensor:
        weight = shown.double().mT @ solved * self.log_scale.double().exp()
        return (asked.double() @ weight).to(asked.dtype)
