"""Whether new_protocol.toml makes trials, and tests as it says."""

from pathlib import Path

from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

MATRIX = Path(__file__).with_name("new_protocol.toml")


def test_it_makes_trials_under_its_label() -> None:
    trials = expand(load_matrix(str(MATRIX)), Registry())
    assert {trial.protocol.label for trial in trials} == {"new_protocol"}
    assert all(0 in trial.protocol.steps for trial in trials)
