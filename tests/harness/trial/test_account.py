"""What a trial has spent and logged is known of one that fails, and of one that is cut off."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial import account
from benchmarks.harness.trial.account import PLACE_BYTES, ROOM, Journal
from benchmarks.harness.trial.trial import run_trial

PLUGIN = """
import os
import signal
from dataclasses import dataclass
from typing import ClassVar

from baselines.mean import Mean


@dataclass
class Halfway(Mean):
    how: str = ""

    name: ClassVar[str] = "halfway"

    def fit(self, source, generator):
        for loss in (3.0, 2.0, 1.0):
            source.sample(10, shots=1, queries=1)
            source.log(loss=loss)
        getattr(self, self.how)(source)

    def fails(self, _):
        raise ArithmeticError

    def dies(self, _):
        os.kill(os.getpid(), signal.SIGKILL)

    def dies_after_child(self, source):
        if not os.fork():
            for _ in range(2):
                source.sample(10, shots=1, queries=1)
                source.log(loss=9.0)
            os._exit(0)
        os.wait()
        self.dies(source)

    def forks(self, _):
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 1
            raise ArithmeticError("the child has gone")
"""


@pytest.fixture
def halfway(
    tmp_path: Path, write_matrix: Callable[..., Path]
) -> Callable[[str], tuple[TrialSpec, Registry]]:
    plugin = tmp_path / "halfway.py"
    plugin.write_text(PLUGIN)
    registry = Registry([plugin])

    def make(how: str) -> tuple[TrialSpec, Registry]:
        matrix = load_matrix(str(write_matrix(f'name = "halfway"\nhow = "{how}"')))
        return expand(matrix, registry)[0], registry

    return make


def test_the_curve_of_a_training_that_failed_is_kept(
    halfway: Callable[[str], tuple[TrialSpec, Registry]], tmp_path: Path
) -> None:
    record = run_trial(*halfway("fails"), tmp_path / "out")
    assert (record["status"], record["spending"]["tasks"]) == ("failed", 30)
    history = pd.read_parquet(tmp_path / "out" / "history.parquet")
    assert history["value"].tolist() == [3.0, 2.0, 1.0]
    assert history["tasks"].tolist() == [10, 20, 30]


def test_a_child_that_a_learner_forks_is_no_second_trial(
    halfway: Callable[[str], tuple[TrialSpec, Registry]], tmp_path: Path
) -> None:
    record = run_trial(*halfway("forks"), tmp_path / "out")
    assert record["reason"] == "ArithmeticError: the child has gone"


@pytest.mark.parametrize("how", ["dies", "dies_after_child"])
def test_who_forked_a_trial_knows_what_it_had_spent_when_it_was_killed(
    how: str,
    halfway: Callable[[str], tuple[TrialSpec, Registry]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = Journal()
    journal.open()
    monkeypatch.setattr(account, "JOURNAL", journal)
    trial = halfway(how)
    if (child := os.fork()) == 0:
        run_trial(*trial, tmp_path / "out")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    found = journal.cut_off(time.monotonic() + 100, cpu=1e6, peak_mb=7e6)
    assert found.spending["tasks"] == 30
    assert 100 <= found.spending["seconds"] < 130  # it was training until the end
    assert found.spending["evaluate_seconds"] == 0
    assert 9e5 < found.spending["cpu_seconds"] <= 1e6
    assert found.spending["peak_memory_mb"] == 7e6
    assert found.history["value"].tolist()[:2] == [3.0, 2.0]


def test_a_journal_is_bounded_and_what_was_half_told_does_not_count() -> None:
    journal = Journal()
    journal.tell({"nobody": "reads"})
    assert journal.read()[0] == {}
    journal.open()
    journal.tell({"number": 1})
    journal.tell({"number": "2" * PLACE_BYTES})
    for tasks in range(ROOM // 30):
        journal.add((tasks, 0.5, "loss", 1.0))
    told, history = journal.read()
    assert told == {"number": 1}
    assert history["tasks"].tolist() == list(range(len(history)))
    assert 1000 < len(history) < ROOM // 20
