"""The engine of one machine, and what others run a trial with: a process for each.

A trial that dies takes no other along.
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from benchmarks.core.errors import UserError
from benchmarks.core.text import described
from benchmarks.harness.disk.traces import clear
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.engine import Began, Ended, Event, Handle, Said
from benchmarks.harness.run.job import MOST_WORDS, Job, Sealed

GRACE_SECONDS = 10.0
LAST_SECONDS = 1.0
PAUSE_SECONDS = 0.025
SERVER_DIED = 255
"""What a process seems to have exited with when the server that it was forked from has died."""
STARTS = 2
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
# Python would ask the server of a parent process whether it lives, and only that parent may.
os.register_at_fork(after_in_child=forkserver._forkserver.__init__)  # type: ignore[misc]


@dataclass(eq=False)
class _Running(Handle):
    folder: Path
    process: BaseProcess
    connection: Connection | None


class LocalEngine:
    """Keepers with a worker each, forked from a clean server that has imported the slow things.

    What a job leaves is there, sealed, when its keeper has ended.
    """

    def __init__(self, jobs: int, modules: Sequence[str] = ()) -> None:
        """`jobs` run at a time; `modules` are what workers need, beside what all do."""
        self._jobs = jobs
        self._context = _context(modules)
        self._running: list[_Running] = []
        self._news: list[Event] = []

    @property
    def capacity(self) -> int:
        return self._jobs

    def submit(self, job: Job) -> Handle:
        return self.launch(Sealed.of(job))

    def launch(self, job: Sealed) -> Handle:
        """Start a keeper with its worker; once more, should the server have died meanwhile."""
        for start in range(STARTS):
            reader, writer = self._context.Pipe(duplex=False)
            process = self._context.Process(target=_keep, args=(job, writer), name=job.id)  # type: ignore[attr-defined]
            try:
                with _no_main():
                    process.start()
            except (OSError, EOFError) as error:
                reader.close()
                if start + 1 == STARTS:
                    raise UserError(
                        f"no worker process can be started ({described(error)})"
                    ) from None
            else:
                self._running.append(running := _Running(job.id, job.folder, process, reader))
                self._news.append(Began(running))
                return running
            finally:
                writer.close()
        raise AssertionError

    def wait(self, seconds: float) -> list[Event]:
        """What workers tell, until one ends or the time is over; then who has ended."""
        events, self._news = self._news, []
        connections = {it.connection: it for it in self._running if it.connection}
        sentinels = [it.process.sentinel for it in self._running]
        for ready in wait([*connections, *sentinels], timeout=0 if events else seconds):
            if isinstance(ready, Connection):
                events += _heard(connections[ready])
        for it in [it for it in self._running if not it.process.is_alive()]:
            self._running.remove(it)
            events += [*_heard(it), _end(it)]
        return events

    def cancel(self, handle: Handle) -> None:
        _end_all([it for it in self._running if it is handle])
        self._running = [it for it in self._running if it is not handle]

    def close(self) -> None:
        """Keepers end what their workers have started, and then themselves."""
        _end_all(self._running)
        self._running.clear()


def modules_of(trials: Sequence[TrialSpec], registry: Registry) -> list[str]:
    """What learners and families of the trials import; each worker imports plugins itself."""
    classes = [registry.find("learner", name) for name in {it.learner.name for it in trials}]
    names = {family.name for it in trials for family in (it.family, it.other) if family}
    families = [registry.find("family", name) for name in names]
    modules = {found.cls.__module__ for found in (*classes, *families) if not found.code}
    modules |= {it for found in classes for it in getattr(found.cls, "trains_with", ())}
    if any(getattr(found.cls, "effort", True) for found in classes):
        modules.add("torch._dynamo")  # optimisers import it when they are made: over a second each
    return sorted(modules)


def _context(modules: Sequence[str]) -> BaseContext:
    for name, value in WORKER_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    always = ("benchmarks.unswept", "torch", "benchmarks.harness.run.keeper")
    context.set_forkserver_preload([*always, *modules])
    return context


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


def _heard(it: _Running) -> list[Event]:
    events: list[Event] = []
    connection = it.connection
    if connection is None:
        return events
    try:
        while connection.poll():
            events.append(Said(it, json.loads(connection.recv_bytes(MOST_WORDS))))
    except (EOFError, OSError, ValueError):  # a learner may write there, too
        connection.close()
        it.connection = None
    return events


def _keep(job: Sealed, writer: Connection) -> None:
    """In the keeper's process. Who only starts keepers need not import what trains."""
    from benchmarks.harness.run.keeper import keep

    keep(job, writer)


def _end(it: _Running) -> Ended:
    it.process.join()
    if it.connection is not None:
        it.connection.close()
    code = it.process.exitcode
    if code == 0:
        return Ended(it)
    clear(it.folder)
    trouble = f"the process that keeps a worker died (exit code {code})"
    if code != SERVER_DIED or it.process.pid is None:
        return Ended(it, trouble)
    # nobody can say what became of the keeper. It ends by itself, and is waited for.
    end = time.monotonic() + LAST_SECONDS
    with suppress(OSError):
        os.kill(it.process.pid, signal.SIGTERM)
        while time.monotonic() < end:
            os.kill(it.process.pid, 0)
            time.sleep(PAUSE_SECONDS)
    return Ended(it, trouble, lost=True)


def _end_all(running: Sequence[_Running]) -> None:
    for it in running:
        it.process.terminate()
    for it in running:
        it.process.join(GRACE_SECONDS)
        if it.process.is_alive():
            it.process.kill()
            it.process.join()
        if it.connection is not None:
            it.connection.close()
