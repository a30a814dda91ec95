"""A trial that takes more than it may is a failed row that says so; what it has left is gone."""

import math
import os
import signal
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import reml
from benchmarks.harness.disk import traces
from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.run import guard
from benchmarks.harness.run.guard import End, Guard
from benchmarks.harness.trial.trainings import PLACE

PLUGIN = """
import ctypes, os, signal, subprocess, sys, tempfile, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from baselines.mean import Mean


@dataclass
class Unruly(Mean):
    place: str = ""
    how: str = ""

    name: ClassVar[str] = "unruly"

    def fit(self, source, generator):
        for loss in (2.0, 1.0):
            source.sample(5, shots=1, queries=1)
            source.log(loss=loss)
        getattr(self, self.how, lambda: None)()

    def adapt(self, support, steps):
        if self.how == "hangs in adapt":
            while True:
                try:
                    time.sleep(60)
                except KeyboardInterrupt:
                    print("not now")
        return super().adapt(support, steps)

    def sleeps(self):
        time.sleep(60)

    def deaf(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        time.sleep(60)

    def smug(self):
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass

    def hogs(self):
        if os.fork():
            os.wait()
            return
        held = []
        while True:
            held.append(bytearray(b"x" * 20_000_000))

    def breeds(self):
        self.children()
        os._exit(3)

    def parricide(self):
        self.children()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)

    def children(self):
        for _ in range(10):
            if not os.fork():
                os.setsid()
                if not os.fork():
                    time.sleep(60)
                os._exit(0)
            os.wait()
        subprocess.Popen(["sleep", "60"], start_new_session=True)
        folder = Path(tempfile.mkdtemp())
        (folder / "large").write_bytes(bytes(10**6))
        (folder / "inner").mkdir(mode=0)
        folder.chmod(0)
        Path(self.place, self.how).write_text(str(folder))

    def crashes(self):
        ctypes.string_at(0)

    def leaves(self):
        sys.exit(3)
"""
# so long that a busy machine comes to the point where each hangs; nobody works meanwhile
LIMITS = {
    "hangs in adapt": "{ timeout = 15 }",
    "hogs": '{ timeout = "1h", memory = "700MB" }',
    **dict.fromkeys(("sleeps", "deaf", "smug"), "{ timeout = 15 }"),
}


@pytest.fixture(scope="module")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """Where a run of all kinds is, and its trials by kind."""
    top = tmp_path_factory.mktemp("unruly")
    (top / "unruly.py").write_text(PLUGIN)
    kinds = [*LIMITS, "breeds", "parricide", "crashes", "leaves", "calm"]
    learners = [
        {"name": "unruly", "label": it, "how": it, "place": str(top)}
        | ({"limits": parsed(LIMITS[it])} if it in LIMITS else {})
        for it in kinds
    ]
    matrix = {
        **{"name": "unruly", "seeds": 1, "budget": {"tasks": 20}, "learner": learners},
        "protocol": [{"kind": "few_shot", "shots": [2], "steps": [0], "tasks": 5, "queries": 5}],
        "family": "sinusoid",
    }
    results = reml.run(
        matrix,
        out=top / "out",
        plugins=[top / "unruly.py"],
        jobs=5,
        report=False,
        progress=False,
    )
    return top / "out", results.trials.set_index("learner")


def parsed(table: str) -> dict[str, object]:
    return tomllib.loads(f"it = {table}")["it"]  # type: ignore[no-any-return]


def test_each_is_a_failed_row_with_its_reason(unruly: tuple[Path, pd.DataFrame]) -> None:
    out, trials = unruly
    reasons = trials["reason"].fillna("").to_dict()
    place = {kind: f" (trials/{it}/output.txt)" for kind, it in trials["trial"].items()}
    timed_out = ("sleeps", "deaf", "smug", "hangs in adapt")
    assert reasons == dict.fromkeys(timed_out, "timed out after 15 s") | {
        "hogs": "out of memory (more than 700 MB)",
        "breeds": f"worker process ended without a result (exit code 3){place['breeds']}",
        "parricide": "the process that keeps a worker died (exit code -9)",
        "crashes": f"worker process died (signal 11, SIGSEGV){place['crashes']}",
        "leaves": f"SystemExit: 3{place['leaves']}",
        "calm": "",
    }
    assert trials["status"].to_dict() == {
        kind: "done" if kind == "calm" else "failed" for kind in trials.index
    }
    where = (out / "trials" / trials.loc["hangs in adapt", "trial"] / "output.txt").read_text()
    assert "not now" in where  # it was interrupted first
    assert "in adapt" in where  # and said where it was when it was asked to end
    assert where.endswith("timed out after 15 s\n")


