"""The seam between what is to be run and where: a scheduler drives any engine that is like this."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from benchmarks.harness.run.job import Job

TICK_SECONDS = 0.25
ATTEMPTS = 3
"""How often a job is given to an engine that has lost it before its trial counts as failed."""


@dataclass(eq=False)
class Handle:
    """A job that an engine has taken on."""

    id: str


@dataclass(frozen=True)
class Began:
    """A job runs, that may have waited in a queue."""

    handle: Handle


@dataclass(frozen=True)
class Said:
    """What a worker tells: `[fraction, text]` or `{"tasks": n, "metrics": {...}}`."""

    handle: Handle
    message: Any


@dataclass(frozen=True)
class Ended:
    """A job is over: its folder holds a sealed trial, unless there was trouble with the engine.

    `lost` is trouble that is not the trial's: a node that died, say. It is worth another attempt.
    """

    handle: Handle
    trouble: str = ""
    lost: bool = False


Event = Began | Said | Ended


class Left(Exception):
    """The driver was to go once all is submitted; `Engine.wait` may raise it."""


@runtime_checkable
class Engine(Protocol):
    """Runs jobs, each with a launcher (`LocalEngine` is one): in processes, with the same outcome.

    A job that has ended has left its trial in the job's folder, on the machine of who submitted it;
    whoever submitted commits it.
    """

    @property
    def capacity(self) -> int:
        """How many jobs it takes at a time; may change."""

    def submit(self, job: Job) -> Handle:
        """Take a job on. It may start in the next `wait` only, together with others.

        Raises:
            UserError: no process can be started.
        """

    def wait(self, seconds: float) -> Iterable[Event]:
        """What has happened; comes back as soon as something has, and after `seconds` at most."""

    def cancel(self, handle: Handle) -> None:
        """End a job with all that it has started. Nothing more is heard of it."""

    def close(self) -> None:
        """Let go of all jobs: end them, unless the engine goes on without its driver."""


@runtime_checkable
class Work(Protocol):
    """What is to be run, in what order, and who is told what came of it."""

    def __bool__(self) -> bool:
        """Whether there is more to come, beside what runs."""

    def next(self) -> Job | None:
        """The next job; None if none can start before one that runs has ended."""

    def again(self, job: Job) -> Job:
        """A job whose engine has lost it, with a fresh folder."""

    def began(self, job: Job) -> None: ...

    def said(self, job: Job, message: Any) -> bool:
        """Take what a worker tells; whether to cancel it, which `ended` is then not told of."""

    def ended(self, job: Job, trouble: str) -> None:
        """Commit what is in the job's folder; if there was trouble, there may be nothing."""

    def dropped(self, job: Job) -> None:
        """A job was cancelled, or is left behind."""

    def tick(self) -> None:
        """Is called now and then."""


def drive(engine: Engine, work: Work) -> None:
    """Run all of the work, and close the engine, whatever happens."""
    running: dict[Handle, Job] = {}
    attempts = Counter[str]()
    held: list[Job] = []
    """No engine has them: they are about to be given to one, again or for the first time."""

    try:
        while work or running or held:
            while len(running) < engine.capacity:
                if not held:
                    if (first := work.next()) is None:
                        break
                    held.append(first)
                job = held[-1]
                handle = engine.submit(job)
                running[handle] = held.pop()
                attempts[job.id] += 1
            for event in engine.wait(TICK_SECONDS):
                handle = event.handle
                if handle not in running:
                    continue
                job = running[handle]
                if isinstance(event, Began):
                    work.began(job)
                elif isinstance(event, Said):
                    if work.said(job, event.message):
                        del running[handle]
                        engine.cancel(handle)
                        work.dropped(job)
                else:
                    del running[handle]
                    if event.lost and attempts[job.id] < ATTEMPTS:
                        held.append(work.again(job))
                    else:
                        work.ended(job, event.trouble)
            work.tick()
    finally:
        engine.close()
        for job in [*running.values(), *held]:
            work.dropped(job)
