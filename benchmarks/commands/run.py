"""`reml run`: what is missing of a matrix, then its report."""

import argparse
import os
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch

from benchmarks.core.errors import UnknownName, UserError
from benchmarks.core.text import count, line, message
from benchmarks.harness import provenance
from benchmarks.harness.cleaning import clean
from benchmarks.harness.expand import TrialSpec, describe, expand
from benchmarks.harness.folder import ENDED, ResultsFolder
from benchmarks.harness.matrix import load_matrix
from benchmarks.harness.progress import watch
from benchmarks.harness.registry import Registry
from benchmarks.harness.runner import run_trials
from benchmarks.harness.store import consolidate, restore, with_gaps
from benchmarks.harness.turns import in_turn, seconds_of
from benchmarks.report.stale import remove_report
from benchmarks.report.whole import write_whole

LONGEST_FOLDER = 60
"""Bytes of the temporary folder: a socket's path has at most a hundred or so."""


def run(options: argparse.Namespace) -> int:
    shorten_temporary_folder()
    registry = Registry(options.plugin)
    matrix = load_matrix(options.matrix)
    _check_device(options.device)
    notes: list[str] = []
    trials = expand(matrix, registry, notes.append)
    chosen = _chosen(trials, options.only)
    directory = options.out or Path("results") / matrix.name
    origin = provenance.collect(options.device, provenance.command_line())
    folder = ResultsFolder(directory)
    with folder.open(describe(matrix, trials, notes)) as strays:
        restore(directory)
        # forced or not, what is there stays until its successor is committed
        again = {it.id for it in chosen} if options.force else with_gaps(directory)
        records: dict[str, dict[str, Any]] = {
            it.id: {} if it.id in again else folder.record(it.id) or {} for it in chosen
        }
        left = [trial for trial in chosen if records[trial.id].get("status") not in ENDED]
        left = in_turn(left, registry, seconds_of([*records.values()]))
        waiting = {trial.id for trial in left}
        _announce(matrix.name, directory, records, left, origin["commit"])
        print(*notes, sep="\n", end="\n" if notes else "")
        if strays:
            are = "trial there is" if strays == 1 else "trials there are"
            print(f"note: {strays:,} {are} no longer part of {matrix.name}, and left out")
        with watch(left, options.jobs) as progress:
            run_trials(
                left,
                folder,
                registry,
                progress,
                jobs=options.jobs,
                device=options.device,
                provenance=origin,
                done=[]
                if options.force
                else [trial for trial in trials if trial.id not in waiting],
                anew=options.force,
            )
        results = consolidate(directory)
        for sentence in results.damage:
            print(f"reml: {sentence}", file=sys.stderr)
        if results.scores.empty:
            remove_report(directory)  # of a matrix this one has replaced
        else:
            write_whole(clean(results), directory, print, figures=not options.no_figures)
    ended = results.trials[results.trials["trial"].isin(records)]
    failed = int((ended["status"] == "failed").sum())
    if failed:
        print(
            f"{failed} of {count(len(ended), 'trial')} failed; `reml status {directory}` says why"
        )
    return 1 if failed else 0


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
) -> None:
    done = len(records) - len(left)
    trials = count(len(records), "trial")
    print(f"{name}: {trials}, {done} done already, {len(left)} to run; in {directory}")
    origins = [it.get("provenance", {}) for it in records.values() if it.get("status") == "done"]
    others = [origin for origin in origins if origin.get("commit") != commit]
    if others:
        print(f"note: {len(others)} of them were run by other commits; --force repeats them")


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
