"""Who may write to a results folder: one process at a time, and a run waits for a report."""

import contextlib
import errno
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

from benchmarks.core.errors import NotKept
from benchmarks.harness.disk.claim import Claim, drop, hold, holds, let_go, standing, take
from benchmarks.harness.disk.pulse import machine
from benchmarks.harness.disk.shapes import read_matrix
from benchmarks.harness.store.ledger import Ledger

LOCK = ".lock"
TICK_SECONDS = 0.1
LOCKLESS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What file systems answer that have no locks."""
Holder = Literal["run", "report"]
_claimed: set[Path] = set()


class InUse(NotKept):
    """Another run has the folder."""


@contextlib.contextmanager
def locked(directory: Path, holder: Holder) -> Iterator[None]:
    """Hold a folder; waits while a report is written there, which takes seconds.

    Where the file system has no locks, a file does instead; see `benchmarks.harness.disk.claim`.

    Raises:
        InUse: a run has it.
        NotKept: it cannot be written.
    """
    try:
        file = (directory / LOCK).open("a+")
    except OSError as error:
        raise NotKept(f"{directory}: cannot be written ({error.strerror})") from None
    with file:
        while (other := _take(file, directory, holder)) is not None:
            if other.holder != "report":
                raise InUse(f"{directory}: another `reml run` is writing here{other.hint}")
            time.sleep(TICK_SECONDS)
        with contextlib.suppress(OSError):  # a full disk: then all take the holder for a run
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), holder.encode())
        hold(directory, file, directory / LOCK)
        try:
            yield
        finally:
            let_go(directory)
            with contextlib.suppress(OSError):
                os.ftruncate(file.fileno(), 0)
            if directory.resolve() in _claimed:
                _claimed.discard(directory.resolve())
                drop(directory)


@contextlib.contextmanager
def held(directory: Path) -> Iterator[None]:
    """As `locked` by a run, but for a folder that this process holds already."""
    with contextlib.nullcontext() if holds(directory) else locked(directory, "run"):
        yield


def _take(file: IO[str], directory: Path, holder: Holder) -> Claim | None:
    """Hold the folder, or say who does."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        return Claim(file.read().strip() or "run", machine=machine())
    except OSError as error:
        if error.errno not in LOCKLESS:
            raise NotKept(f"{directory}: cannot be locked ({error.strerror})") from None
        other = take(directory, holder)
        if other is None:
            _claimed.add(directory.resolve())
        return other
    if (other := standing(directory)) is not None:  # of a machine that finds no locks there
        fcntl.flock(file, fcntl.LOCK_UN)
    return other


class Keeper:
    """Keeps what was found in the folder it is about, if it can; `trouble` says why not."""

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble

    def __call__(self, write: Callable[[], object]) -> bool:
        """Write something, unless that is known to be in vain; whether it is there now."""
        if not self.trouble:
            try:
                write()
            except NotKept as error:
                self.trouble = str(error)
        return not self.trouble


@contextlib.contextmanager
def keeping(directory: Path) -> Iterator[Keeper]:
    """For a command that shows what a folder holds and keeps it there, too, where that is possible.

    Results have to be loaded inside: no run can end between that and their being kept. Where they
    cannot be, one line on stderr says so.

    Raises:
        StoreError: the folder holds no results.
    """
    read_matrix(directory)
    with contextlib.ExitStack() as stack:
        keep = Keeper()
        try:
            stack.enter_context(locked(directory, "report"))
            listed = Ledger(directory).listed()
        except NotKept as error:
            keep.trouble = str(error)
        try:
            yield keep
        finally:
            if not keep.trouble:
                keep(lambda: Ledger(directory).tidy(listed))
    if keep.trouble:
        print(f"reml: shown, but not kept: {keep.trouble}", file=sys.stderr)
