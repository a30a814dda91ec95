"""What `reml run` and `reml.run` do: the trials of a matrix that are missing, then its report."""

import os
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch

from benchmarks.api.frames import Frames
from benchmarks.api.here import bound_to, run_here
from benchmarks.core.errors import MatrixError, UnknownName, UserError
from benchmarks.core.text import count, line, message
from benchmarks.harness.disk.checkpoints import seconds_between
from benchmarks.harness.engines.choosing import demand_engine, engine_of
from benchmarks.harness.engines.names import LOCAL, RAY, kind_of
from benchmarks.harness.engines.settings import settings_for
from benchmarks.harness.engines.shards import Shard
from benchmarks.harness.plan.budgets import UNLIMITED, Limits
from benchmarks.harness.plan.expand import arrange, trials_of
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.engine import Left
from benchmarks.harness.run.local import modules_of
from benchmarks.harness.run.progress import Watched, watch
from benchmarks.harness.run.scheduler import run_trials
from benchmarks.harness.run.turns import in_turn, seconds_of
from benchmarks.harness.store import provenance
from benchmarks.harness.store.folder import ENDED, ResultsFolder
from benchmarks.harness.store.kept import ended_in
from benchmarks.harness.store.printable import clean
from benchmarks.harness.store.results import Results, consolidate, restore, with_gaps
from benchmarks.harness.trial.trainings import PLACE, forget
from benchmarks.harness.tuning.known import Known, Moved
from benchmarks.report.documents.whole import DRAWING, is_whole, write_whole
from benchmarks.report.figures.cleanup import remove_report

LONGEST_FOLDER = 60
"""Bytes of the temporary folder: a socket's path has at most a hundred or so."""


@dataclass(frozen=True)
class How:
    """How a matrix is run; see `reml run --help`."""

    out: Path | None = None
    jobs: int = 1
    device: str = "cpu"
    only: str | None = None
    force: bool = False
    figures: bool = True
    limits: Limits = UNLIMITED
    shard: Shard | None = None
    tune_only: bool = False
    """Search settings, and train and test nothing with them."""
    engine: str | None = None
    detach: bool = False


Say = Callable[[str], object]
Keep = Callable[[Path, Sequence[str]], object]
Report = Callable[[Results, Path, Say], object]


@dataclass(frozen=True)
class Outcome:
    """Where the results are, and how many of the trials that were asked for there are."""

    directory: Path
    ended: int
    failed: int