def test_the_row_has_what_was_spent_and_the_curve_so_far(
    unruly: tuple[Path, pd.DataFrame],
) -> None:
    out, trials = unruly
    history = reml.load(out).history
    for kind, row in trials.iterrows():
        if kind != "parricide":
            assert row["tasks"] == 10, kind
            mine = history[history["trial"] == row["trial"]]
            own = mine[mine["metric"] == "loss"]
            assert own["value"].tolist() == [2.0, 1.0], kind
    for kind in ("sleeps", "deaf", "smug"):
        assert 0.1 < trials.loc[kind, "seconds"] < 30
        assert trials.loc[kind, "evaluate_seconds"] == 0
    # its first predictions are for validation
    assert 0.1 < trials.loc["hangs in adapt", "validation_seconds"] < 30
    assert trials.loc["hogs", "peak_memory_mb"] > 50


def test_who_took_an_interrupt_for_the_end_of_training_has_not_trained(
    unruly: tuple[Path, pd.DataFrame],
) -> None:
    out, trials = unruly
    trained = [it.name for it in (out / "trials" / PLACE).iterdir()]
    assert len(trained) == 2  # calm, and the one that hangs in adapt
    assert (out / "trials" / trials.loc["hangs in adapt", "trial"] / "learner.pt").is_file()
    assert not (out / "trials" / trials.loc["smug", "trial"] / "learner.pt").exists()


def test_no_process_and_no_temporary_file_is_left(unruly: tuple[Path, pd.DataFrame]) -> None:
    out, _ = unruly
    for kind in ("breeds", "parricide"):
        folder = Path((out.parent / kind).read_text())
        assert folder.parent.name.startswith("reml-")
        assert not folder.parent.exists()
        assert not list(traces._strays(folder.parent.name))


def test_more_time_is_all_it_takes(unruly: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    """The same matrix with a larger limit runs what has failed again, under the same name."""
    plugin = tmp_path / "slow.py"
    plugin.write_text(PLUGIN.replace("time.sleep(60)", "time.sleep(0.7)"))
    matrix = {
        **{"name": "slow", "seeds": 1, "budget": {"tasks": 20}, "limits": {"timeout": 0.3}},
        "protocol": [{"kind": "few_shot", "shots": [2], "steps": [0], "tasks": 5, "queries": 5}],
        "family": "sinusoid",
        "learner": {"name": "unruly", "how": "sleeps"},
    }
    runs = [
        reml.run(
            matrix, out=tmp_path / "out", plugins=[plugin], report=False, progress=False, **more
        ).trials.iloc[0]
        for more in ({}, {"timeout": "10m"})
    ]
    assert [it["reason"] for it in runs] == ["timed out after 0.3 s", None]
    assert runs[0]["trial"] == runs[1]["trial"]


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[End, str]]:
    """How a child ends that only sleeps, and why."""
    monkeypatch.setattr(guard, "GRACES", (0.1, 0.1))
    monkeypatch.setattr(guard, "LEAST_GRACE", 0.05)
    monkeypatch.setattr(guard, "PATROL_SECONDS", 0.05)

    def run(limits: Limits = Limits(), *, pidfd: bool = True) -> tuple[End, str]:  # noqa: B008
        if not pidfd:
            monkeypatch.delattr(os, "pidfd_open")
        worker = os.fork()
        if not worker:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            time.sleep(20)
            os._exit(0)
        watch = Guard(worker, limits, tmp_path)
        return watch.wait(), watch.reason

    return run


@pytest.mark.parametrize("pidfd", [True, False])
def test_an_interrupt_is_tried_first(guarded: Callable[..., tuple[End, str]], pidfd: bool) -> None:
    end, reason = guarded(Limits(timeout=0.2, memory=math.inf), pidfd=pidfd)
    assert (end.code, reason) == (-signal.SIGINT, "timed out after 0.2 s")


def test_temporary_files_and_processes_are_bounded(
    guarded: Callable[..., tuple[End, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(bytes(2 * 10**6))
    monkeypatch.setattr(guard, "MOST_SCRATCH", 10**6)
    assert guarded()[1] == "its temporary files took more than 1 MB"
    monkeypatch.setattr(guard, "MOST_PROCESSES", 0)
    end, reason = guarded()
    assert (end.code, reason) == (-signal.SIGKILL, "started more than 0 processes")


def test_who_waits_for_a_processor_looks_no_later(tmp_path: Path) -> None:
    """Else a fork bomb that has taken them all is looked at ever more seldom."""
    watch = Guard(os.getpid(), Limits(), tmp_path)
    due = watch._timed(lambda: time.sleep(0.1), 0.5)
    assert due - time.monotonic() < 0.6
    due = watch._timed(lambda: sum(range(3_000_000)) and None, 0.01)
    assert due - time.monotonic() > 0.2


def test_what_the_system_ends_for_want_of_memory_is_said_to_be_that(
    guarded: Callable[..., tuple[End, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = iter([3, 4])
    monkeypatch.setattr(guard, "_kills_for_memory", lambda: next(kills))
    end, _ = guarded(Limits(timeout=0.1))
    assert end.starved
    killed = end._replace(code=-signal.SIGKILL)
    assert killed.told.startswith("out of memory, probably: the system ended the worker")
    assert "lacks memory" in killed._replace(starved=False).told
