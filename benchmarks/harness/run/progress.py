"""What one sees while trials run: a live display, or plain lines where there is no terminal."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.table import Column, Table
from rich.text import Text

from benchmarks.core.declaration import USUAL
from benchmarks.core.text import clock
from benchmarks.harness.disk.pulse import GOES_ON
from benchmarks.harness.outlook.left import SURE, Going, seconds_left
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.run.first_scores import Score

PLAIN_SECONDS = 5.0
MOST_ROWS = 10
MARKS = {"done": ("✓", "green"), "cannot": ("–", "yellow")}
NUMBERS = Column(ratio=1, no_wrap=True, overflow="ellipsis")


@runtime_checkable
class Progress(Protocol):
    """Is told what happens to the trials."""

    def started(self, spec: TrialSpec) -> None: ...
    def advanced(self, spec: TrialSpec, fraction: float, text: str) -> None: ...
    def ended(self, spec: TrialSpec, status: str, reason: str | None) -> None: ...
    def tick(self) -> None: ...


@runtime_checkable
class Scoring(Progress, Protocol):
    """Also wants to know a first score of each trial, before it is told that it ended."""

    def scored(self, spec: TrialSpec, score: Score) -> None: ...


@runtime_checkable
class Watched(Progress, Protocol):
    """Shows what it is told, from when it is entered until it is left."""

    def __enter__(self) -> Progress: ...
    def __exit__(self, *_: object) -> None: ...


@runtime_checkable
class Listening(Progress, Protocol):
    """Also wants to know what learners log while they train, after so many tasks."""

    def logged(self, spec: TrialSpec, tasks: int, metrics: Mapping[str, float]) -> None: ...


@dataclass
class _Now:
    spec: TrialSpec
    started: float
    fraction: float = 0.0
    since: float = 0.0
    text: str = ""


class Tally:
    """How far the run is, and how long it may take yet."""

    def __init__(self, trials: list[TrialSpec], jobs: int) -> None:
        self.total = len(trials)
        self.done = 0
        self.failed = 0
        self.running: dict[str, _Now] = {}
        self._jobs = jobs
        self._waiting = {trial.id: trial for trial in trials}
        self._took: dict[str, list[float]] = defaultdict(list)

    def started(self, spec: TrialSpec) -> None:
        del self._waiting[spec.id]
        self.running[spec.id] = _Now(spec, time.monotonic())

    def advanced(self, spec: TrialSpec, fraction: float, text: str) -> bool:
        """Whether this says that a training goes on that was cut off."""
        now = self.running[spec.id]
        now.fraction, now.text = fraction, text
        if goes_on := text.startswith(GOES_ON):
            now.since = fraction
        return goes_on

    def ended(self, spec: TrialSpec, status: str) -> float:
        """Count the end of a trial; the seconds it took."""
        ended = self.running.pop(spec.id)
        seconds = time.monotonic() - ended.started
        if status == "cannot":
            self.done += 1
        elif status == "done":
            self.done += 1
            self._took[spec.learner.label].append(seconds / max(SURE, 1 - ended.since))
        else:
            self.failed += 1
        return seconds

    @property
    def fraction(self) -> float:
        ended = self.done + self.failed
        return (ended + sum(now.fraction for now in self.running.values())) / max(1, self.total)

    def seconds_left(self) -> float | None:
        """An estimate; None while there is nothing to go by."""
        now = time.monotonic()
        going = [
            Going(it.spec.learner.label, now - it.started, it.fraction, it.since)
            for it in self.running.values()
        ]
        waiting = (it.learner.label for it in self._waiting.values())
        return seconds_left(self._took, waiting, going, self._jobs)

    def __str__(self) -> str:
        left = self.seconds_left()
        return (
            f"{self.done} of {self.total} done, {len(self.running)} running, {self.failed} failed, "
            f"{'?' if left is None else clock(left)} left"
        )


class PlainProgress:
    """One line a start, an end, and now and then how far everything is."""

    def __init__(self, trials: list[TrialSpec], jobs: int) -> None:
        self._tally = Tally(trials, jobs)
        self._last = time.monotonic()
        self._scores: dict[str, Score] = {}

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(self, *_: object) -> None: ...

    def started(self, spec: TrialSpec) -> None:
        self._tally.started(spec)
        self._print(f"start  {name(spec)}")

    def advanced(self, spec: TrialSpec, fraction: float, text: str) -> None:
        if self._tally.advanced(spec, fraction, text):
            self._print(f"       {name(spec)} {text}")

    def scored(self, spec: TrialSpec, score: Score) -> None:
        self._scores[spec.id] = score

    def ended(self, spec: TrialSpec, status: str, reason: str | None) -> None:
        seconds, said = self._tally.ended(spec, status), reason or self._scores.pop(spec.id, "")
        self._print(f"{status:6} {name(spec)} in {clock(seconds)}{f': {said}' if said else ''}")

    def tick(self) -> None:
        if time.monotonic() - self._last >= PLAIN_SECONDS:
            running = "; ".join(
                f"{name(now.spec)}: {now.fraction:.0%} {now.text}".rstrip()
                for now in self._tally.running.values()
            )
            self._print(f"       {self._tally}{f' ({running})' if running else ''}")

    def _print(self, line: str) -> None:
        self._last = time.monotonic()
        print(line, flush=True)


class LiveProgress:
    """A bar for everything and one for each running trial, with its latest numbers."""

    def __init__(self, trials: list[TrialSpec], jobs: int, console: Console) -> None:
        self._tally = Tally(trials, jobs)
        self._console = console
        width = max((len(name(trial)) for trial in trials), default=0)
        self._bars = Bars(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=24, table_column=Column(min_width=24)),
            TextColumn("{task.percentage:3.0f} %", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[text]}", style="dim", table_column=NUMBERS),
            console=console,
            expand=True,
        )
        self._all = self._bars.add_task("all trials".ljust(width), total=1.0, text="")
        self._rows: dict[str, TaskID] = {}
        self._width = width
        self._scores: dict[tuple[str, str, str], list[float]] = {}
        self._said: dict[str, Score] = {}
        self._live = Live(self._view(), console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> "LiveProgress":
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def started(self, spec: TrialSpec) -> None:
        self._tally.started(spec)
        label = escape(name(spec).ljust(self._width))
        self._rows[spec.id] = self._bars.add_task(label, total=1.0, text="")

    def advanced(self, spec: TrialSpec, fraction: float, text: str) -> None:
        self._bars.update(self._rows[spec.id], completed=fraction, text=escape(text))
        if self._tally.advanced(spec, fraction, text):
            self._console.print(Text(f"  {name(spec)} {text}"))

    def scored(self, spec: TrialSpec, score: Score) -> None:
        self._said[spec.id] = score
        key = ground(spec), score.name, spec.learner.label
        self._scores.setdefault(key, []).append(score.value)

    def ended(self, spec: TrialSpec, status: str, reason: str | None) -> None:
        seconds, said = self._tally.ended(spec, status), reason or self._said.pop(spec.id, "")
        self._bars.remove_task(self._rows.pop(spec.id))
        mark, style = MARKS.get(status, ("✗", "red"))
        line = f"{mark} {name(spec)} in {clock(seconds)}{f': {said}' if said else ''}"
        self._console.print(Text(line, style=style))

    def tick(self) -> None:
        self._bars.update(self._all, completed=self._tally.fraction)
        self._live.update(self._view(), refresh=True)

    def _view(self) -> Group:
        shown = [so_far(self._scores)] if self._scores else []
        return Group(*shown, self._bars, Text(str(self._tally)))


def watch(trials: list[TrialSpec], jobs: int) -> LiveProgress | PlainProgress:
    """A live display on a terminal and in a notebook that can show one, plain lines elsewhere."""
    console = Console()
    if console.is_terminal or (console.is_jupyter and find_spec("ipywidgets")):
        return LiveProgress(trials, jobs, console)
    return PlainProgress(trials, jobs)


def so_far(scores: Mapping[tuple[str, str, str], Sequence[float]]) -> Table:
    """The means of the latest trials that have ended, by ground, what was scored, and learner."""
    table = Table(
        *("on", "learner", "score", "", "trials"),
        title="so far, not final",
        box=None,
        title_justify="left",
    )
    for (on, what, label), values in [*scores.items()][-MOST_ROWS:]:
        metric, _, after = what.partition(" after ")
        score = Score(metric.partition(" ")[0].lower(), 0, 0, sum(values) / len(values))
        told = (on, label, f"{metric} {score.number}", f"after {after}", f"{len(values)}")
        table.add_row(*map(escape, told))
    return table


def ground(spec: TrialSpec) -> str:
    """Family, protocol and fold, as far as others may have another."""
    how = "" if spec.protocol.label == USUAL else f", {spec.protocol.label}"
    fold = "" if spec.fold is None else f", fold {spec.fold}"
    return f"{spec.family.label}{how}{fold}"


def name(spec: TrialSpec) -> str:
    tried = "" if spec.tried is None else f"settings {spec.tried.number}, "
    return f"{spec.learner.label} on {ground(spec)}, {tried}seed {spec.seed}"
