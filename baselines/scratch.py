"""The floor: the same network and the same adaptation steps, from random weights."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from baselines._copies import Copies
from baselines._gradient import GradientLearner
from baselines._steps import predictors
from benchmarks.core import BudgetedSource, Predictor, Support
from benchmarks.core.search import LogUniform, OneOf, Space
from benchmarks.networks import Convolution, Linear


@dataclass
class Scratch(GradientLearner):
    """Learns nothing in meta-training and draws no training tasks.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: learning rate of the adaptation steps.
        network: `mlp` or `cnn4`, as for MAML; likewise `filters`, `pooling` and `batch_norm`.
        optimiser: who takes the adaptation steps; each task has moments of its own.
        init: `torch` is what torch.nn.Linear does, `glorot` uniform weights and zero biases
            (Glorot & Bengio, 2010).
    """

    optimiser: Literal["sgd", "adam"] = "sgd"
    init: Literal["torch", "glorot"] = "torch"

    name: ClassVar[str] = "scratch"
    effort: ClassVar[float] = 0.0
    search: ClassVar[Space] = {
        "inner_lr": LogUniform(1e-3, 0.3),
        "optimiser": OneOf(("sgd", "adam")),
        "init": OneOf(("torch", "glorot")),
        "hidden": OneOf(((40, 40), (40, 40, 40, 40), (80, 80), (80, 80, 80, 80))),
        "filters": OneOf((32, 64)),
    }

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw the weights, and nothing else."""
        super().fit(source, generator)
        if self.init == "glorot":
            for layer in self.network_.children():
                if isinstance(layer, Linear | Convolution):
                    _glorot(layer, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """There is nothing to carry on with: the weights stay as `fit` drew them."""

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of steps; see `MetaLearner.adapt`."""
        if self.optimiser == "sgd":
            return super().adapt(support, steps)
        network = self.network_.to(support.x.device)
        copies = Copies(
            network,
            len(support),
            lambda w: torch.optim.Adam(w, self.inner_lr),
            self.max_inner_norm,
        )
        return predictors(copies, support, steps, self._loss, self._answer)


@torch.no_grad()
def _glorot(layer: Linear | Convolution, generator: torch.Generator) -> None:
    inputs, outputs = layer.weight.shape
    windows = 9 if isinstance(layer, Convolution) else 1  # that a value of the input is part of
    bound = math.sqrt(6 / (inputs + windows * outputs))
    layer.weight.uniform_(-bound, bound, generator=generator)
    if layer.bias is not None:
        layer.bias.zero_()
