"""A floor of classification: the nearest class mean of the inputs as they are."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from baselines._distances import class_means, distance_scores
from baselines._untrained import Untrained
from benchmarks.core import Kind, Predictor, Support


@dataclass
class NearestCentroid(Untrained):
    """Scores each class by the squared distance from its support mean, pixel by pixel.

    It is ProtoNet without a network. Nothing is learned from other tasks, and adaptation steps
    change nothing.
    """

    name: ClassVar[str] = "nearest_centroid"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification"})

    def _fitted(self, support: Support) -> Predictor:
        """The class means of the support points."""
        centres = class_means(support.x, support.y)

        def predict(x: Tensor) -> Tensor:
            return distance_scores(x, centres)

        return predict
