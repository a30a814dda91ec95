"""The engine of a SLURM cluster with a shared file system: job arrays that need no driver.

What is submitted is known by the folder `.slurm` of the results, so that a driver that comes later
collects what has ended, waits for what has not, and submits the rest. Nobody is asked but `squeue`.
"""

import json
import math
import os
import pickle
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.core.errors import NotKept, StoreError, UserError
from benchmarks.core.text import count, line
from benchmarks.harness.disk.files import make_folder, read_json, write_json
from benchmarks.harness.engines.settings import Resources, Settings
from benchmarks.harness.engines.slurm_queue import demand_slurm, queued, send
from benchmarks.harness.engines.slurm_task import Load, Place, heard
from benchmarks.harness.run.engine import Began, Ended, Event, Handle, Left, Said
from benchmarks.harness.run.job import Job, Sealed
from benchmarks.harness.store.folder import ENDED

FOLDER, BATCH = ".slurm", "batch.json"
LOOK_SECONDS = 1.0
ASK_SECONDS = 3.0
LAG_SECONDS = 10.0
"""A task that is in the queue no more has left its files by then; shared disks are slow."""


@dataclass(eq=False)
class _Sent(Handle):
    """A job that is in the queue, or was; `gone` is since when it has not been seen there."""

    job: Job | None
    place: Place
    task: str
    gone: float = math.inf
    read: int = 0
    began: bool = False


