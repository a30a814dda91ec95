"""The process between a run and a worker: it outlives the worker, and stores what came of it.

A learner can end or spoil the process it runs in, and start others. So a worker is the child of a
keeper that runs no code of a learner: it captures what the worker prints, holds its limits, ends
what the worker has started, and seals the trial, with a reason where the worker could give none.
"""

import os
import signal
import threading
from contextlib import suppress
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.columns import TABLES
from benchmarks.harness.disk.files import make_folder, read_json, write_json
from benchmarks.harness.disk.pulse import Heart
from benchmarks.harness.disk.traces import remove_scratch, scratch_of
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run import descendants
from benchmarks.harness.run.capture import Capture
from benchmarks.harness.run.guard import End, Guard
from benchmarks.harness.run.job import MOST_WORDS, Sealed
from benchmarks.harness.run.worker import work
from benchmarks.harness.store.folder import seal
from benchmarks.harness.trial.account import JOURNAL
from benchmarks.harness.trial.reasons import OUTPUT, with_place
from benchmarks.harness.trial.trainings import HISTORY, RECORD, keep_history

ABANDONED = 1
# What is installed is looked up once here, and not by each worker that is forked.
Registry()


def keep(job: Sealed, connection: Connection) -> NoReturn:
    """Let a worker run the job's trial, and seal what comes of it; the worker reports progress."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run sees Ctrl-C and ends its keepers
    descendants.adopt()
    JOURNAL.open()
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
    signal.signal(signal.SIGTERM, lambda *_: _abandon(worker, job))
    descendants.follow_parent(signal.SIGTERM)
    threading.Thread(target=_end_with_run, daemon=True).start()
    capture = Capture(job.folder / OUTPUT, printed)
    capture.start()
    Heart(job.folder).start()
    guard = Guard(worker, job.limits, scratch_of(job.folder))
    end = guard.wait()
    descendants.end_all(worker)
    remove_scratch(job.folder)
    said = os.read(words, MOST_WORDS).decode("utf-8", "replace")
    try:
        _store(job, capture, end, guard.reason, said)
    except (StoreError, OSError):  # a full disk, say: the run finds no record, and says so
        os._exit(1)
    os._exit(0)


def _store(job: Sealed, capture: Capture, end: End, why: str, said: str) -> None:
    """Seal the trial: a failure if the worker has left no record, or was ended, which is `why`."""
    make_folder(job.folder)
    path = job.folder / "trial.json"
    left = read_json(path) if path.is_file() else {}
    reason = ""
    if why:
        reason = why
        for name in TABLES.keys() - {"history"}:
            (job.folder / f"{name}.parquet").unlink(missing_ok=True)
    elif not left:
        reason = with_place(said or end.told, job.id)
    capture.finish(f"{why or said or end.told}\n" if reason else "")
    if reason:
        known = left if left.get("status") == "failed" else _known(job, end)
        write_json(path, {**known, "status": "failed", "reason": reason})
    seal(job.folder)


def _known(job: Sealed, end: End) -> dict[str, Any]:
    """The record of a trial that has not ended; its training curve is kept beside it."""
    record = dict(job.blank)
    if (job.folder / RECORD).is_file():
        record |= read_json(job.folder / RECORD)
    spending, history = JOURNAL.cut_off(end.at, end.cpu, end.peak_mb)
    if not (job.folder / HISTORY).is_file():
        keep_history(job.folder, history)
    return record | ({"spending": spending} if spending else {})


def _abandon(worker: int, job: Sealed) -> NoReturn:
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)
    descendants.end_all(worker)
    remove_scratch(job.folder)
    os._exit(ABANDONED)


def _end_with_run() -> None:
    run = parent_process()
    if run is not None:
        run.join()
        os.kill(os.getpid(), signal.SIGTERM)
