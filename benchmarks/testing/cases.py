"""What the laws of a meta-learner are tried on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmarks.core import (
    Budget,
    BudgetedSource,
    MetaLearner,
    Problem,
    Split,
    Support,
    TaskBatch,
    TaskFamily,
    generator_of,
)
from benchmarks.testing.toy import Toy

TASKS = 33  # no multiple of a usual meta-batch: the last batch of the budget is a short one
STEPS = (0, 1, 3)


@dataclass
class Metered:
    """The toy family, writing down what was drawn from it behind any source's back."""

    toy: Toy
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
        self,
        n_tasks: int,
        split: Split,
        generator: torch.Generator,
        *,
        shots: int = 10,
        queries: int = 10,
    ) -> TaskBatch:
        self.drawn.append((n_tasks, split))
        return self.toy.sample(n_tasks, split, generator, shots=shots, queries=queries)


@dataclass
class Case:
    """One way to make a learner, with what several laws need of it."""

    make: Callable[[], MetaLearner]

    @cached_property
    def needs(self) -> frozenset[str]:
        return self.make().needs

    @cached_property
    def learner(self) -> MetaLearner:
        """Trained once, and shared by the laws that only adapt it."""
        return self.trained()

    def toy(self, **fields: Any) -> Toy:
        """A toy family that has what the learner needs, and something that it may not see."""
        return Toy(reveals=(*sorted(self.needs), "hidden"), **fields)

    def source(self, toy: TaskFamily, tasks: int = TASKS, seed: int = 0) -> BudgetedSource:
        stream = generator_of("kit tasks", seed)
        return BudgetedSource(toy, Budget(tasks=tasks), stream, needs=self.needs)

    def trained(self, toy: Toy | None = None, tasks: int = TASKS, seed: int = 0) -> MetaLearner:
        learner = self.make()
        learner.fit(self.source(toy or self.toy(), tasks, seed), generator_of("kit fit", seed))
        return learner

    def test(self, n_tasks: int = 5, shots: int = 4, **fields: Any) -> tuple[Support, Tensor]:
        """Support sets and query inputs of test tasks."""
        batch = self.toy(**fields).sample(
            n_tasks, "test", generator_of("kit test"), shots=shots, queries=6
        )
        return batch.showing(self.needs).support, batch.query.x


def predictions(
    learner: MetaLearner, support: Support, x: Tensor, steps: Sequence[int] = STEPS
) -> Tensor:
    """Predictions of shape (steps, tasks, points, outputs)."""
    return torch.stack([predict(x) for predict in learner.adapt(support, steps)]).detach()
