"""What runs in a process of Ray, on any of its machines: one job, by this machine's launcher."""

import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.core.text import described
from benchmarks.harness.disk.files import fresh_name
from benchmarks.harness.disk.shapes import TEMPORARY
from benchmarks.harness.engines.luggage import Depot, packed, placed, unpack
from benchmarks.harness.engines.versions import differences, versions
from benchmarks.harness.run.engine import Ended, Said
from benchmarks.harness.run.job import Sealed
from benchmarks.harness.run.local import LocalEngine

TELL_SECONDS = 0.5
LOOK_SECONDS, LAST_SECONDS = 1.0, 60.0
HEAD = 4096
"""Bytes at the beginning of a checkpoint in which two of them differ."""
TRIAL, TRAINING, CHECKPOINTS = "trial", "training", "checkpoints"


@dataclass(frozen=True)
class Parcel:
    """A job with what it needs, whose paths are those of the machine that sends it.

    Attributes:
        run: names the run; on each machine its jobs share a folder.
        items: files and folders by path: their digest, their name inside, and where Ray has them.
        roots: those of the items whose folder Python looks for modules in.
        trained: where the training is that it takes over, and where Ray has that.
        training: the name of its training, and where others look for trainings.
        checkpoints: by name, those that its trainings may go on from, and when each was seen last;
            of no bytes where there is none.
        depot: the path or URL where they are kept, too; none if empty.
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
    checkpoints: Mapping[str, tuple[bytes, float]] = field(default_factory=dict)
    depot: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came of a job: the folders it has left, packed; or why the run can't go on."""

    data: bytes = b""
    trouble: str = ""
    lost: bool = False
    refused: str = ""
    note: str = ""


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
    with _Checkpoints(work / "trainings", parcel.checkpoints, parcel.depot) as checkpoints:
        ended = _ended(_launchers[0], job.moved(moves), tell)
    if ended.trouble:
        return Outcome(trouble=ended.trouble, lost=ended.lost, note=checkpoints.trouble)
    made = work / "trainings" / training
    what = {TRIAL: folder, **({TRAINING: made} if made.is_dir() else {})}
    what |= {f"{CHECKPOINTS}/{it.name}": it for it in checkpoints.there}
    return Outcome(packed(what), note=checkpoints.trouble)


class _Checkpoints:
    """Those of a job's trainings while it runs here, which a thread leaves in the depot.

    `trouble` is what became of it where it did not work; the job goes on without.
    """

    def __init__(self, folder: Path, known: Mapping[str, tuple[bytes, float]], depot: str) -> None:
        self.trouble = ""
        self._folder = folder
        self._known = known
        self._url = depot
        self._depot: Depot | None = None
        self._seen: dict[str, bytes] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def there(self) -> list[Path]:
        paths = [self._folder / name for name in self._known]
        return [it for it in paths if it.is_file()]

    def __enter__(self) -> "_Checkpoints":
        self._folder.mkdir(exist_ok=True)
        for name, (data, seen) in self._known.items():
            path = self._folder / name
            if data:
                path.write_bytes(data)
                os.utime(path, (seen, seen))
            if self._url and (later := self._tried(self._fetched, name)):
                path.write_bytes(later)
            self._seen[name] = _head(path)
        if self._url and not self.trouble:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(LAST_SECONDS)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            self._tried(self._leave)
        self._tried(self._leave)

    def _tried(self, do: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return do(*arguments)
        except Exception as error:  # as many kinds as there are file systems
            where = f"{socket.gethostname()}, a machine of Ray"
            self.trouble = f"{where}: {self._url}: checkpoints are not kept ({described(error)})"

    def _fetched(self, name: str) -> bytes | None:
        self._depot = self._depot or Depot(self._url)
        return self._depot.get(name)

    def _leave(self) -> None:
        assert self._depot is not None
        for name, before in self._seen.items():
            if (head := _head(self._folder / name)) == before:
                continue
            if head:
                self._depot.put(name, (self._folder / name).read_bytes())
            else:
                self._depot.remove(name)
            self._seen[name] = head


def _head(path: Path) -> bytes:
    """Nothing where there is no checkpoint."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except FileNotFoundError:
        return b""


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
