"""Trials in worker processes, one process a trial, so that one that dies takes no other along."""

import multiprocessing
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from benchmarks.core.errors import StoreError
from benchmarks.harness.expand import TrialSpec
from benchmarks.harness.files import write_json
from benchmarks.harness.folder import ResultsFolder
from benchmarks.harness.progress import Progress
from benchmarks.harness.registry import Registry
from benchmarks.harness.trial import blank_record
from benchmarks.harness.worker import Job, work

TICK_SECONDS = 0.25
WORKER_ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
    # Memory that is freed is kept for the next iteration: to get it from the system each time takes
    # up to a third of the training of a convolutional network. Only glibc knows these.
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(4 * 10**9),
    # Workers don't look for packages in the folder one is in: who has a folder `benchmarks` there
    # would get that one.
    "PYTHONSAFEPATH": "1",
}
"""What workers find in their environment, where the user has not set it otherwise."""


@dataclass
class _Running:
    job: Job
    process: BaseProcess
    connection: Connection | None


def run_trials(
    trials: Sequence[TrialSpec],
    folder: ResultsFolder,
    registry: Registry,
    progress: Progress,
    *,
    jobs: int,
    device: str,
    provenance: Mapping[str, Any],
    done: Sequence[TrialSpec] = (),
) -> None:
    """Run the trials, at most `jobs` at a time; each is stored, done or failed, when it ends.

    Of trials with the same training the first trains, and the others wait for its learner; so do
    those whose training one of the `done` trials of the folder went through.

    On any exception (Ctrl-C, say) the workers are ended at once and what they had is dropped.

    Raises:
        StoreError: a failure cannot be stored.
    """
    context = _context(trials, registry)
    pending = list(trials)
    running: list[_Running] = []
    trained = {spec.training: place for spec in done if (place := folder.learner(spec.id))}
    try:
        while pending or running:
            while len(running) < jobs and (spec := _next(pending, running)):
                pending.remove(spec)
                job = Job(
                    spec=spec,
                    directory=folder.directory.resolve(),
                    folder=folder.begin(spec.id).resolve(),
                    plugins=registry.plugins,
                    device=device,
                    provenance=provenance,
                    trained=trained.get(spec.training),
                )
                running.append(_start(context, job))
                progress.started(spec)
            _listen(running, progress)
            for worker in [worker for worker in running if not worker.process.is_alive()]:
                running.remove(worker)
                record = _end(worker, folder)
                spec = worker.job.spec
                if record["status"] == "done" and (place := folder.learner(spec.id)):
                    trained.setdefault(spec.training, place)
                progress.ended(worker.job.spec, record["status"], record["reason"])
            progress.tick()
    finally:
        for worker in running:
            worker.process.kill()
        for worker in running:
            worker.process.join()
            folder.discard(worker.job.folder, worker.job.spec.id)


def _next(pending: Sequence[TrialSpec], running: Sequence[_Running]) -> TrialSpec | None:
    """The first trial that need not wait for another one's training."""
    busy = {worker.job.spec.training for worker in running if worker.job.trained is None}
    return next((spec for spec in pending if spec.training not in busy), None)


def _context(trials: Sequence[TrialSpec], registry: Registry) -> BaseContext:
    """Workers are forked from a clean server that has imported the slow things once."""
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    classes = [registry.find("learner", trial.learner.name) for trial in trials]
    modules = sorted({found.cls.__module__ for found in classes if not found.code})
    context.set_forkserver_preload(["torch", "benchmarks.harness.worker", *modules])
    return context


def _start(context: BaseContext, job: Job) -> _Running:
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(job, writer), name=job.spec.id)  # type: ignore[attr-defined]
    process.start()
    writer.close()
    return _Running(job, process, reader)


def _listen(running: list[_Running], progress: Progress) -> None:
    """Pass progress on until a worker ends or a tick is over."""
    connections = {worker.connection: worker for worker in running if worker.connection}
    sentinels = [worker.process.sentinel for worker in running]
    for ready in wait([*connections, *sentinels], timeout=TICK_SECONDS):
        if isinstance(ready, Connection):
            worker = connections[ready]
            try:
                while ready.poll():
                    fraction, text = ready.recv()
                    progress.advanced(worker.job.spec, fraction, text)
            except (EOFError, OSError):
                ready.close()
                worker.connection = None


def _end(worker: _Running, folder: ResultsFolder) -> dict[str, Any]:
    """The record of a trial whose worker has ended; a failure, if it ended without one."""
    worker.process.join()
    if worker.connection is not None:
        worker.connection.close()
    job = worker.job
    record = None if job.folder.exists() else folder.record(job.spec.id)
    if record is None:
        record = blank_record(job.spec, job.provenance)
        record |= {"status": "failed", "reason": _death(worker.process.exitcode)}
        try:
            job.folder.mkdir(exist_ok=True)
            write_json(job.folder / "trial.json", record)
            folder.commit(job.folder, job.spec.id)
        except OSError as error:
            raise StoreError(f"{folder.directory}: cannot be written ({error.strerror})") from None
    return record


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with suppress(ValueError):
            name = signal.Signals(-exitcode).name
            return f"worker process died (signal {-exitcode}, {name})"
        return f"worker process died (signal {-exitcode})"
    return f"worker process ended without a result (exit code {exitcode})"
