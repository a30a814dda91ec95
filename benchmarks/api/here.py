"""Trials in this process, one after the other, where no worker could import what they need."""

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness.disk.pulse import Pulse
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.progress import Listening, Progress
from benchmarks.harness.run.scheduler import tell_end, trained_before
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.trial.surroundings import kept_state
from benchmarks.harness.trial.trainings import PLACE
from benchmarks.harness.trial.trial import run_trial


def run_here(
    trials: Sequence[TrialSpec],
    folder: ResultsFolder,
    registry: Registry,
    progress: Progress,
    *,
    device: str,
    provenance: Mapping[str, Any],
    done: Sequence[TrialSpec] = (),
    anew: bool = False,
) -> None:
    """As `run_trials`, without an engine. What a learner prints is seen.

    Ctrl-C ends the trial that runs; those before it stay.
    """
    places = folder.trials.resolve() / PLACE
    references = folder.begin("references").resolve()
    trained = {} if anew else trained_before(trials, folder, done)
    try:
        for spec in trials:
            record = _run(spec, folder, registry, progress, device, provenance, trained, references)
            if record.get("trained_by") == spec.id:
                trained[spec.training] = places / spec.training
            tell_end(progress, spec, record, folder)
            progress.tick()
    finally:
        shutil.rmtree(references, ignore_errors=True)


def _run(
    spec: TrialSpec,
    folder: ResultsFolder,
    registry: Registry,
    progress: Progress,
    device: str,
    provenance: Mapping[str, Any],
    trained: Mapping[str, Path],
    references: Path,
) -> dict[str, Any]:
    def report(fraction: float, text: str) -> None:
        pulse.told(fraction, text)
        progress.advanced(spec, fraction, text)
        progress.tick()

    def log(tasks: int, metrics: Mapping[str, float]) -> None:
        pulse.logged(tasks, metrics)
        if isinstance(progress, Listening):
            progress.logged(spec, tasks, metrics)

    progress.started(spec)
    place = folder.begin(spec.id)
    pulse = Pulse(place, spec.id)
    try:
        with _one_thread(), kept_state():
            record = run_trial(
                spec,
                registry,
                place.resolve(),
                device=device,
                provenance=provenance,
                report=report,
                trained=trained.get(spec.training),
                trainings=folder.trials.resolve() / PLACE,
                references=references,
                log=log,
                interruptible=True,
            )
        seal(place)
        folder.commit(place, spec.id)
    except BaseException:
        folder.discard(place, spec.id)
        raise
    return record


@contextmanager
def _one_thread() -> Iterator[None]:
    """As workers have it: the same bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def bound_to(trial: TrialSpec, here: Collection[str]) -> bool:
    """Whether a trial has to do with something of these names."""
    entries = (trial.family, trial.learner, trial.other, trial.reference)
    return any(it is not None and it.name in here for it in entries)
