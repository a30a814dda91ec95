"""What the composer is shown of a task: its points, or its classes however they are numbered."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from benchmarks.core import Problem, Query
from reml.inner.shape import affine

MOST_SIDE = 7
"""Pictures are shown at most this high and wide."""
MORE = 3
"""What a class's summary says beside its mean."""

Layer = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Points:
    """The task_view of regression: the support points, and what the network so far predicts there.

    Attributes:
        features: inputs of a task.
        outputs: outputs of a task.
    """

    features: int
    outputs: int

    image = None
    even = False
    """Whether values stay comparable to each other when they are standardised."""

    @property
    def values(self) -> int:
        """Numbers of each point: inputs and targets."""
        return self.features + self.outputs

    @property
    def watched(self) -> int:
        """Numbers of each point that the network so far adds: predictions."""
        return self.outputs

    @property
    def asked(self) -> int:
        """How many of a query point's values are given when the others are to be guessed."""
        return self.features

    def elements(
        self, x: Float[Tensor, "tasks points features"], y: Float[Tensor, "tasks points outputs"]
    ) -> Float[Tensor, "tasks points values"]:
        return torch.cat([x, y], 2)

    def watch(
        self, hidden: Tensor | None, last: Layer | None, y: Float[Tensor, "tasks points outputs"]
    ) -> Float[Tensor, "tasks points outputs"]:
        """Predictions of the network so far; zeros until it has an input and an output layer."""
        if hidden is None or last is None:
            return torch.zeros_like(y)
        return affine(hidden, *last)

    def guessed(
        self, query: Query, most: int
    ) -> tuple[Float[Tensor, "tasks points values"], Bool[Tensor, "tasks points"]]:
        """What an encoding of the task should tell: the first `most` query points, and the mask."""
        shown = query.first(most)
        return self.elements(shown.x, shown.y), shown.mask


@dataclass(frozen=True)
class Classes:
    """The task_view of classification: a set of summaries, one a class, in whatever order.

    Nothing in it depends on which class has which number, so neither does what is composed. Of
    each class there are its mean picture (or its mean inputs, where they are no pictures), how far
    its points lie about that and how far the other classes lie off, see `summaries`. Of the network
    so far there is the same about the features that it computes, averaged over positions; what its
    last layer says is not shown: before adaptation it says nothing (see `reml.inner.bank.Heads`).

    Attributes:
        features: inputs of a task.
        width: features of a hidden layer, or channels.
        image: channels, height and width, where the inputs are pictures.
    """

    features: int
    width: int
    image: tuple[int, int, int] | None

    even = True
    asked = 0

    @property
    def _side(self) -> tuple[int, int]:
        assert self.image is not None
        return min(self.image[1], MOST_SIDE), min(self.image[2], MOST_SIDE)

    @property
    def values(self) -> int:
        if self.image is None:
            return self.features + MORE
        return self.image[0] * self._side[0] * self._side[1] + MORE

    @property
    def watched(self) -> int:
        return self.width + MORE

    def elements(
        self, x: Float[Tensor, "tasks points features"], y: Float[Tensor, "tasks points ways"]
    ) -> Float[Tensor, "tasks ways values"]:
        if self.image is not None:
            pictures = x.reshape(-1, *self.image)
            x = functional.adaptive_avg_pool2d(pictures, self._side).view(*x.shape[:2], -1)
        return summaries(x, y)

    def watch(
        self, hidden: Tensor | None, last: Layer | None, y: Float[Tensor, "tasks points ways"]
    ) -> Float[Tensor, "tasks ways watched"]:
        """Features of each class in the network so far; zeros until it has an input layer."""
        if hidden is None:
            return y.new_zeros(len(y), y.shape[2], self.watched)
        return summaries(hidden.flatten(2, -2).mean(2) if hidden.dim() > 3 else hidden, y)

    def guessed(
        self, query: Query, most: int
    ) -> tuple[Float[Tensor, "tasks one values"], Bool[Tensor, "tasks one"]]:
        """What an encoding of the task should tell: what its query points look like on average.

        Other drawings of the same classes, then; all of them, whatever `most`.
        """
        y = query.y * query.mask.unsqueeze(2)
        mean = self.elements(query.x, y).mean(1, keepdim=True)
        return mean, torch.ones_like(mean[..., 0], dtype=torch.bool)


TaskView = Points | Classes


def view_of(problem: Problem, width: int) -> TaskView:
    """What a composer of networks of this width is shown of the tasks of a problem."""
    if problem.kind == "classification":
        return Classes(problem.features, width, problem.image)
    return Points(problem.features, problem.outputs)


def summaries(
    values: Float[Tensor, "tasks points numbers"], y: Float[Tensor, "tasks points ways"]
) -> Float[Tensor, "tasks ways summary"]:
    """Of each class: its mean, its spread, and how far off the nearest and the average other is.

    Distances are root mean squares over the numbers, those between classes from mean to mean.
    """
    ways = y.shape[2]
    count = y.sum(1).clamp_min(1).unsqueeze(2)
    mean = y.mT @ values / count
    away = (values - y @ mean).square().mean(2, keepdim=True)
    spread = (y.mT @ away / count).sqrt()
    apart = torch.cdist(mean, mean, compute_mode="donot_use_mm_for_euclid_dist")
    apart = apart / values.shape[2] ** 0.5
    others = ~torch.eye(ways, dtype=torch.bool, device=y.device)
    nearest = apart.masked_fill(~others, float("inf")).amin(2, keepdim=True)
    average = apart.sum(2, keepdim=True) / max(ways - 1, 1)
    return torch.cat([mean, spread, torch.minimum(nearest, 2 * average), average], 2)
