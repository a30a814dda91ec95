"""Learners that remember what the harness has shown and asked them."""

from collections.abc import Iterable, Iterator, Sequence

import pytest
import torch

from baselines.mean import Mean
from benchmarks.core import Choice, Diagnosis, Predictor, Support


class Spy(Mean):
    """Predicts `value`, and remembers what it was shown."""

    def __init__(self, value: float = 0.0, needs: Iterable[str] = ()) -> None:
        self.value = value
        self.needs = frozenset(needs)
        self.seen_: list[Support] = []

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        self.seen_.append(support)
        for step in steps:
            yield lambda x, step=step: torch.full((len(x), x.shape[1], 1), self.value + step)


class Decided(Spy):
    """Chooses option 1 where the first target is positive, and knows its privileged fields."""

    diagnosis: Diagnosis | None = None

    def diagnose(self, support: Support) -> Diagnosis:
        self.told_ = set(support.privileged)
        chosen = (support.y[:, 0, 0] > 0).long()
        return self.diagnosis or Diagnosis(
            {"input layer": Choice(chosen, 7)}, {"policy_entropy": support.y[:, 0, 0]}
        )


@pytest.fixture
def spy() -> type[Spy]:
    return Spy


@pytest.fixture
def decided() -> type[Decided]:
    return Decided
