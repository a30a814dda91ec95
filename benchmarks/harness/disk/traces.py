"""What a trial can leave outside of its folder, and how it is found again: by the folder's name.

Temporary files lie in a folder whose name follows from that of the trial's. Processes have a mark
in their environment, or where they were forked and run no program of their own, in their name.
"""

import ctypes
import hashlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "REML_TRIAL"
LONGEST = 60
"""Bytes of the folder of temporary folders: a socket's path has at most a hundred or so."""
_PR_SET_NAME = 15


def token_of(folder: Path) -> str:
    """As long as a process's name can be: 15 bytes."""
    return f"reml-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:10]}"


def scratch_of(folder: Path) -> Path:
    """Where temporary files go: not into the folder, whose disk may be slow, and its path long."""
    top = tempfile.gettempdir()
    return Path(top if len(os.fsencode(top)) <= LONGEST else "/tmp") / token_of(folder)


def settle(folder: Path) -> None:
    """Mark this process, and have temporary files where they will be found."""
    token, scratch = token_of(folder), scratch_of(folder)
    os.environ[MARK] = token
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, token.encode(), 0, 0, 0)
    with suppress(OSError):  # on a full disk a learner goes without one of its own
        scratch.mkdir(mode=0o700)
        os.environ["TMPDIR"] = str(scratch)
        tempfile.tempdir = None


def clear(folder: Path) -> None:
    """End the processes, and remove the files; what is somebody else's stays."""
    for pid in _strays(token_of(folder)):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    remove_scratch(folder)


def remove_scratch(folder: Path) -> None:
    scratch = scratch_of(folder)
    with suppress(OSError):
        if scratch.is_symlink():  # of a learner's making
            scratch.unlink()
            return
        if scratch.stat().st_uid != os.getuid():
            return
    for place, _, _ in os.walk(scratch):
        with suppress(OSError):
            os.chmod(place, 0o700)
    shutil.rmtree(scratch, ignore_errors=True)


def bytes_under(folder: Path) -> int:
    """What its files take on the disk."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def _strays(token: str) -> Iterator[int]:
    mark = f"{MARK}={token}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            pid = int(place.name)
            if pid != os.getpid() and (
                (place / "comm").read_bytes().strip() == token.encode()
                or mark in (place / "environ").read_bytes().split(b"\0")
            ):
                yield pid
