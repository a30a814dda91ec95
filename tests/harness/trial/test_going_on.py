"""A training that is cut off comes to the same bits when it goes on, in whatever process."""

import json
import math
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from cutting_off import Cut, Go, change, content
from warm import Command

from baselines.maml import MAML
from benchmarks.api.running import How, run_matrix
from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.harness.disk.checkpoints import SECONDS
from benchmarks.harness.disk.pulse import GOES_ON
from benchmarks.harness.plan.identity import TrialSpec, Try
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.trial import run_trial
from benchmarks.tasks.sinusoid import Sinusoid

PATIENCE = 120.0


def checkpoints(place: Path) -> list[str]:
    return sorted(path.name.partition(".")[2] for path in place.glob("*.checkpoint"))


@pytest.fixture(autouse=True)
def after_each_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, "0")


@pytest.mark.parametrize("learner", ["maml", "reml"])
def test_it_comes_to_the_same_wherever_it_was_cut_off(learner: str, go: Go, tmp_path: Path) -> None:
    """In the first training, then in that again, then in the second."""
    whole = go(learner, "whole", Cut(None), kept="apart")
    assert not checkpoints(tmp_path / "apart")
    for name, after in (("first", 2), ("again", 3), ("second", 7)):
        with pytest.raises(KeyboardInterrupt):
            go(learner, name, Cut(after))
        assert checkpoints(tmp_path / "kept") == [
            "then.checkpoint" if name == "second" else "checkpoint"
        ]
    last = Cut(None)
    record = go(learner, "last", last)
    assert record["status"] == "done", record["reason"]
    assert content(tmp_path / "last") == content(tmp_path / "whole")
    for spent in ("tasks", "points", "inner_gradients", "outer_gradients"):
        assert record["spending"][spent] == whole["spending"][spent]
    assert whole["spending"]["seconds"] > 0
    assert "went_on" not in whole
    (share,) = record["went_on"]
    assert f"{GOES_ON} {100 * share:.0f} %" in last.said
    assert 0 < share < 1
    assert not checkpoints(tmp_path / "kept")


@pytest.mark.parametrize("bar", [math.inf, 1e-9])
def test_a_search_goes_on_in_the_settings_that_it_tried(
    bar: float, trial: Callable[[str], TrialSpec], plugins: Registry, tmp_path: Path
) -> None:
    """Where they turn out to be hopeless, it gives them up as it would have done."""
    spec = replace(trial("plain"), tried=Try(0, (math.inf,) * 6 + (bar,) * 3))

    def go(name: str, report: Cut, kept: str = "kept") -> dict[str, Any]:
        for folder in (name, kept):
            (tmp_path / folder).mkdir(exist_ok=True)
        places = {"trainings": tmp_path / kept, "report": report, "interruptible": True}
        record = run_trial(spec, plugins, tmp_path / name, **places)
        history = pd.read_parquet(tmp_path / name / "history.parquet").drop(columns="seconds")
        assert not checkpoints(tmp_path / kept)
        assert record["status"] == "done", record["reason"]
        return {**record["tried"], "history": history.to_csv()}

    whole = go("whole", Cut(None), "apart")
    with pytest.raises(KeyboardInterrupt):
        go("cut", Cut(5))
    assert checkpoints(tmp_path / "kept") == ["checkpoint"]
    last = Cut(None)
    assert go("last", last) == whole
    assert whole["given_up"] == (bar < 1)
    assert any(it.startswith(GOES_ON) for it in last.said)


class OwnLoop(MAML):
    """Trains otherwise than its parent, and says nothing of how it could go on."""

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        while not source.exhausted:
            source.sample(5, shots=2, queries=2)


def test_a_learner_that_inherits_how_to_go_on_but_not_the_loop_cannot() -> None:
    told: list[Any] = []
    learner = OwnLoop(hidden=(4,))
    budget, stream = Budget(tasks=10), generator_of("any")
    source = BudgetedSource(
        Sinusoid(), budget, stream, on_rest=lambda: told.append(learner.checkpoint())
    )
    learner.fit(source, generator_of("other"))
    assert told == [None, None]


def test_time_that_was_spent_before_counts(go: Go, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        go("plain", "cut", Cut(5))
    (path,) = (tmp_path / "kept").glob("*.checkpoint")
    change("wait", 1000.0)(path)
    written = json.loads(path.read_bytes().partition(b"\n")[0])["written"]
    os.utime(path, (written + 500, written + 500))
    record = go("plain", "last", Cut(None))
    history = pd.read_parquet(tmp_path / "last" / "history.parquet")
    loss = history[history["metric"] == "query_loss"]
    assert loss["seconds"].is_monotonic_increasing
    assert record["first_spending"]["seconds"] >= loss["seconds"].max()
    assert record["spending"]["lost_seconds"] == pytest.approx(500, abs=1)
    assert record["first_spending"]["lost_seconds"] == record["spending"]["lost_seconds"]


def test_a_run_that_was_killed_or_timed_out_in_a_training_goes_on_in_it(
    run_of: Callable[..., list[str]],
    forked: Callable[..., multiprocessing.process.BaseProcess],
    plugins: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits, end = tmp_path / "waits", time.monotonic() + PATIENCE
    monkeypatch.setenv("REML_TEST_WAITS", str(waits))
    with Command(run_of("out"), tmp_path) as killed:
        while not waits.is_file():
            assert time.monotonic() < end
            assert killed.poll() is None, killed.said + killed.complained
            time.sleep(0.05)
    (kept,) = (tmp_path / "out" / "trials" / ".trainings").iterdir()
    assert kept.suffix == ".checkpoint"
    monkeypatch.setenv("REML_TEST_AFTER", "0")
    with Command(run_of("out", "--timeout", "8"), tmp_path) as slow:
        assert slow.wait(PATIENCE) == 1, slow.said + slow.complained
        assert "timed out after 8 s" in slow.said
    monkeypatch.delenv("REML_TEST_WAITS")
    process = forked("out")
    process.join(PATIENCE)
    said = (tmp_path / "log").read_text()
    assert process.exitcode == 0, said
    assert f"{GOES_ON} 75 %" in said
    matrix = load_matrix(str(tmp_path / "cut.toml"), plugins)
    run_matrix(matrix, plugins, How(tmp_path / "whole", figures=False), "", here={"plain"})
    tables = [(tmp_path / out / "table.csv").read_bytes() for out in ("out", "whole")]
    assert tables[0] == tables[1]
    (place,) = (tmp_path / "out" / "trials").glob("[!.]*")
    record = json.loads((place / "trial.json").read_text())
    assert record["went_on"] in ([0.75], [0.75, 0.75])  # twice, where the second had begun
    assert "training goes on after 30 tasks" in (place / "output.txt").read_text()
    assert not kept.exists()
