"""Deep kernel transfer (Patacchiola et al., 2020): a Gaussian process on learned features."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines._episodic import Count
from baselines._process import Prior, ProcessLearner, Seen
from benchmarks.core import Problem
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import mlp


@dataclass
class DKT(ProcessLearner):
    """A spectral mixture kernel on what a network makes of inputs, around a constant.

    Network and kernel maximise the marginal likelihood of training tasks, support and query points
    together, and prediction is the posterior's (section 3 of the paper). With several outputs each
    has a constant of its own, and all share the kernel.

    Network and number of components are those of the authors' code for sinusoids. Deviations: the
    suite's recipe (the paper: Adam at 0.001, one task in each update, ten points), and components
    that are those of Wilson & Adams (2013, equation 12), whose cosine is of the product with
    their frequency, not a product of cosines for each feature.

    Attributes:
        hidden: widths of the hidden layers of the network; what the last one says are features.
        kernel: `spectral` is a mixture of waves that fade with distance, `rbf` fades alone.
        components: of the mixture.
        lr: Adam's learning rate, at first.
        train_shots: support points of a training task, or fewest and most of them; None is as in
            the test.
        train_queries: query points of a training task, which count just as the support points do.
        batch_tasks: training tasks in each update.
    """

    hidden: tuple[Count, ...] = (40, 40)
    kernel: Literal["spectral", "rbf"] = "spectral"
    components: Count = 4

    name: ClassVar[str] = "dkt"
    effort: ClassVar[float] = 1.4e-3
    search: ClassVar[Space] = {
        "lr": LogUniform(1e-3, 3e-2),
        "batch_tasks": Whole(8, 64, log=True),
        "hidden": OneOf(((40,), (40, 40), (80, 80))),
        "kernel": OneOf(("spectral", "rbf")),
        "components": Whole(2, 8),
    }
    all_points_alike: ClassVar[bool] = True
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8,), "components": 2}

    def _draw(self, problem: Problem, generator: torch.Generator) -> Prior:
        components = self.components if self.kernel == "spectral" else 0
        sizes = problem.features, self.hidden, problem.outputs, components
        return SpectralPrior(*sizes, generator)


class SpectralPrior(Prior):
    """With no components it is the RBF kernel: one that fades, and has no wave."""

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        outputs: int,
        components: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        width = hidden[-1] if hidden else inputs
        self.describe = mlp(inputs, hidden, None, generator)
        self.constant = nn.Parameter(torch.zeros(1, 1, outputs))
        several = max(1, components)
        self.log_weight = nn.Parameter(torch.full((several,), -math.log(several)))
        self.log_width = nn.Parameter(torch.full((several, 1, width), math.log(0.3)))
        waves = torch.randn(components, width, 1, generator=generator) * 0.3
        self.frequency = nn.Parameter(waves)

    def forward(self, x: Float[Tensor, "tasks points inputs"]) -> Seen:
        return Seen(self.constant.expand(*x.shape[:2], -1), self.describe(x))

    def covariance(
        self, a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
    ) -> Float[Tensor, "tasks points others"]:
        a, b = a.double().unsqueeze(1), b.double().unsqueeze(1)
        narrow = self.log_width.double().exp()
        near = torch.exp(-_squares(a * narrow, b * narrow) / 2)
        if len(self.frequency):
            wave = self.frequency.double()
            near = near * torch.cos(2 * math.pi * (a @ wave - (b @ wave).mT))
        return (self.log_weight.double().exp().view(-1, 1, 1) * near).sum(1)

    def variance(self, a: Float[Tensor, "tasks points features"]) -> Float[Tensor, "tasks points"]:
        return self.log_weight.double().exp().sum().expand(a.shape[:2])


def _squares(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances, in double precision; their gradient is 0 where points are the same."""
    squares = a.square().sum(-1, keepdim=True) + b.square().sum(-1).unsqueeze(-2) - 2 * a @ b.mT
    return squares.clamp_min(0)
