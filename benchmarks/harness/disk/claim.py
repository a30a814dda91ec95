"""A folder held where its file system knows no locks: by a file that only one process can make."""

import json
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.core.errors import NotKept
from benchmarks.core.text import line
from benchmarks.harness.disk.pulse import lives, machine

CLAIM = ".lock.held"
_held: dict[Path, tuple[Path, tuple[int, int]]] = {}
"""The folders that this process holds, and the file of each that it has locked."""


@dataclass(frozen=True)
class Claim:
    """Who holds a folder: `machine` tells those from others in which its `pid` means nothing."""

    holder: str
    host: str = ""
    machine: str = ""
    pid: int = 0
    born: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether that process is gone for certain."""
        if self.machine != machine() or not self.pid:
            return False
        return not lives(self.pid) or self.born != _born(self.pid)

    @property
    def hint(self) -> str:
        """What to do about one of whom nobody here can say whether it lives; or nothing."""
        if self.machine == machine():
            return ""
        who = f"process {self.pid} of {line(self.host, 80)}" if self.pid else "nobody knows which"
        return f" ({who}; if it is over, remove the file {CLAIM})"


def take(directory: Path, holder: str) -> Claim | None:
    """Hold a folder, also after somebody who died; if another one does, that one.

    Raises:
        NotKept: the folder cannot be written.
    """
    path = directory / CLAIM
    mine = Claim(holder, socket.gethostname(), machine(), os.getpid(), _born(os.getpid()))
    try:
        while True:
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            except FileExistsError:
                other = standing(directory)
                if other is not None:
                    return other
                continue
            try:
                with open(descriptor, "w") as file:
                    json.dump(asdict(mine), file)
            except OSError:
                path.unlink(missing_ok=True)
                raise
            return None
    except OSError as error:
        raise NotKept(f"{directory}: cannot be written ({error.strerror})") from None


def drop(directory: Path) -> None:
    with suppress(OSError):
        (directory / CLAIM).unlink()


def standing(directory: Path) -> Claim | None:
    """Who holds a folder; what somebody has left who died is removed."""
    path = directory / CLAIM
    found = _read(path)
    if found is None or not found.is_stale:
        return found
    aside = path.with_name(f"{CLAIM}-{secrets.token_hex(4)}")
    with suppress(OSError):
        path.rename(aside)  # only one of all who see that it is stale can do that
        other = _read(aside)
        if other is not None and other != found:  # made in between, by somebody who lives
            with suppress(OSError):
                os.link(aside, path)
        aside.unlink()
    return _read(path)


def _read(path: Path) -> Claim | None:
    """None if there is none; one without a process where it cannot be read."""
    try:
        return Claim(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        return Claim("run")


def _born(pid: int) -> str:
    """When a process began, which tells it from a later one of the same number."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return ""


def hold(directory: Path, file: IO[str], path: Path) -> None:
    """Note that this process holds a folder, by an open file that lies there."""
    found = os.fstat(file.fileno())
    _held[directory.resolve()] = path.absolute(), (found.st_dev, found.st_ino)


def let_go(directory: Path) -> None:
    _held.pop(directory.resolve(), None)


def holds(directory: Path) -> bool:
    return directory.resolve() in _held


def demand_kept(directory: Path) -> None:
    """What is written goes to the folder that was locked, if one was.

    Raises:
        NotKept: it was removed, and maybe another one is there.
    """
    path, identity = _held.get(directory.resolve(), (None, None))
    if path is None:
        return
    with suppress(OSError):
        found = path.stat()
        if (found.st_dev, found.st_ino) == identity:
            return
    raise NotKept(f"{directory}: was removed while it was written to")
