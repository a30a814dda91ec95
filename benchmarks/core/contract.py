"""The contract between the harness and everything it compares.

A class need not inherit from these protocols; `benchmarks.testing` checks that it behaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

# Unlike typing's in Python 3.11, isinstance on these protocols evaluates no property: a family's
# `problem` may read a file.
from typing_extensions import Protocol, runtime_checkable

from benchmarks.core.budget import BudgetedSource
from benchmarks.core.types import Diagnosis, Predictor, Problem, Split, Support, TaskBatch

State = dict[str, Any]
"""Tensors, numbers, strings, and containers of those: loads with `weights_only=True`."""


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


@runtime_checkable
class MetaLearner(Protocol):
    """A meta-learner: a dataclass whose fields are its hyper-parameters.

    Laws (see `benchmarks.testing.check_learner`): construction only stores; `adapt` leaves the
    learner unchanged and its predictors stay valid; row i of any output depends on task i alone;
    same seed, same bits; any number of tasks, any k >= 1. Learned state ends in an underscore.

    A class attribute `kinds`, a frozenset, says which kinds of `Problem` it can solve; without it,
    regression alone. A property `transductive` may say that a prediction depends on the other
    query points it is made together with: such learners are marked ‡ everywhere.

    A property `for_pictures` may say that a learner with these fields takes pictures alone.

    A class attribute `privileged = True` marks a learner † everywhere though `needs` is empty: it
    is told nothing of a task that others are not, but was built knowing what they have to learn
    (the form of the family's curves, say).

    An attribute or property `adapted_parameters` may say, once it is fitted, how many numbers
    adaptation may change for one task (0 where it changes none); reports show it as spending.

    A method `idle(problem)` may name the fields that make no difference, given the others and the
    problem: a matrix that sets one is told so. So may a class attribute `all_points_alike = True`
    say that training tells support from query points in nothing: where tasks are so small that all
    their points are drawn, `train_shots` then makes no difference.

    A field `train_shots` that is None stands for the shots of the test (`BudgetedSource.shots`):
    then trials whose protocols have other shots are trained apart.

    An attribute `version`, 1 unless it says otherwise, is bumped when the same seeds would train or
    answer otherwise than before, by more than rounding; it is part of every trial's identity.

    A class attribute `only_at_test`, a frozenset of field names, may name fields that `fit` never
    looks at: trials that differ in nothing else are then trained once.
    """

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Other names this class is known by, each with the fields that differ from the defaults."""
    test_fields: ClassVar[Mapping[str, Any]]
    """Fields that make the conformance kit quick; they say nothing about quality."""

    @property
    def needs(self) -> frozenset[str]:
        """Privileged fields it must see; a learner that needs any is marked † everywhere."""
        ...

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Meta-train from nothing until the source's budget is spent."""
        ...

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Carry on from the present state until the source's budget is spent."""
        ...

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of adaptation steps (ascending; 0 is before any)."""
        ...

    def state(self) -> State:
        """All that `adapt` needs beside the fields."""
        ...

    def load_state(self, state: State) -> None: ...


@runtime_checkable
class Explains(Protocol):
    """A learner that can say in words what it does to adapt to each task."""

    def explain(self, support: Support) -> list[str]: ...


@runtime_checkable
class Uncertain(Protocol):
    """A predictor that can also say how far from it a new observation may lie.

    `std` has the shape and the units of what it predicts, noise included.
    """

    def __call__(self, x: Tensor) -> Tensor: ...
    def std(self, x: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Spread:
    """An `Uncertain` predictor of two functions."""

    mean: Predictor
    std: Predictor

    def __call__(self, x: Tensor) -> Tensor:
        return self.mean(x)


@runtime_checkable
class Diagnoses(Protocol):
    """A learner that can say in numbers what it decides for each task; stored for the figures.

    Asking changes nothing, and row i of the answer depends on task i alone.
    """

    def diagnose(self, support: Support) -> Diagnosis: ...
