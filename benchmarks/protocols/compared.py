"""What protocols share that hold a learner against a network without meta-training."""

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from benchmarks.core import Kind
from benchmarks.core.declaration import Across, Column, Finding, Metric, Table
from benchmarks.core.landmarks import landmarks
from benchmarks.core.protocol import Gain, Labels, Protocol, Tested

LEAST = 1e-6
"""An error below so large a share of what scratch has on average counts as that share of it."""


class Compared(Protocol, ABC):
    """A protocol whose scores are held against a network without meta-training, task by task.

    Attributes:
        reference: that network: a learner table, fitted with a budget of nothing.
    """

    reference: dict[str, Any] = Field(default_factory=lambda: {"name": "scratch"})

    names: ClassVar[frozenset[str]] = frozenset({"families", "on", "then", "reference", "budget"})

    @property
    def compared_with(self) -> Mapping[str, Any] | None:
        return self.reference

    @property
    def drawn(self) -> tuple[int, ...]:
        return landmarks(self.steps)


class Elsewhere(Compared, ABC):
    """A protocol that may test on other families than it trains on: one trial for each of them.

    Attributes:
        on: their labels. A family among them is not tested on itself.
    """

    on: Labels | None = None

    other_key: ClassVar[str] = "on"

    @property
    def other(self) -> str | None:
        return None if self.on is None else self.on[0]

    def on_each(self) -> Sequence[Protocol]:
        if self.on is None:
            return [self]
        return [
            self.model_copy(update={"on": (label,), "label": f"{self.label}: {label}"})
            for label in self.on
        ]

    def versus(self, own: Tested, scratch: Tested, shots: int, kind: Kind) -> Iterator[Gain]:
        """`vs_scratch` after the steps that are drawn, where another family was tested."""
        if self.other is not None:
            every = against(own.levels(shots), scratch.levels(shots), kind)
            drawn = [self.steps.index(at) for at in self.drawn]
            gone = own.diverged(shots)[drawn]
            yield Gain("vs_scratch", shots, self.drawn, every[drawn], gone, own)


VERSUS = Metric(
    name="vs_scratch",
    meaning="log10 of its error over that of scratch (0: as scratch; −1: a tenth of its error); "
    "of accuracies a difference",
    called="log10 of $own over that of scratch",
    of_accuracies="accuracy in % minus that of scratch",
    unit="log10 ratio",
)
VERSUS_TABLE = Table(
    caption="Mean of log10($name / $name from scratch on the same task after the same steps): 0 is "
    "as good as scratch, −1 a tenth of its $name; lower is better. $meaning",
    of_accuracies="Mean accuracy minus that from scratch on the same task after the same steps, in "
    "percentage points; higher is better. $meaning",
    columns=(Column(metric="vs_scratch", title="$count"),),
    at="each",
)
VERSUS_FIGURE = Across(
    stem="against-scratch",
    title="Against scratch",
    caption="Mean log10 of error over scratch's, task by task, after the most adaptation steps "
    "$band: meta-trained on $first, tested on other families. At 0 meta-training made no "
    "difference; below it helped.",
    of_accuracies="Mean accuracy minus that from scratch, task by task, after the most adaptation "
    "steps $band: meta-trained on $first, tested on other families. At 0 meta-training made no "
    "difference; above it helped.",
    metric="vs_scratch",
)
VERSUS_FINDING = Finding(
    metric="vs_scratch",
    better="better than from scratch",
    worse="worse than from scratch",
    open="not told apart from scratch",
)


def against(own: Tensor, scratch: Tensor, kind: Kind) -> Tensor:
    """By how much it differs from scratch, of shape (steps, tasks) as both."""
    if kind == "classification":
        return own - scratch
    floor = LEAST * scratch.mean(1, keepdim=True)
    floor = floor.clamp_min(torch.finfo(own.dtype).tiny)  # scratch may be perfect, too
    return (own.maximum(floor) / scratch.maximum(floor)).log10()


def ahead(own: Tensor, other: Tensor, kind: Kind) -> Tensor:
    """By how much `own` is better than `other`."""
    return own - other if kind == "classification" else other - own
