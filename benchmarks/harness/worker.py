"""What runs in a worker process: one trial, then the process ends."""

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness.expand import TrialSpec
from benchmarks.harness.folder import ResultsFolder
from benchmarks.harness.registry import Registry
from benchmarks.harness.trial import run_trial

OUTPUT = "output.txt"
REPORT_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """A trial, and all a worker needs to run it and to put it in its place."""

    spec: TrialSpec
    directory: Path
    folder: Path
    plugins: tuple[Path, ...]
    device: str
    provenance: Mapping[str, Any]
    trained: Path | None
    """The folder of a trial whose learner this one takes over."""


def work(job: Job, connection: Connection) -> None:
    """Run the job's trial on one thread and store it; progress goes through the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees Ctrl-C and ends its workers
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _redirect_output(job.folder / OUTPUT)
    torch.set_num_threads(1)
    run_trial(
        job.spec,
        Registry(job.plugins),
        job.folder,
        device=job.device,
        provenance=job.provenance,
        report=_Reporter(connection),
        trained=job.trained,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    output = job.folder / OUTPUT
    if not output.stat().st_size:
        output.unlink()
    ResultsFolder(job.directory).commit(job.folder, job.spec.id)
    os._exit(0)  # whatever threads the learner has left behind


class _Reporter:
    """Sends progress, but not more often than anybody can read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._last = 0.0

    def __call__(self, fraction: float, text: str) -> None:
        now = time.monotonic()
        if now - self._last >= REPORT_SECONDS:
            self._last = now
            self._connection.send((fraction, text))


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _redirect_output(path: Path) -> None:
    """What a learner prints is kept beside its scores, not mixed into the progress display."""
    sys.stdout.flush()
    sys.stderr.flush()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
