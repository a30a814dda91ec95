"""How the scheduler and the engines scale: `python -m benchmarks.speed.scaling --help`.

`simulate` runs trials that do nothing through the scheduler, on an engine that ends them at once;
`overhead` runs real ones that hardly train, a few and many, and says what each more of them takes,
on any engine; `efficiency` runs trials that sleep, on one worker of this machine and on several.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.sums import SUMS
from benchmarks.harness.engines.names import LOCAL
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.descendants import adopt
from benchmarks.harness.run.engine import Began, Ended, Event, Handle
from benchmarks.harness.run.job import Job
from benchmarks.harness.run.progress import PlainProgress
from benchmarks.harness.run.scheduler import run_trials
from benchmarks.harness.store.folder import ResultsFolder, seal

MATRIX = """
name = "scaling"
seeds = {seeds}
budget = {{ tasks = 4 }}
protocol = [{{ kind = "few_shot", shots = [1], steps = [0], tasks = 4, queries = 2 }}]
family = [{{ name = "line" }}]
learner = [{{ name = "{learner}"{more} }}]
"""
SIZES = {"simulate": [1000, 3000, 10_000], "overhead": [8, 40], "efficiency": [64]}
"""How many trials each is about, unless told otherwise."""
SLEEPER = """
import time
from dataclasses import dataclass
from typing import ClassVar

from baselines.mean import Mean


@dataclass
class Sleeper(Mean):
    seconds: float = 1.0

    name: ClassVar[str] = "sleeper"

    def fit(self, source, generator):
        time.sleep(self.seconds)
"""


class NoEngine:
    """Says of every job at once that it has ended, as a trial that was really run before it did."""

    capacity = 64

    def __init__(self, done: Path) -> None:
        """`done` is the folder of that trial."""
        self._record = read_json(done / "trial.json")
        self._files = [it for it in done.iterdir() if it.name not in ("trial.json", SUMS)]
        self._events: list[Event] = []

    def submit(self, job: Job) -> Handle:
        for path in self._files:
            os.link(path, job.folder / path.name)
        write_json(job.folder / "trial.json", {**self._record, **job.spec.row})
        seal(job.folder)
        handle = Handle(job.id)
        self._events += [Began(handle), Ended(handle)]
        return handle

    def wait(self, seconds: float) -> list[Event]:
        events, self._events = self._events, []
        return events

    def cancel(self, handle: Handle) -> None: ...

    def close(self) -> None: ...


def simulate(numbers: Sequence[int]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as top:
        place = Path(top)
        _command(_matrix(place, 1, "mean"), "--out", str(place / "one"), "--no-figures")
        (done,) = place.glob("one/trials/[!.]*")
        for number in numbers:
            yield _simulated(number, place, done)


def _simulated(number: int, place: Path, done: Path) -> str:
    path, out = _matrix(place, number, "mean"), place / f"out-{number}"
    matrix = load_matrix(str(path))
    trials = expand(matrix, Registry())
    folder = ResultsFolder(out)
    started = time.perf_counter()
    with folder.open(describe(matrix, trials)):
        progress = PlainProgress(trials, 64)
        progress._print = lambda line: None  # type: ignore[method-assign]
        engine = NoEngine(done)
        run_trials(trials, folder, Registry(), progress, engine=engine, device="cpu", provenance={})
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    shown = _command(str(out), what="status"), _command(path, "--out", str(out), what="plan")
    return (
        f"{number:,} trials: {took:.1f} s, {1e3 * took / number:.2f} ms a trial, {peak:,.0f} MB; "
        f"reml status {shown[0]}; reml plan {shown[1]}"
    )


def overhead(engine: str, jobs: int, bundle: int, few: int, many: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as top:
        place = Path(top)
        (place / "engine.toml").write_text(f"bundle = {bundle}\n")
        took = [_took(place, engine, jobs, seeds, "mean") for seeds in (few, many)]
    clock, processor = ((it[1] - it[0]) / (many - few) for it in zip(*took, strict=True))
    of = "in all" if engine == LOCAL else "of the driver"
    yield (
        f"{engine}, {jobs} at a time: {few} trials in {took[0].clock:.1f} s, {many} in "
        f"{took[1].clock:.1f} s: {clock:.2f} s for each more; of a processor {processor:.2f} s {of}"
    )


def efficiency(jobs: int, trials: int, seconds: float) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as top:
        place = Path(top)
        (place / "sleeper.py").write_text(SLEEPER)
        more = f", seconds = {seconds}"
        one, several = (
            _took(place, LOCAL, number, trials, "sleeper", more).clock for number in (1, jobs)
        )
    yield (
        f"local: {trials} trials that sleep {seconds:g} s in {one:.1f} s on 1 worker, in "
        f"{several:.1f} s on {jobs}: efficiency {one / (jobs * several):.2f}; "
        f"{one / trials - seconds:.2f} s of each are not its sleep"
    )


class Took(NamedTuple):
    """Seconds by the clock, and of a processor: of a process and all it started on this machine."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} s ({self.processor:.1f} s of a processor)"


def _took(place: Path, engine: str, jobs: int, seeds: int, learner: str, more: str = "") -> Took:
    """What a run takes longer than one that finds everything done."""
    out = place / f"{learner}-{jobs}-{seeds}"
    command: list[str | Path] = [_matrix(place, seeds, learner, more)]
    command += ["--engine", engine, "--jobs", str(jobs)]
    command += ["--out", str(out), "--no-figures"]
    if learner == "sleeper":
        command += ["--plugin", str(place / "sleeper.py")]
    whole, again = _command(*command), _command(*command)  # nothing is left to do
    ended = [json.loads(it.read_text()) for it in out.glob("trials/[!.]*/trial.json")]
    assert [it["status"] for it in ended] == ["done"] * seeds
    return Took(whole.clock - again.clock, whole.processor - again.processor)


def _command(*arguments: str | Path, what: str = "run") -> Took:
    adopt()  # what it leaves behind comes to us, with what that has spent
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "reml", what, *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clock = time.perf_counter() - started
    with suppress(ChildProcessError):
        while os.wait():
            pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return Took(clock, user + system)


def _matrix(place: Path, seeds: int, learner: str, more: str = "") -> Path:
    path = place / f"{learner}-{seeds}.toml"
    path.write_text(MATRIX.format(seeds=seeds, learner=learner, more=more))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.speed.scaling")
    parser.add_argument("what", choices=SIZES)
    sizes = "; ".join(f"{what} {' '.join(map(str, it))}" for what, it in SIZES.items())
    parser.add_argument("--trials", type=int, nargs="+", help=f"how many (default: {sizes})")
    parser.add_argument("--engine", default=LOCAL, help="of overhead")
    parser.add_argument("--bundle", type=int, default=1, help="trials in a job of SLURM")
    parser.add_argument("--jobs", type=int, default=2, help="at a time, on this machine")
    parser.add_argument("--seconds", type=float, default=10.0, help="that a trial sleeps")
    options = parser.parse_args()
    trials: list[int] = options.trials or SIZES[options.what]
    if options.what == "overhead" and not (len(trials) == 2 and trials[0] < trials[1]):
        parser.error("argument --trials: overhead takes a few and many")
    if options.what == "simulate":
        lines = simulate(trials)
    elif options.what == "overhead":
        lines = overhead(options.engine, options.jobs, options.bundle, trials[0], trials[-1])
    else:
        lines = efficiency(options.jobs, trials[-1], options.seconds)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
