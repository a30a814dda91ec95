"""Trials in real worker processes, and what happens when those or the whole run are killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import pytest

from benchmarks.cli import main
from benchmarks.core.errors import UserError
from benchmarks.harness.disk.pulse import lives
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.progress import PlainProgress
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import load_results
from benchmarks.report.tables.write import write_table

Go = Callable[..., ResultsFolder]
Write = Callable[..., Path]
KILLS = 3
PATIENCE = 180.0


def launch(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.cli", "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE} s for {what}"
        time.sleep(0.02)


def test_trials_with_the_same_training_train_once(
    go: Go, write_matrix: Write, registry: Registry, tmp_path: Path
) -> None:
    """Scores are those of trials that train each on its own, whoever comes first."""
    plain = 'name = "guess"'
    lifted = 'name = "guess"\nlabel = "lifted"\nlift = 1.0'
    other = 'name = "guess"\nlabel = "other"\nscale = 0.7\nlift = 1.0'
    out = tmp_path / "out"
    go(write_matrix(plain, lifted, other), registry, out, jobs=3)
    alone = go(write_matrix(lifted), registry, tmp_path / "alone")
    both = load_results(out)
    trainers = {}
    for row in both.trials.itertuples():
        record = json.loads((out / "trials" / row.trial / "trial.json").read_text())
        trainers[row.learner, row.seed] = record["trained_by"]
    ids = both.trials.set_index(["learner", "seed"])["trial"]
    for seed in (0, 1):
        assert trainers["lifted", seed] == trainers["guess", seed] == ids["guess", seed]
        assert trainers["other", seed] == ids["other", seed]
    mine = both.scores[both.scores["learner"] == "lifted"]["value"]
    theirs = load_results(alone.directory).scores["value"]
    assert mine.tolist() == theirs.tolist()
    spent = both.trials.set_index("learner")[["tasks", "seconds"]]
    assert spent.loc["lifted"].to_numpy().tolist() == spent.loc["guess"].to_numpy().tolist()
    assert (spent["tasks"] == 100).all()


def test_a_later_run_takes_over_what_an_earlier_one_has_trained(
    go: Go, write_matrix: Write, registry: Registry, tmp_path: Path
) -> None:
    plain, lifted = 'name = "guess"', 'name = "guess"\nlabel = "lifted"\nlift = 1.0'
    out = tmp_path / "out"
    go(write_matrix(plain), registry, out, commit="of yesterday")
    folder = go(write_matrix(plain, lifted), registry, out, commit="of today")
    results = load_results(out)
    trials = results.trials
    for trial in trials[trials["learner"] == "lifted"]["trial"]:
        record = folder.record(trial) or {}
        assert record["trained_by"] != trial
        giver = folder.record(record["trained_by"]) or {}
        assert record["provenance"]["commit"] == "of today"
        assert record["trained_with"] == giver["trained_with"] == giver["provenance"]
        assert record["trained_with"]["commit"] == "of yesterday"
    assert results.provenance["commits"] == ["of today", "of yesterday"]


def test_failures_are_rows_and_the_others_go_on(
    go: Go,
    write_matrix: Write,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    learners = ["raises", "predicts-nan", "logs-nan", "stingy", "exits", "killed", "guess"]
    folder = go(write_matrix(*learners), registry, tmp_path / "out")
    trials = load_results(folder.directory).trials
    first = trials[trials["seed"] == 0].set_index("learner")
    assert first.loc["guess", "status"] == "done"
    assert (first["status"] == "failed").sum() == 5
    reasons = first["reason"]
    assert reasons["raises"] == "ArithmeticError: two and two make five"
    assert first.loc["predicts-nan", "status"] == "done"
    scores = load_results(folder.directory).scores
    assert scores.loc[scores["learner"] == "predicts-nan", "diverged"].all()
    assert reasons["logs-nan"] == "Diverged: loss became nan after 10 training tasks"
    assert reasons["stingy"].startswith("ContractError: adapt yielded 1 predictors")
    place = {label: f" (trials/{trial}/output.txt)" for label, trial in first["trial"].items()}
    exits = "worker process ended without a result (exit code 7)"
    assert reasons["exits"] == exits + place["exits"]
    killed = (
        "worker process died (signal 9, SIGKILL), as where the system or its group lacks memory"
    )
    assert reasons["killed"] == killed + place["killed"]
    assert first.loc["logs-nan", "tasks"] == 10
    output = folder.trials / first.loc["killed", "trial"] / "output.txt"
    assert output.read_text() == f"last words\n{killed}\n"
    assert "failed exits on sinusoid, seed 0" in capsys.readouterr().out


def test_failures_are_tried_again_and_done_trials_are_not(
    go: Go, write_matrix: Write, registry: Registry, tmp_path: Path
) -> None:
    path = write_matrix("raises", "guess")
    folder = go(path, registry, tmp_path / "out")
    before = written(folder)
    go(path, registry, tmp_path / "out")
    after = written(folder)
    kept = {trial for trial in before if before[trial] == after[trial]}
    assert {trial.split("-")[1] for trial in kept} == {"guess"}
    assert len(kept) == 2


def written(folder: ResultsFolder) -> dict[str, int]:
    """When each trial was stored, which tells whether it was run again."""
    return {
        path.parent.name: path.stat().st_mtime_ns for path in folder.trials.glob("[!.]*/trial.json")
    }


def test_the_number_of_jobs_changes_no_bit(
    go: Go, write_matrix: Write, registry: Registry, tmp_path: Path
) -> None:
    path = write_matrix("guess", "guess-half", "descends")
    for jobs in (1, 3):
        go(path, registry, tmp_path / str(jobs), jobs)
    for name in ("scores.parquet", "curves.parquet"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "3" / name).read_bytes()


def test_killed_again_and_again_the_table_is_the_same(
    go: Go, write_matrix: Write, plugin: Path, tmp_path: Path
) -> None:
    path = write_matrix('name = "guess"\npause = 0.03', 'name = "guess-half"\npause = 0.04', "mean")
    path.write_text(path.read_text().replace("seeds = 2", "seeds = 4"))
    common = [str(path), "--plugin", str(plugin), "--jobs"]
    calm = go(path, Registry([plugin]), tmp_path / "calm", jobs=1).directory
    write_table(load_results(calm), calm)
    out = tmp_path / "killed"
    folder = ResultsFolder(out)
    chance = random.Random(0)
    done: dict[str, int] = {}
    for kill in range(KILLS):
        process = launch([*common, "2", "--out", str(out)])
        wanted = len(done) + 1
        wait_for(lambda n=wanted: len(written(folder)) >= n, f"trial {wanted}")
        time.sleep(chance.uniform(0.0, 0.3))
        process.kill()
        process.communicate()
        now = written(folder)
        assert {trial: now[trial] for trial in done} == done, f"kill {kill} repeated a trial"
        done = now
    assert len(done) < 12, "the run was over before it could be killed"
    assert main(["run", *common, "2", "--out", str(out)]) == 0
    assert {trial: written(folder)[trial] for trial in done} == done
    for name in ("table.csv", "scores.parquet", "curves.parquet"):
        assert (out / name).read_bytes() == (calm / name).read_bytes(), name
    for name in ("table.md", "index.md"):
        assert (out / name).is_file()
    assert list((out / "figures").iterdir())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_run(
    write_matrix: Write, plugin: Path, tmp_path: Path, number: signal.Signals
) -> None:
    pid_file = tmp_path / "pid"
    path = write_matrix(f'name = "sleeps"\npid_file = "{pid_file}"')
    out = tmp_path / "out"
    process = launch([str(path), "--plugin", str(plugin), "--jobs", "1", "--out", str(out)])
    wait_for(pid_file.exists, "the worker")
    worker = int(pid_file.read_text())
    assert lives(worker)
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    wait_for(lambda: not lives(worker), "the worker's end")
    assert not list(out.glob("trials/sinusoid*"))
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert errors == "reml: interrupted; the same command goes on from here\n"
        assert not list(out.glob("trials/.tmp-*"))


def test_workers_run_on_one_thread(go: Go, write_matrix: Write, tmp_path: Path) -> None:
    plugin = tmp_path / "threads.py"
    plugin.write_text(
        """
