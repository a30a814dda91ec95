"""The floor: the same network and the same adaptation steps, from random weights."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines._gradient import GradientLearner
from baselines._learn2learn import expand, predictors
from benchmarks.core import BudgetedSource, Predictor, Support
from benchmarks.networks import Linear


@dataclass
class Scratch(GradientLearner):
    """Learns nothing in meta-training and draws no training tasks.

    Attributes:
        hidden: widths of the hidden layers.
        inner_lr: learning rate of the adaptation steps.
        optimiser: who takes the adaptation steps; each task has moments of its own.
        init: `torch` is what torch.nn.Linear does, `glorot` uniform weights and zero biases
            (Glorot & Bengio, 2010).
    """

    optimiser: Literal["sgd", "adam"] = "sgd"
    init: Literal["torch", "glorot"] = "torch"

    name: ClassVar[str] = "scratch"

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw the weights, and nothing else."""
        super().fit(source, generator)
        if self.init == "glorot":
            for layer in self.network_.children():
                if isinstance(layer, Linear):
                    _glorot(layer, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """There is nothing to carry on with: the weights stay as `fit` drew them."""

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of steps; see `MetaLearner.adapt`."""
        if self.optimiser == "sgd":
            return super().adapt(support, steps)
        return predictors(_Adam(self.network_, support, self.inner_lr), support, steps)


class _Adam:
    """Adam on one copy of the network a task, with what `predictors` asks of an algorithm.

    Adam works on each weight alone: given the sum of per-task losses, tasks do not touch.
    """

    def __init__(self, network: nn.Module, support: Support, lr: float) -> None:
        self.module = expand(network.to(support.x.device), len(support))
        for part in self.module.modules():
            for name, weight in part._parameters.items():
                if weight is not None:
                    part._parameters[name] = nn.Parameter(weight.detach().clone())
        self._optimiser = torch.optim.Adam(self.module.parameters(), lr)

    def __call__(self, x: Tensor) -> Tensor:
        return self.module(x)

    def adapt(self, loss: Tensor) -> None:
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()


@torch.no_grad()
def _glorot(layer: Linear, generator: torch.Generator) -> None:
    bound = math.sqrt(6 / sum(layer.weight.shape))
    layer.weight.uniform_(-bound, bound, generator=generator)
    layer.bias.zero_()
