"""How the scheduler and the engines scale: `python -m benchmarks.speed.scaling --help`.

`simulate` runs trials that do nothing through the scheduler, on an engine that ends them at once;
`overhead` runs real ones that hardly train, a few and many, and says what each more of them takes,
on any engine; `efficiency` runs trials that sleep, on one worker of this machine and on several.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.disk.files import write_json
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.engine import Began, Ended, Event, Handle
from benchmarks.harness.run.job import Job
from benchmarks.harness.run.progress import PlainProgress
from benchmarks.harness.run.scheduler import run_trials
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.trial.trial import blank_record

MATRIX = """
name = "scaling"
seeds = {seeds}
budget = {{ tasks = 4 }}
protocol = [{{ kind = "few_shot", shots = [1], steps = [0], tasks = 4, queries = 2 }}]
family = [{{ name = "line" }}]
learner = [{{ name = "{learner}"{more} }}]
"""
SIZES = {"simulate": [1000, 10_000], "overhead": [8, 40], "efficiency": [64]}
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
    """Says of every job at once that it has ended, and that it could not be done."""

    capacity = 64

    def __init__(self) -> None:
        self._events: list[Event] = []

    def submit(self, job: Job) -> Handle:
        write_json(job.folder / "trial.json", {**blank_record(job.spec, {}), "status": "cannot"})
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
    for number in numbers:
        with tempfile.TemporaryDirectory() as place:
            yield _simulated(number, Path(place))


def _simulated(number: int, place: Path) -> str:
    matrix = load_matrix(str(_matrix(place, 1, "mean")))
    (first,) = expand(matrix, Registry())
    ids = [f"line-mean-s{seed}-{seed:012x}" for seed in range(number)]
    trials = [replace(first, id=it, seed=seed, training=it[-12:]) for seed, it in enumerate(ids)]
    folder = ResultsFolder(place / "out")
    started = time.perf_counter()
    with folder.open(describe(matrix, trials)):
        progress = PlainProgress(trials, 64)
        progress._print = lambda line: None  # type: ignore[method-assign]
        run_trials(
            trials, folder, Registry(), progress, engine=NoEngine(), device="cpu", provenance={}
        )
    took = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "reml", "status", str(place / "out")],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    status = time.perf_counter() - started
    return (
        f"{number:,} trials: {took:.1f} s, {1e3 * took / number:.2f} ms a trial, {peak:,.0f} MB; "
        f"reml status {status:.1f} s"
    )


def overhead(engine: str, jobs: int, few: int, many: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as place:
        took = [_took(Path(place), engine, jobs, seeds, "mean") for seeds in (few, many)]
    each = (took[1] - took[0]) / (many - few)
    yield (
        f"{engine}, {jobs} at a time: {few} trials in {took[0]:.1f} s, {many} in {took[1]:.1f} s: "
        f"{each:.2f} s for each more"
    )


def efficiency(jobs: int, trials: int, seconds: float) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as top:
        place = Path(top)
        (place / "sleeper.py").write_text(SLEEPER)
        more = f", seconds = {seconds}"
        took = {
            number: _took(place, "local", number, trials, "sleeper", more) for number in (1, jobs)
        }
    share = took[1] / (jobs * took[jobs])
    yield (
        f"local: {trials} trials of {seconds:g} s in {took[1]:.1f} s on 1 worker, in "
        f"{took[jobs]:.1f} s on {jobs}: efficiency {share:.2f}"
    )


def _took(place: Path, engine: str, jobs: int, seeds: int, learner: str, more: str = "") -> float:
    """Seconds that a run takes longer than one that finds everything done."""
    out = place / f"{learner}-{jobs}-{seeds}"
    command = [sys.executable, "-m", "reml", "run", str(_matrix(place, seeds, learner, more))]
    command += ["--engine", engine, "--jobs", str(jobs), "--out", str(out), "--no-figures"]
    if learner == "sleeper":
        command += ["--plugin", str(place / "sleeper.py")]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - started
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # nothing is left to do
    ended = [json.loads(it.read_text()) for it in out.glob("trials/[!.]*/trial.json")]
    assert len(ended) == seeds
    return whole - (time.perf_counter() - started)


def _matrix(place: Path, seeds: int, learner: str, more: str = "") -> Path:
    path = place / f"{learner}-{seeds}.toml"
    path.write_text(MATRIX.format(seeds=seeds, learner=learner, more=more))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.speed.scaling")
    parser.add_argument("what", choices=SIZES)
    sizes = "; ".join(f"{what} {' '.join(map(str, it))}" for what, it in SIZES.items())
    parser.add_argument("--trials", type=int, nargs="+", help=f"how many (default: {sizes})")
    parser.add_argument("--engine", default="local", help="of overhead")
    parser.add_argument("--jobs", type=int, default=2, help="at a time, on this machine")
    parser.add_argument("--seconds", type=float, default=10.0, help="that a trial sleeps")
    options = parser.parse_args()
    trials: list[int] = options.trials or SIZES[options.what]
    if options.what == "overhead" and not (len(trials) == 2 and trials[0] < trials[1]):
        parser.error("argument --trials: overhead takes a few and many")
    if options.what == "simulate":
        lines = simulate(trials)
    elif options.what == "overhead":
        lines = overhead(options.engine, options.jobs, trials[0], trials[-1])
    else:
        lines = efficiency(options.jobs, trials[-1], options.seconds)
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
