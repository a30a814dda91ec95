"""Learners whose best settings are known, and some that declare nonsense."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from benchmarks.core import (
    BudgetedSource,
    LogUniform,
    OneOf,
    Predictor,
    State,
    Support,
    Whole,
)
from benchmarks.core.errors import Diverged
from benchmarks.core.search import Space


@dataclass
class Knob:
    """Predicts the support mean and an offset: 0 is best. It draws tasks, and learns nothing."""

    offset: float = 5.0
    layers: tuple[int, ...] = (2, 3)
    count: int = 3
    other: float = 0.5

    name: ClassVar[str] = "knob"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"knob-preset": {"count": 4}}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    search: ClassVar[Space] = {
        "offset": LogUniform(0.01, 10.0),
        "layers": OneOf(((2, 3), (4,), (5, 5, 5))),
        "count": Whole(1, 5),
    }

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        self.drawn_ = 0
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            self.drawn_ += len(source.sample(10, shots=2, queries=2))
            self._work()

    def _work(self) -> None: ...

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        mean = support.y.mean(1, keepdim=True)
        for _ in steps:
            yield lambda x: (mean + self.offset + self.count / 100).expand(-1, x.shape[1], 1)

    def state(self) -> State:
        return {"drawn": self.drawn_}

    def load_state(self, state: State) -> None:
        self.drawn_ = state["drawn"]


@dataclass
class Fragile(Knob):
    """Breaks with most settings."""

    name: ClassVar[str] = "fragile"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def _work(self) -> None:
        if self.offset < 1:
            raise Diverged("the offset is too small")


@dataclass
class Hopeless(Knob):
    """Breaks with all settings."""

    name: ClassVar[str] = "hopeless"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def _work(self) -> None:
        raise Diverged("nothing works")


@dataclass
class Plain(Knob):
    """Declares nothing."""

    name: ClassVar[str] = "plain"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    search: ClassVar[Space] = {}
