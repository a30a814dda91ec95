"""A matrix and the folder of its results, which faults befall; and how it has to be after each."""

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import forked
from disk import Broken, Disk

from benchmarks.cli import main
from benchmarks.harness.disk.checkpoints import SECONDS
from benchmarks.harness.run import descendants

PLUGIN = '''
import os
import time
from dataclasses import dataclass
from typing import ClassVar

from baselines.mean import Mean


@dataclass
class Nests(Mean):
    """Takes its time, and has a child that would live on."""

    name: ClassVar[str] = "nests"

    def fit(self, source, generator):
        if not os.fork():
            os.setsid()
            time.sleep(600)
            os._exit(0)
        for _ in range(4):
            source.log(loss=float(source.sample(1, shots=2, queries=2).query.y.mean()))
            time.sleep(0.05)
'''
MATRIX = """
name = "faults"
seeds = 2

[budget]
tasks = 4

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0]
tasks = 4
queries = 3

[[family]]
name = "sinusoid"

[[learner]]
name = "maml"
hidden = [4]
meta_batch = 2

[[learner]]
name = "nests"
"""
TRIALS = 4
PATIENCE = 240.0
LAST = 30.0
EXITS = {0, 1, 2, 130, -signal.SIGKILL, -signal.SIGTERM}


@dataclass
class Patient:
    top: Path
    disk: Disk
    chance: random.Random
    calm: bytes = b""
    seconds: float = 0.0
    """What a run takes that is left alone."""
    own: set[int] = field(default_factory=set)
    hit: bool = True

    @property
    def out(self) -> Path:
        return self.disk.place / "out"

    @property
    def log(self) -> Path:
        return self.top / "log"

    @property
    def command(self) -> list[str]:
        matrix, plugin = self.top / "faults.toml", self.top / "nests.py"
        return ["run", str(matrix), "--plugin", str(plugin), "--out", str(self.out), "--jobs", "2"]

    def start(self, *more: str, locks: bool = True) -> BaseProcess:
        return forked.start([*self.command, *more], self.log, locks=locks)

    def finish(self, process: BaseProcess) -> int:
        process.join(PATIENCE)
        said = self.log.read_text(errors="replace")
        if process.exitcode is None:
            raise Broken(f"it hangs:\n{said}")
        if "Traceback" in said or process.exitcode not in EXITS:
            raise Broken(f"it ended with {process.exitcode}:\n{said}")
        return process.exitcode

    def wait(self) -> None:
        time.sleep(self.chance.uniform(0, 0.7 * self.seconds))

    def shown(self, command: str) -> int:
        """The exit code of a command that reads, in this process: no traceback, whatever it is."""
        with (
            self.log.open("a") as log,
            contextlib.redirect_stdout(log),
            contextlib.redirect_stderr(log),
        ):
            code = main([command, str(self.out)])
        if code not in (0, 2):
            raise Broken(f"reml {command} ended with {code}")
        return code

    def lose(self) -> None:
        """Forget some trials, so that there is something to run."""
        names = sorted(it.name for it in self.out.glob("trials/[!.]*"))
        if self.chance.random() < 0.1:
            shutil.rmtree(self.out, ignore_errors=True)
        for name in self.chance.sample(names, min(len(names), self.chance.choice([1, 2, 2, 3]))):
            shutil.rmtree(self.out / "trials" / name, ignore_errors=True)
        if self.chance.random() < 0.5:  # or what was trained would be taken over
            for place in self.out.glob("trials/.trainings/*[!t]"):  # but checkpoints
                shutil.rmtree(place, ignore_errors=True)

    def of_run(self, process: BaseProcess, generation: int) -> int | None:
        """A keeper (1), a worker (2) or a worker's child (3) of a run, once there is one."""
        end = time.monotonic() + PATIENCE
        while process.is_alive() and time.monotonic() < end:
            found = [process.pid or 0]
            children = children_of_all()
            for _ in range(generation):
                found = [child for pid in found for child in children.get(pid, [])]
            if found:
                return self.chance.choice(found)
            time.sleep(0.01)
        return None

    def strike(self, process: BaseProcess, generation: int, number: signal.Signals) -> None:
        """Send a signal to a process of a run, at a random moment."""
        self.wait()
        pid = process.pid if generation == 0 else self.of_run(process, generation)
        self.hit = process.is_alive() and pid is not None
        if pid is not None and self.hit:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def children_of_all() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = path.read_text(errors="replace").rpartition(")")[2].split()
            if words[0] != "Z":
                children.setdefault(int(words[1]), []).append(int(path.parent.name))
    return children