class SlurmEngine:
    """One array for each set of resources, its tasks with one job or several each."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        modules: Sequence[str] = (),
        *,
        detach: bool = False,
    ) -> None:
        """`detach` raises `Left` as soon as what can be submitted is.

        Raises:
            UserError: no SLURM answers here.
        """
        demand_slurm()
        self._settings = settings
        self._spool = directory.resolve() / FOLDER
        self._trials = directory / "trials"
        self._modules = list(modules)
        self._detach = detach
        self._closed = False
        self._there = {it.id: it for it in self._found()}
        self._sent: dict[str, _Sent] = {}
        self._held: list[_Sent] = []
        self._told: list[_Sent] = []
        self._looked = self._asked = -math.inf

    @property
    def capacity(self) -> int:
        return self._settings.table.queue * self._settings.table.bundle

    def submit(self, job: Job) -> Handle:
        """Take a job on: as the one of a former run, if that has submitted it."""
        if (there := self._there.pop(job.id, None)) is not None:
            there.job, self._sent[job.id] = job, there
            return there
        new = _Sent(job.id, job, Place(self._spool, job.id), "")
        self._held.append(new)
        return new

    def wait(self, seconds: float) -> list[Event]:
        self._forget_told()
        if self._held:
            self._send()
        if self._detach:
            raise Left
        end = time.monotonic() + seconds
        while True:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._looked = time.monotonic()
                if events := list(self._news()):
                    return events
            if (left := end - time.monotonic()) <= 0:
                return []
            time.sleep(min(left, LOOK_SECONDS / 4))

    def cancel(self, handle: Handle) -> None:
        self._held = [it for it in self._held if it is not handle]
        if self._sent.get(handle.id) is handle:
            self._sent.pop(handle.id).place.cancel.touch()

    def close(self) -> None:
        """Leave what is in the queue there; what is over goes."""
        if self._closed:
            return
        self._closed = True
        self._forget_told()
        names = sorted({_name(it.place.batch) for it in self._sent.values()})
        if self._sent:
            print(
                f"reml: {count(len(self._sent), 'trial')} in SLURM's queue stay there; the same "
                f"command collects them, `scancel --name {','.join(names)}` ends them",
                file=sys.stderr,
            )
        elif not self._told and all(
            map(self._is_done, self._there)
        ):  # tasks that are about to end need nothing of it
            shutil.rmtree(self._spool, ignore_errors=True)
        self._sent.clear()

    def _is_done(self, job: str) -> bool:
        """Whether a driver that was killed then had committed it."""
        with suppress(StoreError):
            return read_json(self._trials / job / "trial.json").get("status") in ENDED
        return False

    def _found(self) -> Iterator[_Sent]:
        """The jobs that former runs have submitted."""
        for path in sorted(self._spool.glob(f"*/{BATCH}")):
            with suppress(Exception):  # of a run that was killed while it wrote
                known = read_json(path)
                for index, ids in enumerate(known["tasks"]):
                    for it in ids:
                        place = Place(path.parent, str(it))
                        if not place.cancel.exists():
                            yield _Sent(place.job, None, place, f"{_name(path.parent)}_{index}")

    def _send(self) -> None:
        """Submit what waits, as far as the queue has room: an array for each set of resources."""
        groups: dict[str, tuple[Resources, list[_Sent]]] = {}
        for it in self._held:
            assert it.job is not None
            asked = self._settings.of(it.job.spec.learner.label)
            key = json.dumps(asked.model_dump(include={*Resources.model_fields}), sort_keys=True)
            groups.setdefault(key, (asked, []))[1].append(it)
        room, size = self._settings.table.queue, self._settings.table.bundle
        room -= len({it.task for it in self._sent.values()})
        for asked, jobs in groups.values():
            bundles = [jobs[place : place + size] for place in range(0, len(jobs), size)]
            if bundles := bundles[: max(0, room)]:
                self._send_array(asked, bundles)
                room -= len(bundles)
        self._held = [it for it in self._held if it.id not in self._sent]

    def _send_array(self, asked: Resources, bundles: Sequence[Sequence[_Sent]]) -> None:
        batch = self._spool / f"{time.time_ns():x}"
        make_folder(batch)
        try:
            files = [batch / f"{number}.pkl" for number in range(len(bundles))]
            for path, bundle in zip(files, bundles, strict=True):
                path.write_bytes(pickle.dumps(self._load(bundle)))
        except OSError as error:
            raise NotKept(f"{batch}: cannot be written ({error.strerror})") from None
        # before they are there: whoever is killed now finds them by their name
        write_json(batch / BATCH, {"tasks": [[it.id for it in bundle] for bundle in bundles]})
        try:
            what = _whole(asked, self._settings.table.bundle), self._settings.source
            send(_name(batch), files, batch / "log", *what)
        except UserError:
            shutil.rmtree(batch, ignore_errors=True)
            raise
        for index, bundle in enumerate(bundles):
            for it in bundle:
                it.place, it.task = Place(batch, it.id), f"{_name(batch)}_{index}"
                self._sent[it.id] = it

    def _load(self, bundle: Sequence[_Sent]) -> Load:
        jobs = [it.job for it in bundle if it.job is not None]
        return Load([Sealed.of(job) for job in jobs], self._modules, jobs[0].references)

    def _news(self) -> Iterator[Event]:
        there: set[str] | None = None
        if time.monotonic() - self._asked >= ASK_SECONDS:
            self._asked = time.monotonic()
            there = queued()
        for it in list(self._sent.values()):
            messages, it.read = heard(it.place, it.read)
            for message in messages:
                if message is not None:
                    yield Said(it, message)
                elif not it.began:
                    it.began = True
                    yield Began(it)
            if it.place.ended.exists():
                yield self._collect(it)
            elif there is not None:
                it.gone = math.inf if it.task in there else min(it.gone, time.monotonic())
                if time.monotonic() - it.gone > LAG_SECONDS:
                    self._done_with(it)
                    yield Ended(it, self._why(it), lost=True)

    def _collect(self, it: _Sent) -> Ended:
        """Bring what the job has left to its folder; both are there until it is committed."""
        self._done_with(it)
        known: dict[str, Any] = read_json(it.place.ended)
        if it.job is not None and not known["trouble"]:
            with suppress(OSError):
                shutil.copytree(
                    it.place.folder, it.job.folder, copy_function=_link, dirs_exist_ok=True
                )
        return Ended(it, str(known["trouble"]), bool(known["lost"]))

    def _done_with(self, it: _Sent) -> None:
        del self._sent[it.id]
        self._told.append(it)

    def _forget_told(self) -> None:
        """Remove what is committed by now; its folder has been renamed."""
        committed = [it for it in self._told if it.job is None or not it.job.folder.exists()]
        for it in committed:
            for path in (it.place.ended, it.place.said):
                path.unlink(missing_ok=True)
            it.place.cancel.touch()  # should its task be queued again
            shutil.rmtree(it.place.folder, ignore_errors=True)
        self._told = [it for it in self._told if it not in committed]

    def _why(self, it: _Sent) -> str:
        index = it.task.rpartition("_")[2]
        logs = sorted(
            path
            for path in (it.place.batch / "log").glob("*_log.out")
            if path.name.split("_")[1] == index or path.name.count("_") == 2
        )
        said = logs[-1].read_text(errors="replace").splitlines() if logs else []
        errors = [text for text in said if "error:" in text]
        last = f" ({line(errors[-1], 200)})" if errors else ""
        return f"its task {it.task} of SLURM ended without a result{last}"


def _name(batch: Path) -> str:
    """What the array of a batch is called in the queue."""
    return f"reml-{batch.name}"


def _whole(asked: Resources, jobs: int) -> Resources:
    """What a task gets that runs so many jobs one after the other."""
    if not isinstance(asked.time, float) or jobs == 1:
        return asked
    return asked.model_copy(update={"time": asked.time * jobs})


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
