"""What the laws of a meta-learner are tried on."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmarks.core import (
    Budget,
    BudgetedSource,
    Kind,
    MetaLearner,
    Problem,
    Split,
    State,
    Support,
    TaskBatch,
    TaskFamily,
    generator_of,
)
from benchmarks.core.errors import UserError
from benchmarks.testing.toy import Toy, ToyClasses

TASKS = 33  # no multiple of a usual meta-batch: the last batch of the budget is a short one
STEPS = (0, 1, 3)
PICTURES: Mapping[str, Any] = {}
PLAIN_NUMBERS: Mapping[str, Any] = {"image": None}


@dataclass
class Metered:
    """A toy family, writing down what was drawn from it behind any source's back."""

    toy: TaskFamily
    drawn: list[tuple[int, Split]] = field(default_factory=list)

    name: ClassVar[str] = Toy.name
    version: ClassVar[int] = Toy.version

    @property
    def fingerprint(self) -> str:
        return ""

    @property
    def problem(self) -> Problem:
        return self.toy.problem

    def size(self, split: Split, shots: int) -> int | None:
        return self.toy.size(split, shots)

    def left_out(self, split: Split, shots: int) -> int:
        return self.toy.left_out(split, shots)

    def sample(
        self, n_tasks: int, split: Split, generator: torch.Generator, **sizes: Any
    ) -> TaskBatch:
        self.drawn.append((n_tasks, split))
        return self.toy.sample(n_tasks, split, generator, **sizes)


@dataclass
class Case:
    """One way to make a learner, with what several laws need of it, for one kind of problem."""

    make: Callable[[], MetaLearner]
    kind: Kind = "regression"
    spare: list[MetaLearner] = field(default_factory=list)
    """Trained once more as `learner` was, for a law that wants one to train on."""

    @cached_property
    def needs(self) -> frozenset[str]:
        return self.make().needs

    @cached_property
    def _first(self) -> "tuple[MetaLearner, State, Metered, BudgetedSource]":
        family, learner = Metered(self.toy()), self.make()
        source = self.source(family)
        learner.fit(source, generator_of("kit fit", 0))
        return learner, copy.deepcopy(learner.state()), family, source

    @property
    def learner(self) -> MetaLearner:
        """Trained once, and shared by the laws that only adapt it."""
        return self._first[0]

    @property
    def state(self) -> State:
        """That of `learner` when it had been trained."""
        return self._first[1]

    @property
    def drawn(self) -> "tuple[Metered, BudgetedSource]":
        """What `learner` was trained on."""
        return self._first[2:]

    def another(self) -> MetaLearner:
        """One that was trained as `learner` was."""
        return self.spare.pop() if self.spare else self.trained()

    @cached_property
    def further(self) -> "tuple[MetaLearner, State, BudgetedSource]":
        """One that `partial_fit` has trained on with seed 1, its state then, and on what."""
        learner, source = self.another(), self.source(self.toy(), seed=1)
        learner.partial_fit(source, generator_of("kit fit", 1))
        return learner, copy.deepcopy(learner.state()), source

    @cached_property
    def settings(self) -> "list[Setting]":
        """The learner on each sort of input; plain numbers are left out where it wants pictures."""
        first = Setting(self, PICTURES, self.learner)
        if self.kind == "regression":
            return [first]
        try:
            other = self.trained(self.toy(**PLAIN_NUMBERS))
        except UserError:
            return [first]
        return [first, Setting(self, PLAIN_NUMBERS, other)]

    def toy(self, **fields: Any) -> TaskFamily:
        """A toy family that has what the learner needs, and something that it may not see."""
        reveals = (*sorted(self.needs), "hidden")
        if self.kind == "regression":
            return Toy(reveals=reveals, **fields)
        return ToyClasses(reveals=reveals, **fields)

    def source(
        self,
        toy: TaskFamily,
        tasks: int = TASKS,
        seed: int = 0,
        on_moment: Callable[[], None] | None = None,
        on_rest: Callable[[], None] | None = None,
    ) -> BudgetedSource:
        return BudgetedSource(
            toy,
            Budget(tasks=tasks),
            generator_of("kit tasks", seed),
            needs=self.needs,
            on_moment=on_moment,
            on_rest=on_rest,
        )

    def trained(
        self, toy: TaskFamily | None = None, tasks: int = TASKS, seed: int = 0
    ) -> MetaLearner:
        learner = self.make()
        learner.fit(self.source(toy or self.toy(), tasks, seed), generator_of("kit fit", seed))
        return learner

    @cached_property
    def other_state(self) -> State:
        """That of a learner trained with seed 1."""
        return copy.deepcopy(self.trained(seed=1).state())

    def test_tasks(
        self, n_tasks: int = 5, shots: int = 4, queries: int = 6, **fields: Any
    ) -> TaskBatch:
        """Test tasks that show the learner what it needs."""
        stream = generator_of("kit test")
        batch = self.toy(**fields).sample(n_tasks, "test", stream, shots=shots, queries=queries)
        return batch.showing(self.needs)

    def test(self, n_tasks: int = 5, shots: int = 4, **fields: Any) -> tuple[Support, Tensor]:
        """Support sets and query inputs of test tasks."""
        batch = self.test_tasks(n_tasks, shots, **fields)
        return batch.support, batch.query.x


@dataclass(frozen=True)
class Setting:
    """A learner that was trained on the toy family with these fields."""

    case: Case
    fields: Mapping[str, Any]
    learner: MetaLearner

    @property
    def what(self) -> str:
        return "plain numbers: " if self.fields is PLAIN_NUMBERS else ""

    def test_tasks(self, *sizes: int) -> TaskBatch:
        return self.case.test_tasks(*sizes, **self.fields)


def predictions(
    learner: MetaLearner, support: Support, x: Tensor, steps: Sequence[int] = STEPS
) -> Tensor:
    """Predictions of shape (steps, tasks, points, outputs)."""
    return torch.stack([predict(x) for predict in learner.adapt(support, steps)]).detach()
