"""Adapt to a whole task for long, beside a network from scratch (Taylor & Stone, 2009)."""

from collections.abc import Iterator
from typing import ClassVar, final

import torch
from pydantic import field_validator
from torch import Tensor

from benchmarks.core import Kind
from benchmarks.core.declaration import Column, Declaration, Metric, Table
from benchmarks.core.protocol import Count, Counts, Gain, Outcome, Steps, Tested, Trial
from benchmarks.protocols.compared import (
    VERSUS,
    VERSUS_FIGURE,
    VERSUS_FINDING,
    VERSUS_TABLE,
    Elsewhere,
    ahead,
)

JUMPSTART = Metric(
    name="jumpstart",
    meaning="by how much it is ahead of scratch before the first step",
    called="jumpstart, $own",
    unit="difference",
    better="higher",
)
AREA = Metric(
    name="area",
    meaning="the mean of its score over the steps: the area under the curve by the range of steps",
    called="area under the curve, $own",
    unit="score",
)
TO_THRESHOLD = Metric(
    name="steps_to_threshold",
    meaning="the first number of steps after which it is as good as scratch after the most; "
    "the most + 1 where it never is",
    called="steps to threshold",
    unit="steps",
)
TABLE = Table(
    caption="Mean transfer, $own: by how much the score is ahead of scratch before the first step "
    "(higher is better); the area under its curve, divided by the range of steps ($direction); and "
    "the first number of steps after which it is at least as good as scratch after $last on the "
    "same task (lower is better). A task where it never is counts $beyond, so such a mean is a "
    "lower bound.",
    columns=(
        Column(metric="jumpstart", title="jumpstart"),
        Column(metric="area", title="area under the curve"),
        Column(metric="steps_to_threshold", title="steps to threshold"),
    ),
)


@final
class Transfer(Elsewhere):
    """Adapt to a whole task for long, beside the same steps from scratch (Taylor & Stone, 2009)."""

    shots: Counts = (50,)
    steps: Steps = tuple(range(101))
    tasks: Count = 200
    queries: Count = 50

    name: ClassVar[str] = "transfer"
    lean: ClassVar[bool] = True
    declares: ClassVar[Declaration] = Declaration(
        metrics=(JUMPSTART, AREA, VERSUS, TO_THRESHOLD),
        tables=(TABLE, VERSUS_TABLE),
        across=(VERSUS_FIGURE,),
        findings=(VERSUS_FINDING,),
        ranked=("area", "steps_to_threshold"),
    )

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        (place,) = self.tests_on
        own, scratch = trial.test(place), trial.reference(place)
        kind = trial.problem.kind
        return Outcome(own, [it for k in self.shots for it in self._gains(own, scratch, k, kind)])

    def _gains(self, own: Tested, scratch: Tested, shots: int, kind: Kind) -> Iterator[Gain]:
        last, gone = self.steps[-1:], own.diverged(shots).any(0, keepdim=True)
        levels, reference = own.levels(shots), scratch.levels(shots)
        for metric, values in of_transfer(levels, reference, self.steps, kind).items():
            yield Gain(metric, shots, last, values.unsqueeze(0), gone, own)
        yield from self.versus(own, scratch, shots, kind)

    @field_validator("steps")
    @classmethod
    def _from_the_start(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if min(steps) != 0 or len(set(steps)) < 2:
            raise ValueError("expected 0 and at least one more")
        return steps


def of_transfer(
    own: Tensor, scratch: Tensor, steps: tuple[int, ...], kind: Kind
) -> dict[str, Tensor]:
    """`jumpstart`, `area` and `steps_to_threshold`, each of shape (tasks,), of (steps, tasks).

    They are those of Taylor & Stone (2009, section 2.2), with what scratch reaches on the same task
    as the threshold.
    """
    at = torch.tensor(steps, dtype=own.dtype)
    area = torch.trapezoid(own, at, dim=0) / (at[-1] - at[0])
    reached = own >= scratch[-1] if kind == "classification" else own <= scratch[-1]
    first = at[reached.int().argmax(0)]
    never = ~reached.any(0)
    return {
        "jumpstart": ahead(own[0], scratch[0], kind),
        "area": area,
        "steps_to_threshold": torch.where(never, at[-1] + 1, first),
    }
