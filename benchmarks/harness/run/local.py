"""Trials in worker processes, one process a trial, so that one that dies takes no other along."""

import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.core.errors import StoreError, UserError
from benchmarks.core.text import described
from benchmarks.harness.disk.files import write_json
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.first_scores import first_score
from benchmarks.harness.run.keeper import keep
from benchmarks.harness.run.progress import Listening, Progress, Scoring
from benchmarks.harness.run.worker import MOST_WORDS, Job, Sealed
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.trial.reasons import OUTPUT, with_place
from benchmarks.harness.trial.trainings import PLACE
from benchmarks.harness.trial.trial import blank_record

TICK_SECONDS = 0.25
GRACE_SECONDS = 10.0
LAST_SECONDS = 1.0
SERVER_DIED = 255
"""What a process seems to have exited with when the server that it was forked from has died."""
ATTEMPTS = 2
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
    anew: bool = False,
) -> None:
    """Run the trials, at most `jobs` at a time; each is stored, done or failed, when it ends.

    Of trials with the same training the first trains, and the others wait for its learner. Nor is
    trained again what one of the `done` trials of the folder went through, or a trial that failed
    after its training; unless `anew`.

    On any exception (Ctrl-C, say) the workers are ended at once, and what they had is dropped but
    for trainings that were over.

    Raises:
        StoreError: a failure cannot be stored.
        UserError: no worker can be started.
    """
    context = _context(trials, registry)
    pending = list(trials)
    running: list[_Running] = []
    trainings = folder.trials.resolve() / PLACE
    references = folder.begin("references").resolve()
    trained: dict[str, Path] = {}
    if not anew:
        trained |= {spec.training: place for spec in done if (place := folder.learner(spec.id))}
        kept = {spec.training: trainings / spec.training for spec in trials}
        trained |= {training: place for training, place in kept.items() if place.is_dir()}
    attempts = Counter[str]()
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
                    trainings=trainings,
                    references=references,
                    logs=isinstance(progress, Listening),
                )
                running.append(_start(context, job))
                attempts[spec.id] += 1
                if attempts[spec.id] == 1:
                    progress.started(spec)
            _listen(running, progress)
            for worker in [worker for worker in running if not worker.process.is_alive()]:
                running.remove(worker)
                spec = worker.job.spec
                if _has_lost_its_server(worker) and attempts[spec.id] < ATTEMPTS:
                    pending.insert(0, spec)
                    continue
                record = _end(worker, folder)
                if record.get("trained_by") == spec.id:
                    trained[spec.training] = trainings / spec.training
                tell_end(progress, spec, record, folder)
            progress.tick()
    finally:
        _end_all(running)
        for worker in running:
            folder.discard(worker.job.folder, worker.job.spec.id)
        shutil.rmtree(references, ignore_errors=True)


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
    modules = {found.cls.__module__ for found in classes if not found.code}
    modules |= {it for found in classes for it in getattr(found.cls, "trains_with", ())}
    context.set_forkserver_preload(["torch", "benchmarks.harness.run.keeper", *sorted(modules)])
    return context


def _start(context: BaseContext, job: Job) -> _Running:
    """Start a keeper with its worker; once more, should the server have died meanwhile."""
    for attempt in range(ATTEMPTS):
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=keep, args=(Sealed.of(job), writer), name=job.spec.id)  # type: ignore[attr-defined]
        try:
            with _no_main():
                process.start()
        except (OSError, EOFError) as error:
            reader.close()
            if attempt + 1 == ATTEMPTS:
                shutil.rmtree(job.folder, ignore_errors=True)
                raise UserError(f"no worker process can be started ({described(error)})") from None
        else:
            return _Running(job, process, reader)
        finally:
            writer.close()
    raise AssertionError


@contextmanager
def _no_main() -> Iterator[None]:
    """Workers need nothing of the program that started them, which may be a script without a guard.

    To run it again in each of them is what `multiprocessing` would do.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _listen(running: list[_Running], progress: Progress) -> None:
    """Pass progress on until a worker ends or a tick is over."""
    connections = {worker.connection: worker for worker in running if worker.connection}
    sentinels = [worker.process.sentinel for worker in running]
    for ready in wait([*connections, *sentinels], timeout=TICK_SECONDS):
        if isinstance(ready, Connection):
            worker = connections[ready]
            try:
                while ready.poll():
                    _pass_on(json.loads(ready.recv_bytes(MOST_WORDS)), worker.job.spec, progress)
            # a learner may write there, too
            except (EOFError, OSError, ValueError, TypeError, KeyError):
                ready.close()
                worker.connection = None


def _pass_on(told: Any, spec: TrialSpec, progress: Progress) -> None:
    if not isinstance(told, dict):
        fraction, text = told
        progress.advanced(spec, float(fraction), str(text))
    elif isinstance(progress, Listening):
        metrics = {str(name): float(value) for name, value in dict(told["metrics"]).items()}
        progress.logged(spec, int(told["tasks"]), metrics)


def _has_lost_its_server(worker: _Running) -> bool:
    """Whether nobody can say what became of a keeper. It ends by itself, and is waited for."""
    pid = worker.process.pid
    if worker.process.exitcode != SERVER_DIED or pid is None:
        return False
    end = time.monotonic() + LAST_SECONDS
    with suppress(OSError):
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < end:
            os.kill(pid, 0)
            time.sleep(TICK_SECONDS / 10)
    if worker.connection is not None:
        worker.connection.close()
    shutil.rmtree(worker.job.folder, ignore_errors=True)
    return True


def _end(worker: _Running, folder: ResultsFolder) -> dict[str, Any]:
    """The record of a trial whose keeper has ended; a failure, if it ended before it stored one."""
    worker.process.join()
    if worker.connection is not None:
        worker.connection.close()
    job = worker.job
    record = folder.record(job.spec.id) if worker.process.exitcode == 0 else None
    if record is None:
        record = blank_record(job.spec, job.provenance)
        reason = f"the process that keeps a worker died (exit code {worker.process.exitcode})"
        record |= {"status": "failed", "reason": reason}
        try:
            job.folder.mkdir(exist_ok=True)
            write_json(job.folder / "trial.json", record)
            folder.commit(job.folder, job.spec.id)
        except OSError as error:
            raise StoreError(f"{folder.directory}: cannot be written ({error.strerror})") from None
    return record


def _end_all(running: Sequence[_Running]) -> None:
    """Keepers end what their workers have started, and then themselves."""
    for worker in running:
        worker.process.terminate()
    for worker in running:
        worker.process.join(GRACE_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def tell_end(
    progress: Progress, spec: TrialSpec, record: Mapping[str, Any], folder: ResultsFolder
) -> None:
    """That a trial has ended, what came of it, and a first score where it is done."""
    if record["status"] == "done" and isinstance(progress, Scoring):
        score = first_score(folder.trials / spec.id, record)
        if score is not None:
            progress.scored(spec, score)
    progress.ended(spec, record["status"], _told(record, folder))


def _told(record: Mapping[str, Any], folder: ResultsFolder) -> str | None:
    """The reason of a failure, and where there is more to read of it."""
    reason, trial = record["reason"], record["trial"]
    if record["status"] != "failed" or OUTPUT in str(reason):
        return reason
    return with_place(reason, trial) if (folder.trials / trial / OUTPUT).is_file() else reason
