"""Unless told otherwise, whoever meta-trains does so with as many points as the test gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Split, TaskBatch, generator_of
from benchmarks.harness.plan.registry import Registry
from benchmarks.testing.cases import Case, Metered

REGISTRY = Registry()
OTHERWISE = frozenset({"reml-thesis", "pooled"})
"""The thesis's preset trains as the thesis did; `pooled` draws rows, and parts them itself."""


@dataclass
class Shown(Metered):
    """Notes how many support points were asked for."""

    shots: list[int] = field(default_factory=list)

    def sample(
        self, n_tasks: int, split: Split, generator: torch.Generator, **sizes: Any
    ) -> TaskBatch:
        self.shots.append(sizes["shots"])
        return super().sample(n_tasks, split, generator, **sizes)


def trained() -> Iterator[str]:
    for name in REGISTRY.names("learner"):
        if name not in OTHERWISE and hasattr(REGISTRY.find("learner", name).cls, "train_shots"):
            yield name


@pytest.mark.parametrize("name", list(trained()))
def test_training_follows_the_test(name: str) -> None:
    found = REGISTRY.find("learner", name)
    fields = {**found.preset, **found.cls.test_fields}
    assert found.cls(**fields).train_shots is None
    for kind in sorted(getattr(found.cls, "kinds", {"regression"})):
        case = Case(lambda: found.cls(**fields), kind)
        for span in ((3, 3), (2, 4)):
            family = Shown(case.toy())
            source = BudgetedSource(
                family, Budget(tasks=40), generator_of("t"), needs=case.needs, shots=span
            )
            case.make().fit(source, generator_of("f"))
            assert family.shots, "it draws no task"
            assert set(family.shots) <= set(range(span[0], span[1] + 1))
