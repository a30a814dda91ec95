"""The other floor: predict the mean of the support targets, whatever the input."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from baselines._untrained import Untrained
from benchmarks.core import Kind, Predictor, Support


@dataclass
class Mean(Untrained):
    """Predicts each task's support mean; adaptation steps change nothing.

    In classification that is the share of each class among the support points: with as many of
    each, it guesses.
    """

    name: ClassVar[str] = "mean"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})

    def _fitted(self, support: Support) -> Predictor:
        """The support means."""
        mean = support.y.mean(1, keepdim=True)

        def predict(x: Tensor) -> Tensor:
            return mean.expand(-1, x.shape[1], -1)

        return predict
