"""The floor: the same network and the same adaptation steps, from random weights."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from baselines._gradient import GradientLearner
from benchmarks.core import BudgetedSource


@dataclass
class Scratch(GradientLearner):
    """Learns nothing in meta-training and draws no training tasks.

    Attributes:
        hidden: widths of the hidden layers.
        inner_lr: learning rate of the adaptation steps.
    """

    name: ClassVar[str] = "scratch"

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """There is nothing to carry on with: the weights stay as `fit` drew them."""
