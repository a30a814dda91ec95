"""A floor of classification: the nearest class mean of the inputs as they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from baselines._distances import class_means, distance_scores
from benchmarks.core import BudgetedSource, Kind, Predictor, State, Support


@dataclass
class NearestCentroid:
    """Scores each class by the squared distance from its support mean, pixel by pixel.

    It is ProtoNet without a network. Nothing is learned from other tasks, and adaptation steps
    change nothing.
    """

    name: ClassVar[str] = "nearest_centroid"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    adapted_parameters: ClassVar[int] = 0
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification"})

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned, and no training task is drawn."""

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned, and no training task is drawn."""

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        centres = class_means(support.x, support.y)

        def predict(x: Tensor) -> Tensor:
            return distance_scores(x, centres)

        for _ in steps:
            yield predict

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> None:
        """There is no state."""
