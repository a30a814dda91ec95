"""Faults while trials run and to what they have left; afterwards the same command makes it good.

Each fault hits a folder as the last one has left it. Then the command is given again and left
alone: it has to come to its end, table.csv to be that of a run that nothing ever disturbed, and no
process and no temporary file to be left. Runs are forked from a process that has imported
everything, so that hundreds of faults take minutes; and it adopts whatever they orphan.

    python tests/faults/campaign.py --faults 312 --seed 1 --at-once 8 --table faults.md
"""

import argparse
import contextlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.api import running
from benchmarks.cli import main
from benchmarks.harness.disk.checkpoints import SECONDS
from benchmarks.harness.run import descendants
from benchmarks.harness.run import local as runner
from benchmarks.harness.run.engine import Handle
from benchmarks.harness.store import lock
from benchmarks.report.tables.write import write_table

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
OUTCOMES = ("ended well", "failed rows", "said why and ended", "died", "too late")


class Broken(Exception):
    """What must not happen did."""


class Disk:
    """The place of the results: a small file system of its own where that can be had."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self.own = os.geteuid() == 0 and self._mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")

    def remount(self, options: str) -> None:
        if not self._mount("-o", f"remount,{options}"):
            raise Broken(f"{self.place} cannot be remounted with {options}")

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
        process = multiprocessing.get_context("fork").Process(
            target=in_child, args=([*self.command, *more], self.log, locks)
        )
        process.start()
        return process

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


def in_child(arguments: list[str], log: Path, locks: bool) -> None:
    """A run, without drawings, whose workers are forked from it, which saves their imports."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    runner.LocalEngine.submit = undisturbed(runner.LocalEngine.submit)  # type: ignore[method-assign]
    os.register_at_fork(after_in_child=lambda: deaf(signal.SIG_UNBLOCK))
    with log.open("a") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if not locks:
        lock.fcntl = Lockless()  # type: ignore[attr-defined]
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def undisturbed(submit: Callable[..., Handle]) -> Callable[..., Handle]:
    """What Python does after a fork swallows interrupts; other runs fork in their server."""

    def waiting(*arguments: object) -> Handle:
        deaf(signal.SIG_BLOCK)
        try:
            return submit(*arguments)
        finally:
            deaf(signal.SIG_UNBLOCK)

    return waiting


def deaf(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGINT})


class Lockless:
    """`fcntl`, as a file system without locks makes it look."""

    LOCK_EX = LOCK_NB = LOCK_UN = 0

    def flock(self, *_: object) -> None:
        raise OSError(lock.errno.ENOLCK, os.strerror(lock.errno.ENOLCK))


def signalled(generation: int, number: signal.Signals) -> Callable[[Patient], int]:
    def fault(patient: Patient) -> int:
        patient.lose()
        process = patient.start(*patient.chance.choice([[], [], ["--force"]]))
        patient.strike(process, generation, number)
        return patient.finish(process)

    return fault


def interrupted(patient: Patient) -> int:
    before = done(patient.out)
    process = patient.start("--force")
    patient.strike(process, 0, signal.SIGINT)
    code = patient.finish(process)
    if not before <= done(patient.out):
        raise Broken("a result was dropped before its successor was there")
    return code


def stopped(patient: Patient) -> int:
    patient.lose()
    process = patient.start()
    generation = patient.chance.choice([0, 1, 2])
    patient.wait()
    pid = process.pid if generation == 0 else patient.of_run(process, generation)
    patient.hit = pid is not None and process.is_alive()
    if pid is not None and patient.hit:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(patient.chance.uniform(0.1, 1.0))
            os.kill(pid, signal.SIGCONT)
    return patient.finish(process)


def done(out: Path) -> set[str]:
    return {path.parent.name for path in out.glob("trials/[!.]*/trial.json")}


def two_at_once(patient: Patient) -> int:
    patient.lose()
    both = [patient.start("--force"), patient.start("--force")]
    codes = {patient.finish(process) for process in both}
    if 0 not in codes:
        raise Broken(f"of two runs none came to its end: {codes}")
    return 0


def two_on_published(patient: Patient) -> int:
    shutil.rmtree(patient.out / "trials")
    return two_at_once(patient)


def without_locks(patient: Patient) -> int:
    """Killed where the file system has no locks; the next run finds its claim."""
    patient.lose()
    process = patient.start(locks=False)
    patient.strike(process, 0, signal.SIGKILL)
    patient.finish(process)
    return patient.finish(patient.start(locks=False))


def read_meanwhile(patient: Patient) -> int:
    patient.lose()
    process = patient.start()
    for _ in range(3):
        patient.wait()
        for command in ("status", "table"):
            patient.shown(command)
    return patient.finish(process)


def removed(patient: Patient) -> int:
    patient.lose()
    process = patient.start()
    patient.wait()
    inside = patient.chance.choice(["", "trials"])
    patient.hit = process.is_alive()
    shutil.rmtree(patient.out / inside, ignore_errors=True)
    return patient.finish(process)


def truncated(patient: Patient) -> int:
    path = a_file(patient)
    path.write_bytes(path.read_bytes()[: patient.chance.randrange(path.stat().st_size or 1)])
    return max(patient.shown("status"), patient.shown("table"))


def flipped(patient: Patient) -> int:
    path = a_file(patient)
    content = bytearray(path.read_bytes() or b"\0")
    content[patient.chance.randrange(len(content))] ^= 1 << patient.chance.randrange(8)
    path.write_bytes(content)
    return max(patient.shown("status"), patient.shown("table"))


