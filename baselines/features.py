"""Pictures by features that need not be learned: histograms of gradients, simply classified."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from baselines._distances import class_means, distance_scores
from baselines._episodic import Count
from baselines._optional import demand
from baselines._untrained import Untrained
from baselines.logistic_regression import fitted
from benchmarks.core import BudgetedSource, Kind, Predictor, State, Support
from benchmarks.core.errors import MatrixError
from benchmarks.core.search import LogUniform, Space, Whole

demand("skimage", "features", "scikit-image")

REMEMBERED = 10_000
"""Pictures whose features are not worked out again: those of a split come in many tasks."""


@dataclass
class Features(Untrained):
    """Histograms of oriented gradients (Dalal & Triggs, 2005), and a simple classifier of these.

    A picture is cut in `cells` by `cells`, and each cell tells how strong the edges of each of
    `orientations` directions are in it, compared with those of the cells around; scikit-image's
    `hog` with blocks of 2 by 2 cells, in colour by the channel with the strongest edge. Each task
    has a classifier of its own on its support points; nothing is learned from other tasks, and
    adaptation steps change nothing.

    Attributes:
        classifier: `logistic_regression` or `nearest_centroid`, as the learners of these names.
        cells: of a picture's longer side; of a picture with fewer pixels, as many as it has.
        orientations: directions that are told apart.
        C: the inverse of the penalty's strength, of logistic regression. From 0.1 to 10 it made no
            difference beyond 0.005 on validation classes of Omniglot and digits.
    """

    classifier: Literal["logistic_regression", "nearest_centroid"] = "logistic_regression"
    cells: Count = 7
    orientations: Count = 9
    C: Annotated[float, Gt(0)] = 1.0

    name: ClassVar[str] = "features"
    search: ClassVar[Space] = {"C": LogUniform(0.01, 100.0), "cells": Whole(3, 10)}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "features-centroid": {"classifier": "nearest_centroid"}
    }
    kinds: ClassVar[frozenset[Kind]] = frozenset({"classification"})
    for_pictures: ClassVar[bool] = True
    trains_with: ClassVar[tuple[str, ...]] = ("skimage.feature",)
    test_fields: ClassVar[Mapping[str, Any]] = {"cells": 4}

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Nothing is learned but the shape of a picture, and no training task is drawn.

        Raises:
            MatrixError: inputs are no pictures.
        """
        if source.problem.image is None:
            raise MatrixError(
                f"{self.name}: needs pictures; for other inputs there are nearest_centroid and "
                "logistic_regression"
            )
        self.image_ = source.problem.image

    def state(self) -> State:
        return {"image": self.image_}

    def load_state(self, state: State) -> None:
        self.image_ = tuple(state["image"])

    def _fitted(self, support: Support) -> Predictor:
        known = self._described(support.x)
        if self.classifier == "nearest_centroid":
            centres = class_means(known, support.y)
            return lambda x: distance_scores(self._described(x), centres)
        weight, bias = fitted(known.double(), support.y.double(), self.C)

        def predict(x: Tensor) -> Tensor:
            return (self._described(x).double() @ weight + bias).to(x.dtype)

        return predict

    def _described(
        self, x: Float[Tensor, "tasks points pixels"]
    ) -> Float[Tensor, "tasks points features"]:
        pictures = x.detach().cpu().float().numpy()
        sizes = self.image_, self.cells, self.orientations
        rows = [[oriented(it.tobytes(), *sizes) for it in task] for task in pictures]
        return torch.from_numpy(np.asarray(rows)).to(x)


@lru_cache(maxsize=REMEMBERED)
def oriented(
    picture: bytes, image: tuple[int, int, int], cells: int, orientations: int
) -> np.ndarray:
    """The histograms of one picture, of single precision."""
    from skimage.feature import hog

    channels, height, width = image
    pixels = np.frombuffer(picture, np.float32).reshape(image)
    side = max(1, max(height, width) // cells)
    cell = min(side, height), min(side, width)
    block = min(2, height // cell[0]), min(2, width // cell[1])
    found = hog(
        pixels.transpose(1, 2, 0) if channels > 1 else pixels[0],
        orientations=orientations,
        pixels_per_cell=cell,
        cells_per_block=block,
        channel_axis=-1 if channels > 1 else None,
    )
    return np.asarray(found, np.float32)
