"""The engine of a Ray cluster: trials are its tasks, and nothing but Ray lies between machines."""

import math
import os
import secrets
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.core.errors import UserError
from benchmarks.core.text import described
from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.engines.luggage import (
    carried,
    carried_plugin,
    data_of,
    demand_depot,
    packed,
    unpack,
)
from benchmarks.harness.engines.ray_cluster import connect, demand_room, has_room, options_of
from benchmarks.harness.engines.ray_node import (
    CHECKPOINTS,
    TRAINING,
    TRIAL,
    Mailbox,
    Outcome,
    Parcel,
    forget,
    run_in_ray,
)
from benchmarks.harness.engines.settings import Settings
from benchmarks.harness.engines.versions import versions
from benchmarks.harness.run.engine import Began, Ended, Event, Handle, Said
from benchmarks.harness.run.job import Job, Sealed
from benchmarks.harness.source.code import files_of
from benchmarks.harness.trial.trainings import checkpoints_of

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 10.0
KEPT_TRAININGS = 32
"""So many that were sent last stay with Ray, for others that take them over."""


@dataclass(eq=False)
class _Task(Handle):
    job: Job
    reference: Any


class RayEngine:
    """Trials as tasks with resources. A task holds the launcher; the trial is a child of that.

    Plugins, data and shared trainings travel as bytes, and trials come back so: machines need no
    common file system, but the same packages.
    """

    def __init__(self, address: str, settings: Settings, modules: Sequence[str] = ()) -> None:
        """Connect to the cluster at `address`; to that of this machine, or a new one, if empty.

        Raises:
            UserError: there is no such cluster, or it cannot be used.
        """
        depot = settings.table.checkpoints
        self._depot = demand_depot(depot, settings.source) if depot else ""
        self._ray = ray = connect(address)
        self._settings = settings
        self._modules = list(modules)
        self._closed = False
        self._run = secrets.token_hex(6)
        self._items: dict[Path, tuple[str, str, Any]] = {}
        self._roots: set[Path] = set()
        self._trained: dict[Path, Any] = {}
        self._notes: set[str] = set()
        self._tasks: dict[Any, _Task] = {}
        self._task = ray.remote(max_retries=0)(run_in_ray)
        mailbox = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Mailbox)
        self._mailbox = mailbox.remote()
        self._taking: Any = None
        self._looked = -math.inf
        self._slots = 1
        self._placed: set[str] = set()
        self._waits = False

    @property
    def capacity(self) -> int:
        """Twice as many as run at a time, so that no machine waits for the next."""
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            with suppress(self._ray.exceptions.RayError):
                there = self._ray.cluster_resources().get("CPU", 1)
                self._slots = max(1, int(there / self._settings.table.processors))
                self._say_who_waits()
        return 2 * self._slots

    def submit(self, job: Job) -> Handle:
        label = job.spec.learner.label
        options = self._options_of(label)
        if label not in self._placed:
            self._demand_room(label)
            self._placed.add(label)
        task = self._task.options(**options, name=job.id)
        reference = task.remote(self._parcel(job), self._mailbox)
        self._tasks[reference] = made = _Task(job.id, job, reference)
        return made

    def wait(self, seconds: float) -> list[Event]:
        events = self._heard()
        if not self._tasks:
            return events
        ready, _ = self._ray.wait(
            list(self._tasks), num_returns=1, timeout=0 if events else seconds, fetch_local=True
        )
        if ready:
            more, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0)
            ready = list({*ready, *more})
        for reference in ready:
            events.append(self._end(self._tasks.pop(reference)))
        return events

    def cancel(self, handle: Handle) -> None:
        for task in [it for it in self._tasks.values() if it is handle]:
            del self._tasks[task.reference]
            with suppress(Exception):
                self._ray.cancel(task.reference, force=True)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for task in list(self._tasks.values()):
            self.cancel(task)
        with suppress(Exception):
            self._forget()
        self._ray.shutdown()

    def _options_of(self, label: str) -> dict[str, Any]:
        return options_of(self._settings.of(label))

    def _demand_room(self, label: str) -> None:
        nodes = [it["Resources"] for it in self._ray.nodes() if it["Alive"]]
        demand_room(self._options_of(label), nodes, self._settings.source)

    def _say_who_waits(self) -> None:
        """Machines may come back that were lost; until then, whoever looks on wonders."""
        try:
            for label in {it.job.spec.learner.label for it in self._tasks.values()}:
                self._demand_room(label)
            self._waits = False
        except UserError as error:
            if not self._waits:
                print(f"reml: {error}; the run waits for one that has", file=sys.stderr)
            self._waits = True

    def _parcel(self, job: Job) -> Parcel:
        for path in job.plugins:
            self._carry(path, plugin=True)
        data = [*data_of(job.spec)]
        for path in data:
            self._carry(path)
        trained = None
        if job.trained is not None:
            trained = job.trained, self._training(job.trained)
        return Parcel(
            run=self._run,
            job=Sealed.of(job),
            modules=self._modules,
            versions=versions(),
            items={path: self._items[path] for path in [*job.plugins, *data]},
            roots=[it for it in job.plugins if it in self._roots],
            trained=trained,
            training=(job.spec.training, job.trainings),
            references=job.references,
            checkpoints={it.name: _with_time(it) for it in _checkpoints(job)},
            depot=self._depot,
        )

    def _carry(self, path: Path, *, plugin: bool = False) -> None:
        if path not in self._items:
            item = carried_plugin(path) if plugin else carried(path)
            if plugin and str(files_of(path)[0]) in map(os.path.realpath, sys.path):
                self._roots.add(path)
            self._items[path] = item.digest, item.inside, self._ray.put(item.data)

    def _training(self, place: Path) -> Any:
        if place not in self._trained:
            files = {it.name: it for it in place.iterdir() if it.is_file()}
            self._trained[place] = self._ray.put(packed(files))
            while len(self._trained) > KEPT_TRAININGS:
                self._trained.pop(next(iter(self._trained)))
        return self._trained[place]

    def _heard(self) -> list[Event]:
        """What the jobs have told since; the answer to a question of last time."""
        events: list[Event] = []
        known = {it.id: it for it in self._tasks.values()}
        with suppress(self._ray.exceptions.RayError):
            if self._taking is None:
                self._taking = self._mailbox.take.remote()
            elif self._ray.wait([self._taking], timeout=0)[0]:
                taken, self._taking = self._taking, None
                for job, message in self._ray.get(taken):
                    if (task := known.get(job)) is not None:
                        events.append(Began(task) if message is None else Said(task, message))
            return events
        self._taking = None
        return events

    def _end(self, task: _Task) -> Ended:
        errors = self._ray.exceptions
        try:
            outcome: Outcome = self._ray.get(task.reference)
        except errors.RayTaskError as error:
            cause = getattr(error, "cause", None) or error
            if isinstance(cause, ImportError):
                raise UserError(
                    f"a machine of Ray has not what trials need ({described(cause)}); install "
                    "the same packages there"
                ) from None
            return Ended(task, f"it could not be run in Ray ({described(cause)})")
        except errors.RayError as error:
            said = str(error).strip().partition("\n")[0]
            return Ended(task, f"a machine or process of Ray was lost ({said})", lost=True)
        if outcome.refused:
            raise UserError(f"{outcome.refused}; install the same, or the bits would differ")
        if outcome.note and outcome.note not in self._notes:
            self._notes.add(outcome.note)
            print(f"reml: {outcome.note}", file=sys.stderr)
        if outcome.trouble:
            return Ended(task, outcome.trouble, outcome.lost)
        self._bring(task.job, outcome.data)
        return Ended(task)

    def _bring(self, job: Job, data: bytes) -> None:
        """Put what the job has left where it is expected here."""
        trial, training = job.folder / TRIAL, job.folder / TRAINING
        unpack(data, job.folder)
        if training.is_dir():
            place = None if job.trainings is None else job.trainings / job.spec.training
            if place is not None and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                training.rename(place)
            shutil.rmtree(training, ignore_errors=True)
        for path in _checkpoints(job):
            if (left := job.folder / CHECKPOINTS / path.name).is_file():
                make_folder(path.parent)
                left.replace(path)
            else:
                path.unlink(missing_ok=True)
        shutil.rmtree(job.folder / CHECKPOINTS, ignore_errors=True)
        for path in trial.iterdir():
            path.rename(job.folder / path.name)
        trial.rmdir()

    def _forget(self) -> None:
        """On every machine that has room for its trials, what the run has left there."""
        ray, options = self._ray, [self._options_of(label) for label in self._placed]
        affinity = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        sweep = ray.remote(num_cpus=0, max_retries=0)(forget)
        asked = [
            sweep.options(scheduling_strategy=affinity(it["NodeID"], soft=False)).remote(self._run)
            for it in ray.nodes()
            if it["Alive"] and any(has_room(them, it["Resources"]) for them in options)
        ]
        ray.wait(asked, num_returns=len(asked), timeout=PATIENCE_SECONDS)


def _checkpoints(job: Job) -> list[Path]:
    return [] if job.trainings is None else checkpoints_of(job.trainings, job.spec)


def _with_time(path: Path) -> tuple[bytes, float]:
    """What a checkpoint holds, nothing where there is none, and when its training was last seen."""
    try:
        return path.read_bytes(), path.stat().st_mtime
    except OSError:
        return b"", 0.0