from dataclasses import dataclass
from typing import ClassVar
import torch
from baselines.mean import Mean

@dataclass
class Threads(Mean):
    name: ClassVar[str] = "threads"

    def fit(self, source, generator):
        raise RuntimeError(f"{torch.get_num_threads()} threads")
"""
    )
    folder = go(write_matrix("threads"), Registry([plugin]), tmp_path / "out", jobs=1)
    records = [json.loads(path.read_text()) for path in folder.trials.glob("*/trial.json")]
    assert {record["reason"] for record in records} == {"RuntimeError: 1 threads"}


def test_a_fork_server_that_dies_costs_no_trial(
    go: Go, write_matrix: Write, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick, killed = PlainProgress.tick, []

    def kill_once(self: PlainProgress) -> None:
        server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
        if not killed:
            killed.append(server)
            os.kill(server, signal.SIGKILL)
        tick(self)

    monkeypatch.setattr(PlainProgress, "tick", kill_once)
    folder = go(write_matrix('name = "guess"\npause = 0.1'), registry, tmp_path / "out")
    assert killed
    assert set(load_results(folder.directory).trials["status"]) == {"done"}
    assert not list(folder.trials.glob(".tmp-*"))


def test_a_fork_server_that_cannot_start_is_one_sentence(
    go: Go, write_matrix: Write, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(forkserver, "connect_to_new_process", refuse)
    with pytest.raises(UserError, match=r"no worker process can be started .*refused"):
        go(write_matrix("mean"), registry, tmp_path / "out")
    assert not list((tmp_path / "out" / "trials").glob(".tmp-*"))
