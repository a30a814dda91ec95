"""The laws of a protocol hold for all that are registered, and each is found broken where it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch

from benchmarks.core import Problem, TaskBatch
from benchmarks.core.declaration import Column, Declaration, Metric, Table
from benchmarks.core.protocol import Gain, Outcome, Protocol, Trial
from benchmarks.harness.plan.registry import Registry
from benchmarks.protocols.outliers import Outliers
from benchmarks.testing import check_protocol

KEYS: dict[str, Any] = {"shots": (2, 3), "steps": (0, 1, 4)}
MORE: Mapping[str, list[dict[str, Any]]] = {
    "transfer": [{}, {"on": ("far",)}],
    "unrelated": [{"on": ("far",)}],
    "retention": [{"then": "far"}],
}


def broken(cls: type[Protocol], **more: Any) -> dict[str, str]:
    checks = check_protocol(lambda: cls(**{"kind": cls.name, **KEYS, **more}))
    return {check.name: check.message for check in checks if not check.passed}


@pytest.mark.parametrize("name", Registry().names("protocol"))
def test_registered_protocols_keep_the_laws(name: str) -> None:
    cls = Registry().find("protocol", name).cls
    assert issubclass(cls, Protocol)
    for more in MORE.get(name, [{}]):
        assert not broken(cls, **more)


LOSS = Metric(name="loss", meaning="what is lost", called="loss", unit="difference")


class Untrained(Protocol):
    name: ClassVar[str] = "untrained"

    def run(self, trial: Trial) -> Outcome:
        return Outcome(trial.test())


class Undeclared(Outliers):
    declares: ClassVar[Declaration] = Declaration(metrics=(LOSS,))


class Unshown(Protocol):
    name: ClassVar[str] = "unshown"
    declares: ClassVar[Declaration] = Declaration(
        tables=(Table(caption="Loss.", columns=(Column(metric="loss", title="loss"),)),)
    )


class Elsewhere(Protocol):
    name: ClassVar[str] = "elsewhere"

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        return Outcome(trial.test("other"))


class Infinite(Protocol):
    name: ClassVar[str] = "infinite"
    declares: ClassVar[Declaration] = Declaration(metrics=(LOSS,))

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        test = trial.test()
        return Outcome(test, [self._gain(test, k) for k in self.shots])

    def _gain(self, test: Any, shots: int) -> Gain:
        levels = test.levels(shots)
        return Gain("loss", shots, self.steps, levels / 0, test.diverged(shots), test)


class Peeking(Outliers):
    def spoil(self, batch: TaskBatch, problem: Problem, generator: torch.Generator) -> TaskBatch:
        return replace(batch, query=replace(batch.query, y=batch.query.y * 0))


@pytest.mark.parametrize(
    ("cls", "law", "why"),
    [
        (Untrained, "asks for what it says", "asks to test on own before it asks to train"),
        (Undeclared, "gains are declared", "tells clean, harm, which is not declared"),
        (Unshown, "shows what it declares", "shows loss, which is not declared"),
        (Elsewhere, "asks for what it says", "tests on other, which `tests_on` does not say"),
        (Infinite, "gains are declared", "loss is not finite"),
        (Peeking, "changes only the support", "changes the query points"),
    ],
)
def test_a_protocol_that_breaks_a_law_is_told(cls: type[Protocol], law: str, why: str) -> None:
    assert why in broken(cls)[law]
