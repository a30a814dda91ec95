"""What the learners that know each task's support set and nothing else have in common."""

# ruff: noqa: B027 (doing nothing is what these methods are for, not a body somebody forgot)

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from benchmarks.core import BudgetedSource, Predictor, State, Support


@dataclass
class Untrained(ABC):
    """Learns nothing from other tasks and draws none; adaptation steps change nothing."""

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    adapted_parameters: ClassVar[int] = 0
    effort: ClassVar[float] = 0.0

    @abstractmethod
    def _fitted(self, support: Support) -> Predictor:
        """What the support sets say, each on its own."""

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned, and no training task is drawn."""

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned, and no training task is drawn."""

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        predict = self._fitted(support)
        for _ in steps:
            yield predict

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> None:
        """There is no state."""
