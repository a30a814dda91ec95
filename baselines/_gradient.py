"""What the learners that adapt one network by gradient descent have in common."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Gt
from torch import nn

from baselines._learn2learn import sgd_predictors
from benchmarks.core import BudgetedSource, Predictor, State, Support
from benchmarks.networks import mlp

Width = Annotated[int, Ge(1)]
Rate = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(1)]


@dataclass
class GradientLearner(ABC):
    """Adapts a ReLU network by plain gradient steps on the support set, all weights at once.

    Attributes:
        hidden: widths of the hidden layers.
        inner_lr: learning rate of the adaptation steps.
    """

    hidden: tuple[Width, ...] = (40, 40, 40, 40)
    inner_lr: Rate = 0.01

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8)}
    needs: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None: ...

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`."""
        problem = source.problem
        self._build(problem.features, problem.outputs, generator)
        self.partial_fit(source, generator)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of gradient steps; see `MetaLearner.adapt`."""
        return sgd_predictors(self.network_, support, steps, self.inner_lr)

    def state(self) -> State:
        return {
            "features": self.features_,
            "outputs": self.outputs_,
            "network": self.network_.state_dict(),
        }

    def load_state(self, state: State) -> None:
        self._build(state["features"], state["outputs"], torch.Generator())
        self.network_.load_state_dict(state["network"])

    def _build(self, features: int, outputs: int, generator: torch.Generator) -> None:
        self.features_ = features
        self.outputs_ = outputs
        self.network_: nn.Module = mlp(features, self.hidden, outputs, generator)