def run_matrix(
    matrix: Matrix,
    registry: Registry,
    how: How,
    command: str,
    *,
    say: Say = print,
    watching: Callable[[list[TrialSpec], int], Watched] = watch,
    frames: Frames | None = None,
    here: Collection[str] = (),
    report: Report | None = None,
    keep: Keep | None = None,
) -> Outcome:
    """Run what is missing of a matrix, and write its report.

    Args:
        matrix: What to run.
        registry: Where its learners and families are found.
        how: Where and how to run it.
        command: What made these results, for who reads them.
        say: Is told, line by line, what there is to say on stdout.
        watching: Shows how far the trials are.
        frames: What of its data was given in memory.
        here: Names of learners and families that no worker process can import.
        report: Writes tables and figures in the end; `write_whole`, if left out.
        keep: Is told, where all of the matrix is done, the folder, and what the same run would say
            that finds nothing to do; see `benchmarks.commands.unchanged`.

    Raises:
        UserError: what is wrong with the matrix, its data, its folder or the device.
    """
    said: list[str] = []

    def hear(text: str) -> None:
        said.append(text)
        say(text)

    settings = settings_for(matrix)
    where = how.engine or settings.table.name or LOCAL
    demand_engine(where, "--engine" if how.engine else settings.source)
    if how.detach and kind_of(where) in (LOCAL, RAY):
        raise UserError(f"--detach: engine {where!r} has no queue to be left; expected slurm")
    if where == LOCAL:
        _check_device(how.device)
    if how.tune_only and matrix.tuning is None:
        raise MatrixError(f"{matrix.path}: key 'tuning' is missing: expected [tuning], trials = 20")
    seconds_between()  # what it says is wrong is said once, and now
    notes: list[str] = []
    with nullcontext() if frames is None else frames.named():
        pairings = arrange(matrix, registry, notes.append)
        untuned = trials_of(matrix, pairings)
    directory = how.out or default_folder(matrix.name)
    moved: Moved = (lambda *it: it) if frames is None else frames.moved
    known = Known(matrix, pairings, registry, directory, moved, how.limits)
    if how.shard is not None and not known.complete:
        raise UserError(
            f"--shard: settings are searched before a matrix is parted: run `reml tune` with "
            f"--out {directory}, then the parts, each in a copy of that folder"
        )
    if how.detach and not known.complete:
        raise UserError("--detach: settings are searched before; run `reml tune` first")
    asked = _chosen([*known.trials, *untuned], how.only)
    origin = provenance.collect(how.device, command)
    folder = ResultsFolder(directory)

    def run_all(
        left: Sequence[TrialSpec],
        place: ResultsFolder,
        done: Sequence[TrialSpec] = (),
        anew: bool = False,
    ) -> None:
        bound = [trial for trial in left if bound_to(trial, here)]
        free = [trial for trial in left if not bound_to(trial, here)]
        common: Mapping[str, Any] = {
            "device": how.device,
            "provenance": origin,
            "done": done,
            "anew": anew,
        }
        for trial in left if anew else ():
            forget(place.trials / PLACE, trial, "own", "other")
        with ExitStack() as stack:
            stack.enter_context(suppress(Left))
            jobs = how.jobs
            if free:
                needs: Mapping[str, Any] = {
                    "modules": modules_of(free, registry),
                    "detach": how.detach,
                }
                engine = engine_of(where, settings, place.directory, jobs=jobs, **needs)
                stack.callback(engine.close)
                jobs = engine.capacity
            progress = stack.enter_context(watching([*left], jobs))
            if free:
                run_trials(free, place, registry, progress, engine=engine, **common)
            if bound:
                run_here(bound, place, registry, progress, **common)

    complete = known.complete
    with folder.open(known.described(notes), lambda: restore(directory)) as strays:
        if how.force or how.shard is not None or not known.complete:
            restore(directory)
        if frames is not None:
            frames.keep()
        tuned = known.search({it.learner.label for it in asked}, run_all, notes, hear)
        if how.tune_only:
            return Outcome(directory, 0, 0 if tuned else 1)
        trials = known.trials
        chosen = _chosen(trials, how.only) if how.only else trials
        if how.shard is not None:
            mine = {it.id for it in how.shard.part(trials)}
            chosen = [it for it in chosen if it.id in mine]
        # forced or not, what is there stays until its successor is committed
        again = {it.id for it in chosen} if how.force else with_gaps(directory)
        published = ended_in(directory)
        record = folder.record if published is None else published.get
        records: dict[str, dict[str, Any]] = {
            it.id: {} if it.id in again else record(it.id) or {} for it in chosen
        }
        left = [trial for trial in chosen if records[trial.id].get("status") not in ENDED]
        if left:  # a published folder in which nothing is to be run stays as it was published
            restore(directory)
        left = in_turn(left, registry, seconds_of([*records.values()]))
        waiting = {trial.id for trial in left}
        before = len(said)
        _announce(matrix.name, directory, records, left, origin["commit"], hear)
        after = len(said)
        if how.shard is not None:
            say(f"note: {len(trials):,} trials are in all; these are part {how.shard} of them")
        for note in notes:
            hear(note)
        if strays and complete:
            are = "trial there is" if strays == 1 else "trials there are"
            hear(f"note: {strays:,} {are} no longer part of {matrix.name}, and left out")
        bound = [trial for trial in left if bound_to(trial, here)]
        if bound:
            free = ", and without limits" * any(it.limits.holds for it in bound)
            say(
                f"note: {count(len(bound), 'trial')} of classes that are in no file of their own "
                f"can only run in this process, one after the other{free}"
            )
        if sys.platform != "linux" and any(it.limits.bounds_memory for it in left):
            hear("note: limits of memory take Linux, and do not hold here")
        done = [] if how.force else [it for it in trials if it.id not in waiting]
        run_all(left, folder, done, how.force)
        results = consolidate(directory)
        for sentence in results.damage:
            print(f"reml: {sentence}", file=sys.stderr)
        if results.scores.empty:
            remove_report(directory)  # of a matrix this one has replaced
        else:
            written = clean(results)
            if report is None:
                write_whole(written, directory, hear, figures=how.figures)
            else:
                report(written, directory, hear)
        if keep is not None and complete and not results.damage and is_whole(directory):
            kept = {str(it["trial"]): dict(it) for it in results.records}
            if all(kept.get(it.id, {}).get("status") in ENDED for it in trials):
                announced: list[str] = []
                ended_all = {it.id: kept[it.id] for it in trials}
                _announce(matrix.name, directory, ended_all, [], origin["commit"], announced.append)
                unchanged = [*said[:before], *announced, *said[after:]]
                keep(directory, [it for it in unchanged if it != DRAWING])
    ended = results.trials[results.trials["trial"].isin(records)]
    failed = int((ended["status"] == "failed").sum())
    if failed:
        say(f"{failed} of {count(len(ended), 'trial')} failed; `reml status {directory}` says why")
    return Outcome(directory, len(ended), failed)


def default_folder(name: str) -> Path:
    return Path("results") / name


def _chosen(trials: list[TrialSpec], pattern: str | None) -> list[TrialSpec]:
    if pattern is None:
        return trials
    chosen = [
        trial
        for trial in trials
        if any(
            name == pattern or fnmatchcase(name, pattern)
            for name in (trial.learner.label, trial.id)
        )
    ]
    if not chosen:
        labels = {trial.learner.label for trial in trials}
        raise UnknownName("learner or trial", pattern, labels, "--only")
    return chosen


def _announce(
    name: str,
    directory: Path,
    records: dict[str, dict[str, Any]],
    left: list[TrialSpec],
    commit: str | None,
    say: Say,
) -> None:
    done = len(records) - len(left)
    trials = count(len(records), "trial")
    say(f"{name}: {trials}, {done} done already, {len(left)} to run; in {directory}")
    origins = [it.get("provenance", {}) for it in records.values() if it.get("status") == "done"]
    others = [origin for origin in origins if origin.get("commit") != commit]
    if others:
        say(f"note: {len(others)} of them were run by other commits; --force repeats them")


def _check_device(device: str) -> None:
    try:
        float(torch.ones(2, device=device).sum())  # "meta", say, makes tensors but has no numbers
    except Exception as error:  # whatever the module of a device that torch half knows raises
        first = message(error).rstrip(".")
        raise UserError(f"--device: {line(device)!r} cannot be used here ({first})") from None


def shorten_temporary_folder() -> None:
    """Where TMPDIR is too long for a socket to lie in it, workers are reached by way of /tmp."""
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
