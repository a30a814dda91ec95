"""The process between a run and a worker: it outlives the worker, and stores what came of it.

A learner can end or spoil the process it runs in, and start others. So a worker is the child of a
keeper that runs no code of a learner: it captures what the worker prints, ends what the worker has
started, and seals the trial, with a reason where the worker could give none.
"""

import os
import signal
import threading
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import make_folder, read_json, write_json
from benchmarks.harness.disk.pulse import Heart
from benchmarks.harness.run import descendants
from benchmarks.harness.run.capture import Capture
from benchmarks.harness.run.job import Sealed
from benchmarks.harness.run.worker import MOST_WORDS, work
from benchmarks.harness.store.folder import seal
from benchmarks.harness.trial.reasons import OUTPUT, with_place
from benchmarks.harness.trial.trainings import RECORD

ABANDONED = 1


def keep(job: Sealed, connection: Connection) -> NoReturn:
    """Let a worker run the job's trial, and seal what comes of it; the worker reports progress."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run sees Ctrl-C and ends its keepers
    descendants.adopt()
    printed, printing = os.pipe()
    words, speaking = os.pipe()
    worker = os.fork()
    if not worker:
        os.close(printed)
        os.close(words)
        work(job, connection, printing, speaking)
    for descriptor in (printing, speaking):
        os.close(descriptor)
    connection.close()
    signal.signal(signal.SIGTERM, lambda *_: _abandon(worker))
    descendants.follow_parent(signal.SIGTERM)
    threading.Thread(target=_end_with_run, daemon=True).start()
    capture = Capture(job.folder / OUTPUT, printed)
    capture.start()
    Heart(job.folder).start()
    _, status = os.waitpid(worker, 0)
    descendants.end_all(worker)
    said = os.read(words, MOST_WORDS).decode("utf-8", "replace")
    reason = said or _death(os.waitstatus_to_exitcode(status))
    try:
        _store(job, capture, reason)
    except (StoreError, OSError):  # a full disk, say: the run finds no record, and says so
        os._exit(1)
    os._exit(0)


def _store(job: Sealed, capture: Capture, reason: str) -> None:
    """Seal the trial; a failure for this reason, if the worker has left no record."""
    make_folder(job.folder)
    if not (job.folder / "trial.json").is_file():
        capture.finish(f"{reason}\n")
        failure = {"status": "failed", "reason": with_place(reason, job.id)}
        write_json(job.folder / "trial.json", {**_known(job), **failure})
    else:
        capture.finish()
    seal(job.folder)


def _known(job: Sealed) -> dict[str, Any]:
    """The record of a trial that has not ended, but may have trained."""
    record = dict(job.blank)
    if (job.folder / RECORD).is_file():
        record |= read_json(job.folder / RECORD)
    return record


def _abandon(worker: int) -> NoReturn:
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    descendants.end_all(worker)
    os._exit(ABANDONED)


def _end_with_run() -> None:
    run = parent_process()
    if run is not None:
        run.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _death(exitcode: int) -> str:
    if exitcode < 0:
        with suppress(ValueError):
            name = signal.Signals(-exitcode).name
            return f"worker process died (signal {-exitcode}, {name})"
        return f"worker process died (signal {-exitcode})"
    return f"worker process ended without a result (exit code {exitcode})"
