"""What a trial offers to its protocol, and what the protocol makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import typing_extensions as typing
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core.kinds import Place
from benchmarks.core.types import Problem, TaskBatch

Change = Callable[[TaskBatch, Problem, torch.Generator], TaskBatch]
"""What becomes of test tasks before learners adapt to them; the query points stay as they are."""


@typing.runtime_checkable
class Tested(typing.Protocol):
    """What somebody scored on the test tasks of a family, in the problem's own metric.

    Rows are draw after draw of the tasks, the same for everybody who is tested there.
    """

    def levels(self, shots: int) -> Float[Tensor, "steps tasks"]:
        """An error, or in classification accuracy, after each of the protocol's steps."""
        ...

    def diverged(self, shots: int) -> Bool[Tensor, "steps tasks"]: ...


@typing.runtime_checkable
class Trial(typing.Protocol):
    """What a trial does for its protocol, each once it is asked."""

    @property
    def problem(self) -> Problem:
        """That of the first place in `tests_on`."""
        ...

    def train(self) -> None:
        """Meta-train on the own family until the budget is spent, or take such a training over."""
        ...

    def carry_on(self) -> None:
        """Train on with the other family, from what `train` came to."""
        ...

    def choose(self) -> None:
        """Find out on validation tasks of the own family after how many steps it is best."""
        ...

    def test(
        self, on: Place = "own", *, change: Change | None = None, whole: bool = True
    ) -> Tested:
        """Score the learner, as it is now, on the test tasks of a family.

        Whatever there is to see of it (curves, choices) is kept, too, where it is to be `whole`.
        """
        ...

    def reference(self, on: Place = "own") -> Tested:
        """What the reference scores on the same tasks after the same steps, without training."""
        ...


@dataclass(frozen=True)
class Gain:
    """Values of one of the metrics that a protocol declares, by the name it has there.

    Attributes:
        metric: its name.
        shots: after adapting to so many points.
        steps: after each of so many steps.
        values: a number for each of the tasks.
        diverged: where the number follows from a score that diverged.
        of: the test whose tasks they are.
    """

    metric: str
    shots: int
    steps: Sequence[int]
    values: Float[Tensor, "steps tasks"]
    diverged: Bool[Tensor, "steps tasks"]
    of: Tested


class Outcome(NamedTuple):
    """What a trial comes to: the scores that are shown, and what else is told of each task."""

    scores: Tested
    gains: Sequence[Gain] = ()
