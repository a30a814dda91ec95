"""Cheap learners for the harness to run, and some that go wrong in every way."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from annotated_types import Gt

from benchmarks.core import (
    BudgetedSource,
    Choice,
    Diagnosis,
    Predictor,
    State,
    Support,
    task_mse,
)
from benchmarks.networks import mlp


@dataclass
class Guess:
    """Learns a random weight of the support mean; `pause` seconds pass at each training step."""

    scale: Annotated[float, Gt(0)] = 1.0
    widths: tuple[int, ...] = (2, 3)
    kind: Literal["plain", "fancy"] = "plain"
    pause: float = 0.0
    lift: float = 0.0

    name: ClassVar[str] = "guess"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"guess-half": {"scale": 0.5}}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    only_at_test: ClassVar[frozenset[str]] = frozenset({"lift"})

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        self.weight_ = torch.rand(1, generator=generator) * self.scale
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            batch = source.sample(10, shots=5, queries=5)
            self.weight_ = 0.9 * self.weight_ + 0.01 * batch.query.y.mean()
            source.log(weight=self.weight_)
            time.sleep(self.pause)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        mean = support.y.mean(1, keepdim=True)
        for step in steps:
            y = self.weight_ * mean + 0.01 * step + self.lift
            yield lambda x, y=y: y.expand(-1, x.shape[1], 1)

    def state(self) -> State:
        return {"weight": self.weight_}

    def load_state(self, state: State) -> None:
        self.weight_ = state["weight"]


@dataclass
class Descends(Guess):
    """A small network trained by Adam: floating point work worth comparing bit by bit."""

    name: ClassVar[str] = "descends"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        self.network_ = mlp(1, (40, 40), 1, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        optimiser = torch.optim.Adam(self.network_.parameters())
        while not source.exhausted:
            batch = source.sample(10, shots=5, queries=5)
            loss = task_mse(self.network_(batch.query.x), batch.query.y).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        for _ in steps:
            yield self.network_

    def state(self) -> State:
        return {"network": self.network_.state_dict()}


@dataclass
class Grown(Guess):
    """What `Guess` is, with a field that came later."""

    bonus: float = 1.0

    name: ClassVar[str] = "grown"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    later: ClassVar[Mapping[str, Any]] = {"bonus": 0.0}


@dataclass
class Told(Guess):
    name: ClassVar[str] = "told"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    needs: ClassVar[frozenset[str]] = frozenset({"amplitude"})

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        assert set(support.privileged) == {"amplitude"}
        return super().adapt(support, steps)


@dataclass
class Chooses(Guess):
    """Sorts tasks by their mean: below 0, or not."""

    name: ClassVar[str] = "chooses"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def diagnose(self, support: Support) -> Diagnosis:
        mean = support.y.mean((1, 2))
        return Diagnosis({"input layer": Choice((mean >= 0).long(), 2)}, {"policy_entropy": mean})


@dataclass
class Raises(Guess):
    name: ClassVar[str] = "raises"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        raise ArithmeticError("two and two make five\nand more")


@dataclass
class PredictsNaN(Guess):
    name: ClassVar[str] = "predicts-nan"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        for _ in steps:
            yield lambda x: torch.full_like(x, float("nan"))


@dataclass
class LogsNaN(Guess):
    name: ClassVar[str] = "logs-nan"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            source.sample(10, shots=5, queries=5)
            source.log(loss=float("nan"))


@dataclass
class Stingy(Guess):
    name: ClassVar[str] = "stingy"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        return iter(list(super().adapt(support, steps))[:1])


@dataclass
class Exits(Guess):
    name: ClassVar[str] = "exits"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        os._exit(7)


@dataclass
class Killed(Guess):
    name: ClassVar[str] = "killed"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass
class Sleeps(Guess):
    """Writes its process id to `pid_file` and sleeps for long."""

    pid_file: str = ""

    name: ClassVar[str] = "sleeps"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        Path(self.pid_file + ".tmp").write_text(str(os.getpid()))
        Path(self.pid_file + ".tmp").rename(self.pid_file)
        time.sleep(120)
