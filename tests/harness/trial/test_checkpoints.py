"""A training that is cut off goes on where it was, to the same bits."""

import errno
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from baselines.maml import MAML
from benchmarks.api.running import How, run_matrix
from benchmarks.cli import main
from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.core.errors import UserError
from benchmarks.harness.disk.checkpoints import SECONDS, Checkpoint, seconds_between
from benchmarks.harness.disk.pulse import GOES_ON
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.identity import TrialSpec, Try
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.moments import MOMENTS
from benchmarks.harness.trial.trial import run_trial
from benchmarks.tasks.sinusoid import Sinusoid

HEAD = """
name = "cut"
seeds = 1

[budget]
tasks = 40

[[protocol]]
kind = "retention"
then = "two"
families = ["one"]
shots = [2]
queries = 6
tasks = 4
steps = [0, 2]
budget = {tasks = 20}

[[family]]
name = "sinusoid"
label = "one"

[[family]]
name = "sinusoid"
label = "two"
amplitude_low = 2.0
"""
LEARNERS = {
    "maml": 'name = "maml"\nhidden = [4]\nmeta_batch = 5\n',
    "reml": 'name = "reml"\nwidth = 4\npool = [2, 2, 2]\npolicy_width = 4\nbatch_tasks = 5\n',
    "deaf": 'name = "deaf"\n',
    "plain": 'name = "plain"\n',
}
PATIENCE = 120.0
Go = Callable[..., dict[str, Any]]


class Cut:
    """Interrupts a trial at the given report of its training."""

    def __init__(self, after: int | None) -> None:
        self.said: list[str] = []
        self._after = after

    def __call__(self, fraction: float, text: str) -> None:
        self.said.append(text)
        if self._after is not None and "loss" in text:
            self._after -= 1
            if not self._after:
                raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def after_each_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, "0")


@pytest.fixture
def plugins(plugin: Path) -> Registry:
    return Registry([plugin.with_name("goers.py")])


@pytest.fixture
def trial(write_matrix: Callable[..., Path], plugins: Registry) -> Callable[[str], TrialSpec]:
    def make(learner: str) -> TrialSpec:
        matrix = load_matrix(str(write_matrix(LEARNERS[learner], head=HEAD)), plugins)
        return next(it for it in expand(matrix, plugins) if it.family.label == "one")

    return make


@pytest.fixture
def go(trial: Callable[[str], TrialSpec], tmp_path: Path, plugins: Registry) -> Go:
    def run(learner: str, name: str, report: Cut, kept: str = "kept") -> dict[str, Any]:
        for folder in (name, kept):
            (tmp_path / folder).mkdir(exist_ok=True)
        spec = trial(learner)
        trained = tmp_path / kept / spec.training
        return run_trial(
            spec,
            plugins,
            tmp_path / name,
            report=report,
            trained=trained if trained.is_dir() else None,
            trainings=tmp_path / kept,
            interruptible=True,
        )

    return run


def checkpoints(place: Path) -> list[str]:
    return sorted(path.name.partition(".")[2] for path in place.glob("*.checkpoint"))


