"""Whether NewProtocol keeps the laws of a protocol, and new_protocol.toml makes trials of it."""

from pathlib import Path

from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.start.samples.protocol import NewProtocol
from benchmarks.testing import check_protocol

FILE, MATRIX = (Path(__file__).with_name(f"new_protocol{it}") for it in (".py", ".toml"))


def test_it_keeps_the_laws() -> None:
    checks = check_protocol(lambda: NewProtocol(kind="new_protocol", shots=(2, 5), steps=(0, 1)))
    assert [f"{it.name}: {it.message}" for it in checks if not it.passed] == []


def test_its_matrix_makes_trials() -> None:
    registry = Registry([FILE])
    trials = expand(load_matrix(str(MATRIX), registry), registry)
    assert {trial.protocol.kind for trial in trials} == {"new_protocol"}