def a_file(patient: Patient) -> Path:
    return patient.chance.choice(sorted(it for it in patient.out.rglob("*") if it.is_file()))


def full(patient: Patient) -> int:
    patient.lose()
    used = shutil.disk_usage(patient.disk.place).used // 1024
    patient.disk.remount(f"size={used + patient.chance.randrange(4, 200)}k")
    try:
        code = patient.finish(patient.start(*patient.chance.choice([[], ["--force"]])))
        patient.shown("table")
    finally:
        patient.disk.remount("size=64m")
    return code


def read_only(patient: Patient) -> int:
    held = {it: it.read_bytes() for it in patient.out.rglob("*") if it.is_file()}
    patient.disk.remount("ro")
    try:
        code = patient.finish(patient.start())
        shown = patient.shown("table")
        kept = held == {it: it.read_bytes() for it in patient.out.rglob("*") if it.is_file()}
    finally:
        patient.disk.remount("rw")
    if code != 2 or shown or not kept:
        raise Broken(f"a read-only folder: the run ended with {code}, the table with {shown}")
    return code


FAULTS: dict[str, Callable[[Patient], int]] = {
    "the run killed (-9)": signalled(0, signal.SIGKILL),
    "a keeper killed (-9)": signalled(1, signal.SIGKILL),
    "a worker killed (-9)": signalled(2, signal.SIGKILL),
    "a learner's child killed (-9)": signalled(3, signal.SIGKILL),
    "Ctrl-C (INT) to the run": interrupted,
    "INT to a worker": signalled(2, signal.SIGINT),
    "TERM to the run": signalled(0, signal.SIGTERM),
    "TERM to a keeper": signalled(1, signal.SIGTERM),
    "TERM to a worker": signalled(2, signal.SIGTERM),
    "run, keeper or worker stopped, then continued": stopped,
    "disk full": full,
    "folder read-only": read_only,
    "folder removed while it runs": removed,
    "two runs at once": two_at_once,
    "two runs at once on a published folder": two_on_published,
    "the run killed, no locks in the file system": without_locks,
    "status and table while it runs": read_meanwhile,
    "a file cut off": truncated,
    "a bit flipped in a file": flipped,
}
DISK = (full, read_only)


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
        runner._context = lambda *_: multiprocessing.get_context("fork")
        running.write_whole = lambda results, place, *_, **__: write_table(results, place)  # type: ignore
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


def outcome_of(code: int, hit: bool) -> str:
    if not hit:
        return "too late"
    return {0: "ended well", 1: "failed rows"}.get(code, "died" if code < 0 else OUTCOMES[2])


def run_campaign(kinds: Sequence[str], seed: int) -> Counter[tuple[str, str]]:
    """All faults, one after the other."""
    counts = Counter[tuple[str, str]]()
    with ward(seed) as patient:
        for number, kind in enumerate(kinds, 1):
            fault = FAULTS[kind]
            if fault in DISK and not patient.disk.own:
                counts[kind, "skipped"] += 1
                continue
            patient.log.write_text("")
            patient.hit = True
            try:
                code = fault(patient)
                left_alone(patient)
                no_orphans(patient)
            except Broken as error:
                print(told := f"fault {number} of seed {seed}, {kind}: {error}", flush=True)
                raise Broken(told) from None
            counts[kind, outcome_of(code, patient.hit)] += 1
            print(f"{seed}: {number:4}  {kind}: {outcome_of(code, patient.hit)}", flush=True)
    return counts


def run_campaigns(faults: int, only: str, seed: int, at_once: int = 1) -> Counter[tuple[str, str]]:
    """So many faults in all, in several campaigns at once, each with a folder of its own."""
    counts = Counter[tuple[str, str]]()
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("fork")) as pool:
        each = -(-faults // at_once)
        runs = [
            pool.submit(run_campaign, planned(each, only, it), it)
            for it in range(seed, seed + at_once)
        ]
        for run in runs:
            counts += run.result()
    return counts


def told(counts: Counter[tuple[str, str]]) -> str:
    """The counts as a table in Markdown."""
    columns = [it for it in (*OUTCOMES, "skipped") if any(of == it for _, of in counts)]
    lines = [f"| fault | number | {' | '.join(columns)} |", f"|---|---:|{'---:|' * len(columns)}"]
    rows = {kind: [counts[kind, it] for it in columns] for kind in FAULTS}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    for kind, numbers in rows.items():
        if sum(numbers):
            cells = " | ".join(str(it or "") for it in (sum(numbers), *numbers))
            lines.append(f"| {kind} | {cells} |")
    return "\n".join(lines) + "\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=300, help="how many, of all kinds in turn")
    parser.add_argument("--only", default="", help="kinds with this in their names: a|b")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=1, help="campaigns, with seeds that follow")
    parser.add_argument("--table", type=Path, help="where the counts go")
    return parser.parse_args()


def planned(faults: int, only: str, seed: int) -> list[str]:
    """So many faults: as many of each kind as of the others, in a random order."""
    kinds = [it for it in FAULTS if any(part in it for part in only.split("|"))]
    order = random.Random(seed)
    rounds = [order.sample(kinds, len(kinds)) for _ in range(-(-faults // len(kinds)))]
    return [kind for part in rounds for kind in part][:faults]


if __name__ == "__main__":
    given = arguments()
    try:
        found = run_campaigns(given.faults, given.only, given.seed, given.at_once)
    except Broken as error:
        sys.exit(f"{error}")
    if given.table is not None:
        given.table.write_text(told(found))
    print(told(found), end="")
