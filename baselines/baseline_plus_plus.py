"""Baseline++ (Chen, Liu, Kira, Wang & Huang, 2019): cosines with what stands for each class."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from baselines._distances import class_means
from baselines._embedding import embedded_alone
from baselines._episodic import Count, Rate
from baselines._pretraining import Pretrained
from benchmarks.core import Predictor, Support
from benchmarks.core.search import LogUniform, Space, Whole


@dataclass
class BaselinePlusPlus(Pretrained):
    """Learns to tell the training classes apart by cosines, then a new vector for each class.

    A logit is `scale` times the cosine of a point in the embedding with the vector of the class
    (section 3.3 of the paper). For a task the vectors start at the class means and take
    `head_steps` steps of gradient descent on the support points, all of them in each; the embedding
    stays. That is the fit; the number of adaptation steps changes nothing.

    Deviations: the suite's recipe in pretraining (the paper: Adam at 0.001, batches of 16); the
    paper's vectors start at random, and take 100 epochs of SGD in batches of 4.

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
        scale: of the cosines.
        head_lr: learning rate of the vectors of a task.
        head_steps: steps that they take.
    """

    scale: Rate = 10.0
    head_lr: Rate = 0.01
    head_steps: Count = 100

    name: ClassVar[str] = "baseline++"
    search: ClassVar[Space] = {
        **Pretrained.search,
        "scale": LogUniform(2.0, 30.0),
        "head_lr": LogUniform(1e-3, 0.1),
        "head_steps": Whole(20, 200, log=True),
    }
    only_at_test: ClassVar[frozenset[str]] = frozenset({"head_lr", "head_steps"})
    test_fields: ClassVar[Mapping[str, Any]] = {**Pretrained.test_fields, "head_steps": 10}

    def _scores(
        self, z: Float[Tensor, "points numbers"], weight: Float[Tensor, "classes numbers"]
    ) -> Float[Tensor, "points classes"]:
        return self._cosines(z, weight)

    @torch.no_grad()
    def _fitted(self, support: Support) -> Predictor:
        z = embedded_alone(self.network_, support.x)
        vectors = class_means(functional.normalize(z, dim=2), support.y)
        for _ in range(self.head_steps):
            with torch.enable_grad():
                vectors.requires_grad_()
                logits = self._cosines(z, vectors).log_softmax(2)
                loss = -(logits * support.y).sum(2).mean(1).sum()  # tasks do not touch
                (gradient,) = torch.autograd.grad(loss, [vectors])
            vectors = vectors.detach() - self.head_lr * gradient

        def predict(x: Tensor) -> Tensor:
            return self._cosines(embedded_alone(self.network_, x), vectors)

        return predict

    def _cosines(
        self, z: Float[Tensor, "*tasks points numbers"], vectors: Tensor
    ) -> Float[Tensor, "*tasks points classes"]:
        z, vectors = functional.normalize(z, dim=-1), functional.normalize(vectors, dim=-1)
        return self.scale * z @ vectors.mT
