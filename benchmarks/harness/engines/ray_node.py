"""What runs in a process of Ray, on any of its machines: one job, by this machine's launcher."""

import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.disk.files import fresh_name
from benchmarks.harness.disk.shapes import TEMPORARY
from benchmarks.harness.engines.luggage import packed, placed, unpack
from benchmarks.harness.engines.versions import differences, versions
from benchmarks.harness.run.engine import Ended, Said
from benchmarks.harness.run.job import Sealed
from benchmarks.harness.run.local import LocalEngine

TELL_SECONDS = 0.5
TRIAL, TRAINING = "trial", "training"


@dataclass(frozen=True)
class Parcel:
    """A job with what it needs, whose paths are those of the machine that sends it.

    Attributes:
        run: names the run; on each machine its jobs share a folder.
        items: files and folders by path: their digest, their name inside, and where Ray has them.
        roots: those of the items whose folder Python looks for modules in.
        trained: where the training is that it takes over, and where Ray has that.
        training: the name of its training, and where others look for trainings.
    """

    run: str
    job: Sealed
    modules: Sequence[str]
    versions: Mapping[str, str]
    items: Mapping[Path, tuple[str, str, Any]]
    roots: Sequence[Path]
    trained: tuple[Path, Any] | None
    training: tuple[str, Path | None]
    references: Path | None


@dataclass(frozen=True)
class Outcome:
    """What came of a job: the folders it has left, packed; or why the run can't go on."""

    data: bytes = b""
    trouble: str = ""
    lost: bool = False
    refused: str = ""


_launchers: list[LocalEngine] = []


def place_of(run: str) -> Path:
    return Path(tempfile.gettempdir()) / f"reml-{run}"


def run_parcel(parcel: Parcel, tell: Callable[[Any], object], get: Callable[[Any], Any]) -> Outcome:
    """Run the job, telling of its progress; `get` gets what Ray has."""
    if differing := differences(parcel.versions, versions()):
        words = "; ".join(differing[:5])
        return Outcome(refused=f"{socket.gethostname()}, a machine of Ray: {words}")
    if not _launchers:
        _launchers.append(LocalEngine(1, parcel.modules))
    work = place_of(parcel.run) / fresh_name("job-")
    folder = work / f"{TEMPORARY}{parcel.job.id}-{fresh_name('')}"
    try:
        folder.mkdir(parents=True)
        return _run(parcel, folder, tell, get)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(
    parcel: Parcel, folder: Path, tell: Callable[[Any], object], get: Callable[[Any], Any]
) -> Outcome:
    job, work, shared = parcel.job, folder.parent, place_of(parcel.run)
    moves = {job.folder: folder}
    for path, (digest, inside, reference) in parcel.items.items():
        place = placed(digest, None, shared) or placed(digest, get(reference), shared)
        assert place is not None
        moves[path] = place / inside
        if path in parcel.roots and str(place) not in sys.path:
            sys.path.append(str(place))  # a process that is forked gets it, too
    training, trainings = parcel.training
    if trainings is not None:
        moves[trainings] = work / "trainings"
    if parcel.references is not None:
        moves[parcel.references] = shared / "references"
    if parcel.trained is not None:
        place, reference = parcel.trained
        unpack(get(reference), work / "trained")
        moves[place] = work / "trained"
    ended = _ended(_launchers[0], job.moved(moves), tell)
    if ended.trouble:
        return Outcome(trouble=ended.trouble, lost=ended.lost)
    made = work / "trainings" / training
    return Outcome(packed({TRIAL: folder, **({TRAINING: made} if made.is_dir() else {})}))


def _ended(engine: LocalEngine, job: Sealed, tell: Callable[[Any], object]) -> Ended:
    """Wait for it, and tell what it says: all numbers, of progress now and then the latest."""
    engine.launch(job)
    told, latest = 0.0, None
    tell(None)
    try:
        while True:
            for event in engine.wait(TELL_SECONDS):
                if isinstance(event, Ended):
                    return event
                if isinstance(event, Said):
                    if isinstance(event.message, dict):
                        tell(event.message)
                    else:
                        latest = event.message
            if latest is not None and time.monotonic() - told >= TELL_SECONDS:
                tell(latest)
                told, latest = time.monotonic(), None
    finally:
        engine.close()


def forget(run: str) -> None:
    """Remove what the jobs of a run have shared on this machine."""
    with suppress(OSError):
        shutil.rmtree(place_of(run))


class Mailbox:
    """Holds what jobs tell until the driver asks; an actor of Ray."""

    def __init__(self) -> None:
        self._messages: list[tuple[str, Any]] = []

    def put(self, job: str, message: Any) -> None:
        self._messages.append((job, message))

    def take(self) -> list[tuple[str, Any]]:
        messages, self._messages = self._messages, []
        return messages
