"""Faults while trials run and to what they have left; afterwards the same command makes it good.

Each fault hits a folder as the last one has left it. Then the command is given again, undisturbed,
and table.csv has to be that of a run that nothing ever disturbed. REML_FAULTS says how many faults
there are beyond one of each kind (`make faults` runs a hundred), REML_FAULTS_SEED which.
"""

import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.api import running
from benchmarks.cli import main
from benchmarks.harness.disk.checkpoints import SECONDS
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run import local as runner
from benchmarks.report.tables.write import write_table

MATRIX = """
name = "faults"
seeds = 2

[budget]
tasks = 20

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
tasks = 10
queries = 5

[[family]]
name = "sinusoid"

[[learner]]
name = "mean"

[[learner]]
name = "scratch"
hidden = [4]

[[learner]]
name = "maml"
hidden = [4]
meta_batch = 5
"""
MORE = int(os.environ.get("REML_FAULTS", "0"))
SEED = int(os.environ.get("REML_FAULTS_SEED", "0"))
PATIENCE = 120.0
EXITS = {0, 1, 2, 130, -signal.SIGKILL}


class Disk:
    """The place of the results: a small file system of its own where that can be had."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self.own = os.geteuid() == 0 and self._mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")

    def remount(self, options: str) -> None:
        assert self._mount("-o", f"remount,{options}")

    def unmount(self) -> None:
        if self.own:
            subprocess.run(["umount", "-l", str(self.place)], check=True)

    def _mount(self, *arguments: str) -> bool:
        if sys.platform != "linux" or shutil.which("mount") is None:
            return False
        command = ["mount", *arguments, str(self.place)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass
class Patient:
    """A matrix and the folder of its results, which faults befall."""

    matrix: Path
    disk: Disk
    log: Path
    chance: random.Random
    calm: bytes
    seconds: float
    """What an undisturbed run takes."""

    @property
    def out(self) -> Path:
        return self.disk.place / "out"

    def start(self, *more: str) -> multiprocessing.process.BaseProcess:
        arguments = ["run", str(self.matrix), "--out", str(self.out), "--jobs", "2", *more]
        process = multiprocessing.get_context("fork").Process(
            target=in_child, args=(arguments, self.log)
        )
        process.start()
        return process

    def finish(self, process: multiprocessing.process.BaseProcess) -> int:
        process.join(PATIENCE)
        assert process.exitcode is not None, "it hangs"
        said = self.log.read_text(errors="replace")
        assert "Traceback" not in said, said
        assert process.exitcode in EXITS, said
        return process.exitcode

    def wait(self) -> None:
        time.sleep(self.chance.uniform(0, self.seconds))

    def shown(self, command: str) -> int:
        """The exit code of a command that reads, in this process: no traceback, whatever it is."""
        code = main([command, str(self.out)])
        assert code in (0, 2)
        return code


def in_child(arguments: list[str], log: Path) -> None:
    """A run whose workers are forked from it, which saves their imports; without drawings."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with log.open("a") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    runner._context = lambda *_: multiprocessing.get_context("fork")
    running.write_whole = lambda results, directory, *_, **__: write_table(results, directory)
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def killed(patient: Patient) -> None:
    process = patient.start(*patient.chance.choice([[], ["--force"]]))
    patient.wait()
    process.kill()
    patient.finish(process)


def interrupted(patient: Patient) -> None:
    before = done(patient.out)
    process = patient.start("--force")
    patient.wait()
    os.kill(process.pid or 0, signal.SIGINT)
    assert patient.finish(process) in (0, 130)
    assert before <= done(patient.out), "a result was dropped before its successor was there"


def done(out: Path) -> set[str]:
    return {path.parent.name for path in out.glob("trials/[!.]*/trial.json")}


def started_twice(patient: Patient) -> None:
    both = [patient.start("--force"), patient.start("--force")]
    assert 0 in {patient.finish(process) for process in both}


def read_meanwhile(patient: Patient) -> None:
    process = patient.start("--force")
    end = time.monotonic() + PATIENCE
    while process.is_alive() and time.monotonic() < end:
        for command in ("status", "table"):
            patient.shown(command)
    assert patient.finish(process) == 0


def truncated(patient: Patient) -> None:
    path = a_file(patient)
    path.write_bytes(path.read_bytes()[: patient.chance.randrange(path.stat().st_size or 1)])
    patient.shown("status")
    patient.shown("table")


def flipped(patient: Patient) -> None:
    path = a_file(patient)
    content = bytearray(path.read_bytes() or b"\0")
    content[patient.chance.randrange(len(content))] ^= 1 << patient.chance.randrange(8)
    path.write_bytes(content)
    patient.shown("status")
    patient.shown("table")


def a_file(patient: Patient) -> Path:
    return patient.chance.choice(sorted(it for it in patient.out.rglob("*") if it.is_file()))


def full(patient: Patient) -> None:
    used = shutil.disk_usage(patient.disk.place).used // 1024
    patient.disk.remount(f"size={used + patient.chance.randrange(4, 200)}k")
    code = patient.finish(patient.start("--force"))
    patient.shown("table")
    patient.disk.remount("size=64m")
    assert code in (0, 1, 2)


def read_only(patient: Patient) -> None:
    held = {it: it.read_bytes() for it in patient.out.rglob("*") if it.is_file()}
    patient.disk.remount("ro")
    try:
        assert patient.finish(patient.start()) == 2
        assert patient.shown("table") == 0
        assert held == {it: it.read_bytes() for it in patient.out.rglob("*") if it.is_file()}
    finally:
        patient.disk.remount("rw")


FAULTS: tuple[Callable[[Patient], None], ...] = (
    *(killed, interrupted, started_twice, read_meanwhile, truncated, flipped),
    *(read_only, full),
)
DISK = (read_only, full)


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    top = tmp_path_factory.mktemp("faults")
    (top / "faults.toml").write_text(MATRIX)
    os.environ[SECONDS] = "0"  # whatever is hit, there is a checkpoint
    disk = Disk(top / "disk")
    with contextlib.ExitStack() as stack:
        stack.callback(os.environ.pop, SECONDS)
        stack.callback(disk.unmount)
        it = Patient(top / "faults.toml", disk, top / "log", random.Random(SEED), b"", 0.0)
        expand(load_matrix(str(it.matrix)), Registry())  # imports once what all children need
        started = time.monotonic()
        assert it.finish(it.start()) == 0, it.log.read_text()
        it.seconds = time.monotonic() - started
        it.calm = (it.out / "table.csv").read_bytes()
        yield it


def plan() -> list[Callable[[Patient], None]]:
    return [*FAULTS, *random.Random(SEED).choices(FAULTS, k=MORE)]


@pytest.mark.parametrize("fault", plan(), ids=lambda it: it.__name__)
def test_the_same_command_makes_it_good(patient: Patient, fault: Callable[[Patient], None]) -> None:
    if fault in DISK and not patient.disk.own:
        pytest.skip("a file system of its own takes root and `mount`")
    if patient.chance.random() < 0.3 and fault in (killed, full, started_twice):
        shutil.rmtree(patient.out)
    patient.log.write_text("")
    fault(patient)
    assert patient.finish(patient.start()) == 0, patient.log.read_text()
    assert (patient.out / "table.csv").read_bytes() == patient.calm
    assert not list(patient.out.rglob(".tmp-*"))
    assert len(done(patient.out)) == 6
