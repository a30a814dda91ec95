"""What runs in a task of SLURM: some jobs one after the other, each by this machine's launcher."""

import json
import pickle
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.disk.files import write_json
from benchmarks.harness.run.engine import ATTEMPTS, Ended, Said
from benchmarks.harness.run.job import Sealed
from benchmarks.harness.run.local import LocalEngine

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Place:
    """Where a job leaves what it has to say: files beside each other in the folder of its batch."""

    batch: Path
    job: str

    @property
    def folder(self) -> Path:
        """The trial's."""
        return self.batch / self.job

    @property
    def said(self) -> Path:
        """A line for everything that it tells; the first when it begins."""
        return self.batch / f"{self.job}.said"

    @property
    def ended(self) -> Path:
        """Is there once it has ended, whatever came of it."""
        return self.batch / f"{self.job}.ended"

    @property
    def cancel(self) -> Path:
        """Is put there by who wants no more of it."""
        return self.batch / f"{self.job}.cancel"


@dataclass(frozen=True)
class Load:
    """What a task is given in a file; `references` is where trials share what references scored."""

    jobs: Sequence[Sealed]
    modules: Sequence[str]
    references: Path | None


class Task:
    """Runs the jobs of a file, but for those that have ended: it may have been requeued."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> None:
        load: Load = pickle.loads(self.path.read_bytes())
        engine = LocalEngine(1, load.modules)
        with tempfile.TemporaryDirectory(prefix="reml-") as references:
            moves = {} if load.references is None else {load.references: Path(references)}
            for job in load.jobs:
                place = Place(self.path.parent, job.id)
                if not place.ended.exists() and not place.cancel.exists():
                    _run(engine, job.moved({job.folder: place.folder, **moves}), place)

    def checkpoint(self) -> Any:
        """What submitit queues again where SLURM takes the machine away: the same."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _run(engine: LocalEngine, job: Sealed, place: Place) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        shutil.rmtree(place.folder, ignore_errors=True)  # of a task that was cut off
        place.folder.mkdir()
        ended = _wait(engine, job, place)
        if ended is None:
            shutil.rmtree(place.folder, ignore_errors=True)
            return
        if not ended.lost or attempt == ATTEMPTS:
            write_json(place.ended, {"trouble": ended.trouble, "lost": ended.lost})
            return


def _wait(engine: LocalEngine, job: Sealed, place: Place) -> Ended | None:
    """How it ended; None where it was cancelled."""
    handle = engine.launch(job)
    with place.said.open("a") as said:
        said.write("null\n")
        while place.batch.is_dir() and not place.cancel.exists():
            said.flush()
            for event in engine.wait(LOOK_SECONDS):
                if isinstance(event, Ended):
                    return event
                if isinstance(event, Said):
                    said.write(json.dumps(event.message) + "\n")
    engine.cancel(handle)
    return None


def heard(place: Place, start: int) -> tuple[list[Any], int]:
    """What a job has told from this byte of its file on, and up to which."""
    messages: list[Any] = []
    with suppress(OSError), place.said.open("rb") as file:
        file.seek(start)
        for line in file:
            if not line.endswith(b"\n"):
                break
            start += len(line)
            with suppress(ValueError):
                messages.append(json.loads(line))
    return messages, start
