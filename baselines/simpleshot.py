"""SimpleShot (Wang, Chao, Weinberger & van der Maaten, 2019): nearest means of plain features."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from baselines._distances import class_means, distance_scores
from baselines._embedding import embedded_alone
from baselines._pretraining import Pretrained
from benchmarks.core import Predictor, Support


@dataclass
class SimpleShot(Pretrained):
    """Learns to tell the training classes apart; then each point belongs to the nearest mean.

    Points are centred by the mean of all training points and scaled to length 1 (CL2N, section 3 of
    the paper). Nothing is adapted: the number of steps changes nothing.

    Deviations: the suite's recipe (the paper: SGD, 90 epochs); the mean is a running one over
    training, as a budget has no further pass over the training set.

    Attributes:
        network: `cnn4` is for pictures, four blocks of 3×3 convolutions; `mlp` is for any features.
        filters: of each convolution of a `cnn4`.
        pooling: a `cnn4` gets smaller by `max`-pooling or by the `stride` of its convolutions.
        hidden: widths of an `mlp`, the last one that of the embedding.
        lr: Adam's learning rate, at first; it falls along half a cosine.
        train_shots: support points of each class in a training task, or fewest and most; None is
            as in the test (fewer where the family has fewer).
        train_queries: query points of each class; all points are trained on.
        batch_tasks: training tasks whose points make an update.
    """

    name: ClassVar[str] = "simpleshot"
    adapted_parameters: ClassVar[int] = 0

    def _scores(
        self, z: Float[Tensor, "points numbers"], weight: Float[Tensor, "classes numbers"]
    ) -> Float[Tensor, "points classes"]:
        return z @ weight.T

    def _fitted(self, support: Support) -> Predictor:
        means = class_means(self._placed(support.x), support.y)

        def predict(x: Tensor) -> Tensor:
            return distance_scores(self._placed(x), means)

        return predict

    def _placed(
        self, x: Float[Tensor, "tasks points features"]
    ) -> Float[Tensor, "tasks points numbers"]:
        z = embedded_alone(self.network_, x)
        return functional.normalize(z - self.mean_.to(z.device), dim=2)
