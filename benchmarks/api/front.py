"""`reml.run`, `reml.tune` and `reml.load`: a matrix to run, or a folder with results."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.api.classes import Classes
from benchmarks.api.declaring import declared
from benchmarks.api.frames import Frames
from benchmarks.api.results import Results
from benchmarks.api.running import (
    How,
    Say,
    default_folder,
    run_matrix,
    shorten_temporary_folder,
)
from benchmarks.api.watching import Silent, Telling
from benchmarks.core.errors import UserError
from benchmarks.core.text import line
from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.local import WORKER_ENVIRONMENT
from benchmarks.harness.run.progress import Watched, watch
from benchmarks.harness.store import results as stored
from benchmarks.processors import MOST_JOBS, processors
from benchmarks.report.documents.whole import write_whole
from benchmarks.report.findings.answer import answer
from benchmarks.units import bytes_in, seconds_in


def run(
    matrix: str | Path | Mapping[str, Any] | Matrix,
    *,
    out: str | Path | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    only: str | None = None,
    plugins: Sequence[str | Path] = (),
    force: bool = False,
    timeout: str | float | None = None,
    memory: str | None = None,
    report: bool = True,
    progress: bool = True,
    callbacks: Sequence[Any] = (),
) -> Results:
    """Run what is missing of a matrix, as `reml run` does; trials that are done stay done.

    After Ctrl-C the same call goes on: trials that are done stay done, and a training that was cut
    off goes on from its last checkpoint.

    Args:
        matrix: a path, the name of a bundled matrix, or a dict of what its TOML file would hold:
            `learner` and `family` take names, classes, instances and tables (one, or a list), and
            the `path` of a family a DataFrame. A class that no file defines (it is in a notebook,
            say) runs in this process.
        out: the results folder; results/<name of the matrix>, if left out.
        jobs: trials at a time; as many as there are processors, if left out.
        device: where tensors live: cpu, cuda, ...
        only: learners' labels or trials' ids, as with `reml run --only`.
        plugins: files that define learners or families.
        force: repeat trials that are done.
        timeout: ends a trial after so long (seconds, or "10m"), whatever the matrix says.
        memory: ends a trial that takes more ("4GB"); a class that runs in this process has neither.
        report: write report.html, tables and figures; `Results.report` does that later, too.
        progress: print how far everything is.
        callbacks: are told of trials as they run; see `benchmarks.api.watching.Callback`.

    Raises:
        UserError: what is wrong with the matrix, the data or the folder, in a sentence.
    """
    found, classes, frames = _found(matrix, out, plugins)
    how = _how(found, out, jobs, device, only, timeout, memory, force=force)
    command = f"reml.run({found.name!r})"
    return run_declared(found, classes, frames, how, command, report, progress, callbacks)


def tune(
    matrix: str | Path | Mapping[str, Any] | Matrix,
    *,
    out: str | Path | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    only: str | None = None,
    plugins: Sequence[str | Path] = (),
    timeout: str | float | None = None,
    memory: str | None = None,
    progress: bool = True,
) -> Results:
    """Search the settings that a matrix with `tuning` asks for, and no more, as `reml tune` does.

    What was tried is in `Results.tuning`; `run` with the same folder goes on from there.

    Args:
        matrix: as in `run`, with the key `tuning`: `{"trials": 20}`.
        out: as in `run`; so are those that follow.
        jobs: trials at a time; what is chosen does not depend on it.
        device: where tensors live.
        only: learners' labels.
        plugins: files that define learners or families.
        timeout: ends a trial after so long.
        memory: ends a trial that takes more.
        progress: print how far everything is.

    Raises:
        UserError: as `run`; or Optuna is not installed.
    """
    found, classes, frames = _found(matrix, out, plugins)
    how = _how(found, out, jobs, device, only, timeout, memory, tune_only=True)
    command = f"reml.tune({found.name!r})"
    return run_declared(found, classes, frames, how, command, False, progress, ())


def _found(
    matrix: str | Path | Mapping[str, Any] | Matrix,
    out: str | Path | None,
    plugins: Sequence[str | Path],
) -> tuple[Matrix, Classes, Frames]:
    """The matrix, and the classes and the data that it has from this process."""
    classes = Classes(Registry([Path(it) for it in plugins]))
    called = matrix.get("name") if isinstance(matrix, Mapping) else None
    frames = Frames(default_folder(str(called)) if out is None else Path(out))
    return declared(matrix, classes, frames), classes, frames


def _how(
    found: Matrix,
    out: str | Path | None,
    jobs: int | None,
    device: str,
    only: str | None,
    timeout: str | float | None,
    memory: str | None,
    *,
    force: bool = False,
    tune_only: bool = False,
) -> How:
    limits = Limits(
        _measured("timeout", seconds_in, timeout), _measured("memory", bytes_in, memory)
    )
    folder = default_folder(found.name) if out is None else Path(out)
    return How(folder, jobs_of(jobs), device, only, force=force, limits=limits, tune_only=tune_only)


def run_declared(
    matrix: Matrix,
    classes: Classes,
    frames: Frames,
    how: How,
    command: str,
    report: bool,
    progress: bool,
    callbacks: Sequence[Any],
) -> Results:
    """Run it with the progress that is asked for."""
    shorten_temporary_folder()
    directory = how.out or default_folder(matrix.name)
    shown: Callable[[list[TrialSpec], int], Watched] = watch if progress else _silent

    def watching(trials: list[TrialSpec], jobs: int) -> Watched:
        display = shown(trials, jobs)
        return Telling(display, callbacks, directory) if callbacks else display

    with _environment():
        run_matrix(
            matrix,
            classes.registry,
            replace(how, out=directory),
            command,
            say=print if progress else _unsaid,
            watching=watching,
            frames=frames,
            here=classes.here,
            report=_written if report else _unwritten,
        )
    return Results(directory, classes.registry)


def load(
    folder: str | Path, *, plugins: Sequence[str | Path] = (), learners: Sequence[type] = ()
) -> Results:
    """The results in a folder, be they published, or of a run that was interrupted or goes on.

    Args:
        folder: where `reml run` or `reml.run` put them.
        plugins: files that define learners, for `Results.learner`.
        learners: classes of learners, likewise.

    Raises:
        StoreError: there are none, or they are damaged.
    """
    classes = Classes(Registry([Path(it) for it in plugins]))
    for cls in learners:
        classes.name("learner", cls)
    return Results(Path(folder), classes.registry)


def jobs_of(jobs: int | None) -> int:
    """So many trials at a time; as many as there are processors where it is None.

    Raises:
        UserError: it is no such number.
    """
    if jobs is None:
        return processors()
    if isinstance(jobs, bool) or not isinstance(jobs, int) or not 1 <= jobs <= MOST_JOBS:
        raise UserError(f"jobs: expected a whole number from 1 to {MOST_JOBS:,}, got {jobs!r}")
    return jobs


def _measured(name: str, read: Callable[[Any], float], value: Any) -> float | None:
    try:
        return None if value is None else read(value)
    except ValueError as error:
        raise UserError(f"{name}: {error}, got {line(repr(value), 80)}") from None


def _silent(trials: list[TrialSpec], jobs: int) -> Watched:
    return Silent()


def _written(results: stored.Results, directory: Path, say: Say) -> None:
    page = write_whole(results, directory, _unsaid)
    say(f"{page} shows the table, the figures and every trial")
    _unwritten(results, directory, say)


def _unwritten(results: stored.Results, directory: Path, say: Say) -> None:
    say(str(answer(results, directory)))


def _unsaid(text: str) -> None: ...


@contextmanager
def _environment() -> Iterator[None]:
    """What workers find in their environment is not left in that of the program that asked."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in WORKER_ENVIRONMENT.keys() - before.keys():
            os.environ.pop(name, None)