def content(folder: Path) -> dict[str, Any]:
    history = pd.read_parquet(folder / "history.parquet").drop(columns="seconds")
    moments = torch.load(folder / MOMENTS, weights_only=True)
    return {
        "scores": pd.read_parquet(folder / "scores.parquet").to_csv(),
        "history": history.to_csv(),
        "state": (folder / "learner.pt").read_bytes(),
        "moments": [(it["tasks"], it["packed"].numpy().tobytes()) for it in moments],
    }


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


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def change(key: str, value: Any) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        head, _, packed = path.read_bytes().partition(b"\n")
        header = json.loads(head)
        (header if key in header else header["of"])[key] = value
        path.write_bytes(json.dumps(header).encode() + b"\n" + packed)

    return alter


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damage, "it is damaged"),
        (lambda it: it.write_bytes(it.read_bytes()[:-200]), "it is damaged"),
        (lambda it: it.write_bytes(b""), "it is damaged"),
        (lambda it: it.write_text("[1, 2]\n\n"), "it is damaged"),
        (lambda it: (it.unlink(), it.mkdir()), "it cannot be read (Is a directory)"),
        (change("torch", "1.13.0"), "it is of another torch"),
        (change("code", "0"), "it is of another code"),
        (change("processor", "m68k"), "it is of another processor"),
        (change("of", {}), "it is of another code and another"),
        (change("training", "somebody's"), "it is of another training"),
        (change("format", 0), "it is of another format"),
    ],
)
def test_what_cannot_be_used_is_said(
    spoil: Callable[[Path], None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.checkpoint"
    Checkpoint(path, {"training": "mine"}, 0.0).keep(lambda: {"weight": torch.ones(100)})
    kept = Checkpoint(path, {"training": "mine"}, 0.0).read()
    assert kept is not None
    assert kept.state["weight"].sum() == 100
    spoil(path)
    assert Checkpoint(path, {"training": "mine"}, 0.0).read() is None
    start = "a.checkpoint: training begins anew, as the checkpoint is of no use: "
    assert capsys.readouterr().out.startswith(start + said)


@pytest.mark.parametrize("problem", ["full", "gone", "strange"])
def test_what_cannot_be_written_is_said_and_no_more(
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "results" / "trainings" / "a.checkpoint"
    if problem != "gone":
        path.parent.mkdir(parents=True)
    if problem == "full":
        monkeypatch.setattr(Path, "write_bytes", no_room)
    checkpoint = Checkpoint(path, {}, 0.0)
    checkpoint.keep(lambda: {"what": Path if problem == "strange" else 1})
    assert capsys.readouterr().out.startswith("no checkpoint is kept: ")
    assert not [it for it in tmp_path.rglob("*") if it.is_file()]
    assert not checkpoint.due()


def no_room(path: Path, content: bytes) -> int:
    with path.open("wb") as file:
        file.write(content[:10])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_large_state_is_kept_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took 3 s, of which 150 are a fiftieth."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    checkpoint = Checkpoint(tmp_path / "a.checkpoint", {}, 30.0)

    def slowly() -> dict[str, Any]:
        clock[0] += 3
        return {}

    for at, due in ((29, False), (31, True)):
        clock[0] = at
        assert checkpoint.due() == due
    checkpoint.keep(slowly)
    for at, due in ((34 + 149, False), (34 + 151, True)):
        clock[0] = at
        assert checkpoint.due() == due


def test_a_learner_that_cannot_go_on_after_all_is_trained_anew(
    go: Go, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does what it was told before it failed change a bit."""
    whole = go("deaf", "whole", Cut(None), kept="apart")
    with pytest.raises(KeyboardInterrupt):
        go("deaf", "cut", Cut(5))
    record = go("deaf", "last", Cut(None))
    assert (
        "training begins anew, as it cannot go on: RuntimeError: what is this?"
        in capsys.readouterr().out
    )
    assert content(tmp_path / "last") == content(tmp_path / "whole")
    assert "went_on" not in record
    assert record["spending"].keys() == whole["spending"].keys()


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


@pytest.mark.parametrize("said", ["soon", "-1", "nan"])
def test_an_interval_that_is_none_is_refused(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, said)
    with pytest.raises(UserError, match=f"{SECONDS}: expected a number of seconds"):
        seconds_between()


@pytest.mark.parametrize("seconds", ["inf", ""])
def test_what_is_quick_writes_nothing(
    seconds: str, go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECONDS, seconds)
    with pytest.raises(KeyboardInterrupt):
        go("plain", "cut", Cut(5))
    assert not list((tmp_path / "kept").iterdir())


MATRIX = (
    HEAD.partition("[[protocol]]")[0]
    + """
[[protocol]]
kind = "few_shot"
shots = [2]
queries = 6
tasks = 4
steps = [0, 1]

[[family]]
name = "sinusoid"

[[learner]]
name = "plain"
"""
)


def in_child(arguments: list[str], log: Path) -> None:
    with log.open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    code = main(arguments)
    sys.stdout.flush()
    os._exit(code)


@pytest.fixture
def start(
    tmp_path: Path, plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., multiprocessing.process.BaseProcess]]:
    """Starts runs in processes forked from one that has run trials itself."""
    server = forkserver._forkserver  # type: ignore[attr-defined]
    monkeypatch.setattr(server, "_forkserver_pid", os.getppid())
    (tmp_path / "cut.toml").write_text(MATRIX)
    started: list[multiprocessing.process.BaseProcess] = []

    def run(out: str, *more: str) -> multiprocessing.process.BaseProcess:
        where = ["--out", str(tmp_path / out), "--no-figures"]
        what = ["run", str(tmp_path / "cut.toml"), "--plugin", str(plugin.with_name("goers.py"))]
        process = multiprocessing.get_context("fork").Process(
            target=in_child, args=([*what, *where, *more], tmp_path / "log")
        )
        process.start()
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.join()


def test_a_run_that_was_killed_or_timed_out_in_a_training_goes_on_in_it(
    start: Callable[..., multiprocessing.process.BaseProcess],
    plugins: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits, end = tmp_path / "waits", time.monotonic() + PATIENCE
    monkeypatch.setenv("REML_TEST_WAITS", str(waits))
    killed = start("out")
    while not waits.is_file():
        assert time.monotonic() < end
        assert killed.is_alive(), (tmp_path / "log").read_text()
        time.sleep(0.05)
    killed.kill()
    killed.join()
    (kept,) = (tmp_path / "out" / "trials" / ".trainings").iterdir()
    assert kept.suffix == ".checkpoint"
    monkeypatch.setenv("REML_TEST_AFTER", "0")
    slow = start("out", "--timeout", "8")
    slow.join(PATIENCE)
    assert slow.exitcode == 1, (tmp_path / "log").read_text()
    assert "timed out after 8 s" in (tmp_path / "log").read_text()
    monkeypatch.delenv("REML_TEST_WAITS")
    process = start("out")
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
