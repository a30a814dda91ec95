"""The other floor: predict the mean of the support targets, whatever the input."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmarks.core import BudgetedSource, Kind, Predictor, State, Support


@dataclass
class Mean:
    """Predicts each task's support mean; adaptation steps change nothing.

    In classification that is the share of each class among the support points: with as many of
    each, it guesses.
    """

    name: ClassVar[str] = "mean"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    adapted_parameters: ClassVar[int] = 0
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned, and no training task is drawn."""

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned, and no training task is drawn."""

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        mean = support.y.mean(1, keepdim=True)

        def predict(x: Tensor) -> Tensor:
            return mean.expand(-1, x.shape[1], -1)

        for _ in steps:
            yield predict

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> None:
        """There is no state."""
