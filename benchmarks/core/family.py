"""What the harness asks of a distribution over tasks.

A class need not inherit from this protocol; `benchmarks.testing` checks that it behaves.
"""

from typing import ClassVar

import torch

# Unlike typing's in Python 3.11, isinstance on these protocols evaluates no property: a family's
# `problem` may read a file.
from typing_extensions import Protocol, runtime_checkable

from benchmarks.core.types import Problem, Split, TaskBatch


@runtime_checkable
class TaskFamily(Protocol):
    """A distribution over tasks: a dataclass whose fields say which distribution.

    Construction only stores; files are read on first use. `version` is bumped whenever the same
    generator would give other tasks than before.

    A class attribute `later`, of families and of learners, may map fields that came after results
    were published to the value that means "as before": a trial that has just that value keeps the
    identity it had, and with it its tasks.

    A method `notes`, where the family has it, returns lines on the data that it has read; a run
    prints them before it begins.

    In classification, the privileged field "class", of shape (tasks, ways) and whole numbers, says
    which class of the split stands behind each number; `classes`, where the family has it, is the
    names of those classes by split. With `shared_classes` these are the same in all splits, whose
    tasks differ otherwise.

    The batches of a family may name their tasks, and say which group each is of (see `TaskBatch`):
    intervals then take the tasks of one group for what they are, alike. A group is in one split
    only. `grouped_by`, where the family has it, is what one group is called ("station"); so are the
    groups of a split by `groups(split)`. Where it has `folds(number)`, a protocol can leave each
    group out in turn: it yields families that differ in their fields `validation` and `test`.
    """

    name: ClassVar[str]
    version: ClassVar[int]

    @property
    def problem(self) -> Problem: ...

    @property
    def fingerprint(self) -> str:
        """Changes when the data behind the family changes; part of every trial's identity."""
        ...

    def size(self, split: Split, shots: int) -> int | None:
        """How many distinct tasks the split has at k = `shots`; None where there is no end."""
        ...

    def left_out(self, split: Split, shots: int) -> int:
        """How many tasks of the split cannot be used at k = `shots` (fewer than k + 1 points)."""
        ...

    def sample(
        self,
        n_tasks: int,
        split: Split,
        generator: torch.Generator,
        *,
        shots: int = 10,
        queries: int = 10,
    ) -> TaskBatch:
        """Draw tasks, on the CPU, with `shots` support and at most `queries` query points each.

        Support and query points of a task never overlap. Where the split is finite, tasks are
        drawn without replacement as long as it has enough of them.

        In classification there are `shots` support points of each class, and equally many query
        points of each: at most `queries` in all, but at least one a class. Both are in random
        order. Such families also take `ways`, the number of classes where it is not to be
        `problem.outputs`; meta-training may ask for more ways than there are at test.

        A family may also take `draws`: the same `n_tasks` tasks so many times over, draw after
        draw, each time with points of its own.

        Raises:
            DataError: the split has no task with more than `shots` points.
        """
        ...
