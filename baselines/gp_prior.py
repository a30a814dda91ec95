"""A Gaussian process whose mean and covariance are learned across tasks (a deep kernel)."""

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
class GPPrior(ProcessLearner):
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

    name: ClassVar[str] = "gp-prior"
    effort: ClassVar[float] = 3e-4
    search: ClassVar[Space] = {
        "lr": LogUniform(1e-3, 3e-2),
        "batch_tasks": Whole(8, 64, log=True),
        "hidden": OneOf(((20, 20), (40, 40), (80, 80))),
        "features": OneOf((16, 32, 64)),
        "kernel": OneOf(("linear", "rbf")),
    }
    all_points_alike: ClassVar[bool] = True
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8,), "features": 4}

    def _draw(self, problem: Problem, generator: torch.Generator) -> Prior:
        sizes = problem.features, self.hidden, problem.outputs, self.features
        return NetworkPrior(*sizes, self.kernel, generator)


class NetworkPrior(Prior):
    """One network is the mean, another makes the features that the kernel compares."""

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
        self.log_scale = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Float[Tensor, "tasks points inputs"]) -> Seen:
        return Seen(self.mean(x), self.describe(x))

    def covariance(
        self, a: Float[Tensor, "tasks points features"], b: Float[Tensor, "tasks others features"]
    ) -> Float[Tensor, "tasks points others"]:
        a, b = a.double(), b.double()
        if self.kernel == "linear":
            related = a @ b.mT
        else:
            related = torch.exp(-((a.unsqueeze(2) - b.unsqueeze(1)) ** 2).sum(3) / 2)
        return self.log_scale.double().exp() * related
