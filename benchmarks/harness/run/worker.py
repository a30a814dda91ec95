"""What runs in a worker process: one trial, then the process ends."""

import faulthandler
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn, TextIO

import torch

from benchmarks.core.text import described, line, shortened
from benchmarks.harness.disk.pulse import GOES_ON, Pulse
from benchmarks.harness.disk.traces import settle
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run import descendants
from benchmarks.harness.run.job import Job, Sealed
from benchmarks.harness.trial.reporting import Log, Report
from benchmarks.harness.trial.trial import run_trial

REPORT_SECONDS = 0.2
MOST_WORDS = 4_096
"""Bytes of one message: a pipe takes so many at once, or none."""


def work(sealed: Sealed, connection: Connection, output: int, words: int) -> NoReturn:
    """Run the job's trial on one thread and write it to its folder.

    What it prints goes to `output`, progress through the connection, and why there is no record, if
    there is none, to `words`.
    """
    try:
        os.setsid()  # a signal to the group of processes reaches no others
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        descendants.follow_parent(signal.SIGKILL)
        settle(sealed.folder)
        _redirect_output(output)
        _be_modest()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        torch.set_num_threads(1)
        registry = Registry(sealed.plugins)
        job = sealed.opened()
        reporter = _Reporter(connection, Pulse(job.folder, job.id))
        log = reporter.log if job.logs else reporter.pulse.logged
        resolve_name(job.work)(job, registry, reporter, log)
        code = 0
    except BaseException as error:
        code = 1
        with suppress(BaseException):
            os.write(words, described(error).encode("utf-8", "replace")[:MOST_WORDS])
        with suppress(BaseException):
            print(shortened(traceback.format_exc()), file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    os._exit(code)  # whatever threads the learner has left behind


def run_spec(job: Job, registry: Registry, report: Report, log: Log) -> None:
    """What is done with a job, unless it says otherwise: train, test, and write what came out."""
    run_trial(
        job.spec,
        registry,
        job.folder,
        device=job.device,
        provenance=job.provenance,
        report=report,
        log=log,
        trained=job.trained,
        trainings=job.trainings,
        references=job.references,
    )


class _Reporter:
    """Sends progress, but not more often than anybody can read."""

    def __init__(self, connection: Connection, pulse: Pulse) -> None:
        self.pulse = pulse
        self._connection = connection
        self._pipe = _identity(connection)
        self._last = 0.0

    def __call__(self, fraction: float, text: str) -> None:
        self.pulse.told(fraction, text)
        now = time.monotonic()
        if now - self._last >= REPORT_SECONDS or text.startswith(GOES_ON):  # that is said once
            self._last = now
            self._send([fraction, line(text)])

    def log(self, tasks: int, metrics: Mapping[str, float]) -> None:
        self.pulse.logged(tasks, metrics)
        self._send({"tasks": tasks, "metrics": dict(metrics)})

    def _send(self, message: Any) -> None:
        data = json.dumps(message).encode()
        # a learner may have closed the pipe, and its number may be another file's now
        if len(data) <= MOST_WORDS and _identity(self._connection) == self._pipe:
            with suppress(OSError):
                self._connection.send_bytes(data)


def _identity(connection: Connection) -> tuple[int, int] | None:
    try:
        found = os.fstat(connection.fileno())
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _redirect_output(output: int) -> None:
    """What a learner prints is kept beside its scores, not mixed into the progress display."""
    sys.stdout.flush()
    sys.stderr.flush()
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.close(output)
    # line by line: what was said before a crash is there after it
    sys.stdout = _lines_to(1)
    sys.stderr = _lines_to(2)
    faulthandler.enable()
    # who doesn't mind an interrupt is asked to end, and says first where it was
    faulthandler.register(signal.SIGTERM, chain=True)


def _be_modest() -> None:
    """Where memory is short, this process goes first; where it crashes, it leaves no core."""
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def _lines_to(descriptor: int) -> TextIO:
    return open(
        descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False
    )
