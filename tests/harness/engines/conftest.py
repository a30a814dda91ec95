"""A matrix for engines, and what it comes to on this machine."""

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import towns
from once import made_once
from warm import Command

from benchmarks.cli import main

PATIENCE = 180.0
PLUGIN = """
import time
from dataclasses import dataclass
from typing import ClassVar

from baselines.mean import Mean
import neighbour


@dataclass
class Slow(Mean):
    pause: float = 0.0
    how: str = ""
    lift: float = 0.0

    name: ClassVar[str] = "slow"
    only_at_test: ClassVar[frozenset[str]] = frozenset({"lift"})

    def fit(self, source, generator):
        while not source.exhausted:
            batch = source.sample(5, shots=2, queries=2)
            source.log(seen=float("nan") if self.how == "nan" else batch.query.y.mean())
            time.sleep(self.pause / 4)
        neighbour.does(self.how)
"""
NEIGHBOUR = """
import ctypes, os, signal, sys, time


def does(how):
    if how == "crashes":
        ctypes.string_at(0)
    if how == "hogs":
        held = []
        while True:
            held.append(bytearray(b"x" * 20_000_000))
    if how == "breeds":
        for _ in range(10):
            if not os.fork():
                os.setsid()
                os.execvp("sleep", ["sleep", "613"])
        os._exit(3)
    if how == "shouts":
        for _ in range(1000):
            os.write(1, b"x" * 999_999 + b"\\n")
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs":
        time.sleep(600)
    if how == "exits":
        sys.exit(3)
    if how == "raises":
        raise ArithmeticError("two and two make five")
"""
MATRIX = """
name = "engines"
seeds = 2
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]
"""
MATRIX += (
    towns.FAMILY
    + """
[[learner]]
name = "slow"
pause = 0.6

[[learner]]
name = "slow"
label = "lifted"
pause = 0.6
lift = 1.0

[[learner]]
name = "scratch"
hidden = [4]

[[learner]]
name = "mean"
"""
)
EXPECTED = {
    "dies": "worker process died (signal 9, SIGKILL)",
    "crashes": "worker process died (signal 11, SIGSEGV)",
    "hangs": "timed out after 3 s",
    "hogs": "out of memory (more than 700 MB)",
    "breeds": "worker process ended without a result (exit code 3)",
    "exits": "SystemExit: 3 (trials/",
    "raises": "ArithmeticError: two and two make five",
    "nan": "Diverged: seen became nan after 5 training tasks",
    "shouts": "done",
    "calm": "done",
}
"""What a learner does, and how the reason of its row begins or else what it comes to."""
BROKEN = """
name = "broken"
seeds = 1
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]
family = [{ name = "sinusoid" }]
""" + "".join(
    f'\n[[learner]]\nname = "slow"\nlabel = "{how}"\nhow = "{how}"\n'
    f'limits = {{ timeout = "{"3s" if how == "hangs" else "10m"}", memory = "700MB" }}\n'
    for how in EXPECTED
)


TUNED = """
name = "tuned"
seeds = 1
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]
family = [{ name = "sinusoid" }]
learner = [{ name = "scratch" }, { name = "reptile", hidden = [2], meta_batch = 5 }]
tuning = { trials = 2, tasks = 5 }
"""


@dataclass
class Bench:
    """A folder with a matrix, its data and its plugin, and how to run it."""

    place: Path

    def start(self, *arguments: str, out: str, matrix: str = "engines") -> Command:
        command = ["run", f"{matrix}.toml", "--no-figures"]
        more = ["--plugin", "plugins/slow.py", "--out", out]
        return Command([*command, *more, *arguments], self.place, ["plugins"])

    def run(self, *arguments: str, out: str, matrix: str = "engines", code: int = 0) -> str:
        with self.start(*arguments, out=out, matrix=matrix) as running:
            found = running.wait(PATIENCE)
            said = running.said + running.complained
        assert found == code, said
        return said

    def tuned(self, engine: str, out: str) -> pd.DataFrame:
        """What a search comes to, in this process, but for the seconds."""
        command = ["tune", str(self.place / "tuned.toml"), "--engine", engine, "--jobs", "1"]
        assert main([*command, "--out", str(self.place / out)]) == 0
        return self.found(out)

    def found(self, out: str) -> pd.DataFrame:
        found = pd.read_parquet(self.place / out / "tuning.parquet")
        return found.drop(columns=["seconds", "validation_seconds"])

    def written(self, out: str) -> dict[str, int]:
        """When each trial was stored, which tells whether it was run again."""
        found = (self.place / out / "trials").glob("[!.]*/trial.json")
        return {path.parent.name: path.stat().st_mtime_ns for path in found}

    def table(self, out: str) -> bytes:
        return (self.place / out / "table.csv").read_bytes()

    def demand_expected(self, out: str) -> None:
        """Of `broken`: of a gigabyte of output 10 MB are kept, and of ten children none is left."""
        trials = self.place / out / "trials"
        records = [json.loads(it.read_text()) for it in trials.glob("[!.]*/trial.json")]
        found = {it["learner"]: it["reason"] or it["status"] for it in records}
        assert found.keys() == EXPECTED.keys()
        for how, outcome in EXPECTED.items():
            assert found[how].startswith(outcome), how
        (shouting,) = (it["trial"] for it in records if it["learner"] == "shouts")
        said = trials / shouting / "output.txt"
        assert 9_900_000 < said.stat().st_size < 10_000_200
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                assert line.read_bytes() != b"sleep\x00613\x00"

    def until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"waited {PATIENCE} s for {what}"
            time.sleep(0.05)


def prepared(place: Path) -> Bench:
    (place / "plugins").mkdir()
    (place / "plugins" / "slow.py").write_text(PLUGIN)
    (place / "plugins" / "neighbour.py").write_text(NEIGHBOUR)
    (place / "rows.csv").write_text(towns.rows())
    (place / "engines.toml").write_text(MATRIX)
    (place / "broken.toml").write_text(BROKEN)
    (place / "tuned.toml").write_text(TUNED)
    return Bench(place)


@pytest.fixture(scope="package")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """With the results of one process at a time on this machine in `local`."""
    made = made_once(
        tmp_path_factory, "engines", lambda it: prepared(it).run("--jobs", "1", out="local")
    )
    place = tmp_path_factory.mktemp("engines")
    return Bench(Path(shutil.copytree(made, place, dirs_exist_ok=True)))


@pytest.fixture(scope="package")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What a search comes to on this machine, one training at a time."""
    made = made_once(
        tmp_path_factory, "tuned", lambda it: prepared(it).tuned("local", "local-tuned")
    )
    return Bench(made).found("local-tuned")
