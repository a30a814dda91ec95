"""Learners with known answers on sinusoids of one amplitude and phase 0: y = a · sin(x)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from benchmarks.core import BudgetedSource, Predictor, State, Support
from benchmarks.core.errors import CannotContinue


@dataclass
class Recalls:
    """Predicts a · sin(x) with the amplitude that it saw last; step t adds `gain` · t to it."""

    gain: float = 0.0

    name: ClassVar[str] = "recalls"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        self.amplitude_ = torch.zeros(1)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            query = source.sample(5, shots=2, queries=8).query
            wave = query.x.sin()
            self.amplitude_ = ((query.y * wave).sum() / (wave * wave).sum()).view(1)
            source.log(query_loss=self.amplitude_)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        for step in steps:
            yield lambda x, a=self.amplitude_ + self.gain * step: a * x.sin()

    def state(self) -> State:
        return {"amplitude": self.amplitude_}

    def load_state(self, state: State) -> None:
        self.amplitude_ = state["amplitude"]


@dataclass
class Silent(Recalls):
    """Predicts what it would had it seen nothing."""

    name: ClassVar[str] = "silent"

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        pass


@dataclass
class Stuck(Recalls):
    name: ClassVar[str] = "stuck"

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        self.amplitude_ = torch.zeros(1)
        Recalls.partial_fit(self, source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        raise CannotContinue("all it learned is in its 5 training tasks")


@dataclass
class Wanders(Recalls):
    """Adds noise from the generator: what it becomes depends on all that came before."""

    name: ClassVar[str] = "wanders"

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            source.sample(5, shots=2, queries=8)
            self.amplitude_ = self.amplitude_ + torch.rand(1, generator=generator)


@dataclass
class Curious(Recalls):
    """Must be told a field that sinusoids do not have."""

    name: ClassVar[str] = "curious"
    needs: ClassVar[frozenset[str]] = frozenset({"slope"})


@dataclass
class Drowns(Recalls):
    """Recalls, but from the middle of its training on forgets a little more with each batch."""

    name: ClassVar[str] = "drowns"

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            source.sample(1, shots=2, queries=8)
            self.amplitude_ = self.amplitude_ + (0.2 if source.progress <= 0.5 else 0.3)
            self.amplitude_ += 0.001 * torch.rand(1, generator=generator)


@dataclass
class Shy(Recalls):
    """Cannot tell its state before it is all there."""

    name: ClassVar[str] = "shy"

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        tasks = source.sample(5, shots=2, queries=8)
        while not source.exhausted:
            tasks = source.sample(1, shots=2, queries=8)
        wave = tasks.query.x.sin()
        self.amplitude_ = ((tasks.query.y * wave).sum() / (wave * wave).sum()).view(1)
