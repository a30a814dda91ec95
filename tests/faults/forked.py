"""Runs as children of this process, which has imported everything: each starts in no time."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.api import running
from benchmarks.cli import main
from benchmarks.harness.run import local
from benchmarks.harness.run.engine import Handle
from benchmarks.harness.store import lock
from benchmarks.report.tables.write import write_table


def prepare() -> None:
    """Runs of this process fork their workers from themselves, and draw nothing."""
    local._context = lambda *_: multiprocessing.get_context("fork")
    running.write_whole = lambda results, place, *_, **__: write_table(results, place)  # type: ignore


def start(arguments: list[str], log: Path, *, locks: bool) -> BaseProcess:
    process = multiprocessing.get_context("fork").Process(
        target=in_child, args=(arguments, log, locks)
    )
    process.start()
    return process


def in_child(arguments: list[str], log: Path, locks: bool) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    local.LocalEngine.submit = undisturbed(local.LocalEngine.submit)  # type: ignore[method-assign]
    os.register_at_fork(after_in_child=lambda: deaf(signal.SIG_UNBLOCK))
    with log.open("a") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    if not locks:
        lock.fcntl = Lockless()  # type: ignore[attr-defined]
    code = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def undisturbed(submit: Callable[..., Handle]) -> Callable[..., Handle]:
    """What Python does after a fork swallows interrupts; other runs fork in their server."""

    def waiting(*arguments: object) -> Handle:
        deaf(signal.SIG_BLOCK)
        try:
            return submit(*arguments)
        finally:
            deaf(signal.SIG_UNBLOCK)

    return waiting


def deaf(how: int) -> None:
    signal.pthread_sigmask(how, {signal.SIGINT})


class Lockless:
    """`fcntl`, as a file system without locks makes it look."""

    LOCK_EX = LOCK_NB = LOCK_UN = 0

    def flock(self, *_: object) -> None:
        raise OSError(lock.errno.ENOLCK, os.strerror(lock.errno.ENOLCK))