def done(out: Path) -> set[str]:
    return {path.parent.name for path in out.glob("trials/[!.]*/trial.json")}


def left_alone(patient: Patient) -> None:
    """The same command again, and nothing else: all is as if nothing had ever happened."""
    started = time.monotonic()
    code = patient.finish(patient.start())
    patient.seconds = 0.7 * patient.seconds + 0.3 * (time.monotonic() - started)
    said = patient.log.read_text(errors="replace")
    if code != 0:
        raise Broken(f"left alone it ended with {code}:\n{said}")
    if (patient.out / "table.csv").read_bytes() != patient.calm:
        raise Broken("table.csv is another one")
    left = [*patient.out.rglob(".tmp-*"), *Path(tempfile.gettempdir()).glob("reml-*")]
    if left or len(done(patient.out)) != TRIALS:
        raise Broken(f"{len(done(patient.out))} trials are done, and {left} are left")


def no_orphans(patient: Patient) -> None:
    end = time.monotonic() + LAST
    while True:
        for pid in descendants.descendants():  # this process adopts them: the dead are its to reap
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        left = set(descendants.descendants()) - patient.own
        if not left:
            return
        if time.monotonic() > end:
            told = [Path(f"/proc/{it}/stat").read_text() for it in left]
            raise Broken(f"processes are left: {told}")
        time.sleep(0.02)


@contextlib.contextmanager
def ward(seed: int) -> Iterator[Patient]:
    """A patient in good health."""
    with contextlib.ExitStack() as stack:
        top = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        (top / "tmp").mkdir()
        os.environ[SECONDS] = "0"  # whatever is hit, there is a checkpoint
        os.environ["TMPDIR"] = tempfile.tempdir = str(top / "tmp")
        (top / "faults.toml").write_text(MATRIX)
        (top / "nests.py").write_text(PLUGIN)
        disk = Disk(top / "disk")
        stack.callback(disk.unmount)
        patient = Patient(top, disk, random.Random(seed))
        forked.prepare()
        descendants.adopt()
        patient.own = set(descendants.descendants())
        with patient.log.open("a") as log, contextlib.redirect_stdout(log):
            warm_up(patient)
        shutil.rmtree(patient.out)
        started = time.monotonic()
        if patient.finish(patient.start()) != 0:
            raise Broken(patient.log.read_text())
        patient.seconds = time.monotonic() - started
        if (patient.out / "table.csv").read_bytes() != patient.calm:
            raise Broken("two runs that nothing disturbed differ")
        yield patient


def warm_up(patient: Patient) -> None:
    """Run it here once, trials included, and import what that takes."""
    import torch

    from benchmarks.harness.plan.expand import expand
    from benchmarks.harness.plan.matrix import load_matrix
    from benchmarks.harness.plan.registry import Registry
    from benchmarks.harness.trial.trial import run_trial

    torch.set_num_threads(1)
    registry = Registry([patient.top / "nests.py"])
    trial = expand(load_matrix(patient.command[1], registry), registry)[0]
    run_trial(trial, registry, patient.top / "warm")
    if main(patient.command) != 0:
        raise Broken(patient.log.read_text())
    patient.calm = (patient.out / "table.csv").read_bytes()
