"""The contract between the harness and the learners it compares; for families, see `family`.

A class need not inherit from these protocols; `benchmarks.testing` checks that it behaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable

from benchmarks.core.budget import BudgetedSource
from benchmarks.core.types import Diagnosis, Predictor, Support

State = dict[str, Any]
"""Tensors, numbers, strings, and containers of those: loads with `weights_only=True`."""


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


@runtime_checkable
class Resumes(Protocol):
    """A learner whose training, cut off between two iterations, can go on from there.

    A training that went on comes to the same bits as one that was never cut off.
    """

    def checkpoint(self) -> State | None:
        """All that training needs to go on, as of when it asks whether its source is `exhausted`.

        Generators, the one given to `fit` included, and the source's position are kept by who asks;
        asking changes nothing. None where the learner, with the fields it has, cannot go on.
        """
        ...

    def resume(self, state: State, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train on what is left of the budget, be it of `fit` or of `partial_fit`.

        Nothing is drawn before the source is asked whether it is `exhausted`.
        """
        ...
