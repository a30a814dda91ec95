"""The state of a training under way, kept now and then: one that is cut off goes on from there."""

import hashlib
import io
import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.core.errors import UserError
from benchmarks.core.text import described
from benchmarks.harness.disk.files import remove, sync
from benchmarks.harness.source.code import code_of_training

SECONDS = "REML_CHECKPOINT_SECONDS"
USUAL_SECONDS = 5.0
SHARE = 0.02
"""The most of a training's time that may go into keeping its state."""
ALIVE_SECONDS = 1.0
PACKAGES = ("torch", "learn2learn", "numpy", "pandas", "pyarrow", "scipy")
FORMAT = 1


def seconds_between() -> float:
    """How often the state is kept, as the environment says; 0 is after each iteration, inf never.

    Raises:
        UserError: it says something else.
    """
    said = os.environ.get(SECONDS, "").strip() or str(USUAL_SECONDS)
    try:
        seconds = float(said)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise UserError(f"{SECONDS}: expected a number of seconds from 0 on, or inf, got {said!r}")
    return seconds


class Kept(NamedTuple):
    """What was read: the state, and how many seconds of work were done after it, and are lost."""

    state: dict[str, Any]
    lost: float


class _Unusable(Exception): ...


class Checkpoint:
    """The one file of a training, written when it is `due`, and removed once it is over.

    Args:
        path: the file.
        of: what the training is; nobody goes on with another's, or with that of other code, other
            versions of packages, or another sort of processor, all of which may change its bits.
        every: seconds from one time to the next.
    """

    def __init__(self, path: Path, of: Mapping[str, Any], every: float) -> None:
        self._path = path
        self._of = of
        self._every = every
        self._wait = every
        self._seen = time.monotonic()
        self._next = self._seen + every
        self._written = False

    def due(self) -> bool:
        """Whether the time has come; asked between iterations, which says that there still are any.

        When that was last is what the file was last modified.
        """
        now = time.monotonic()
        if self._written and now - self._seen >= ALIVE_SECONDS:
            self._seen = now
            with suppress(OSError):
                os.utime(self._path)
        return now >= self._next

    def keep(self, make: Callable[[], Mapping[str, Any] | None]) -> None:
        """Write what `make` makes, if anything; where that fails, it is said, and nothing else."""
        started = time.monotonic()
        try:
            state = make()
            if state is None:
                self._next = math.inf
                return
            self._write(state)
            self._written = True
        except Exception as error:
            print(f"no checkpoint is kept: {described(error)}", flush=True)
            self._next = math.inf
            if isinstance(error, OSError):  # a full disk may have room again
                self._next = time.monotonic() + max(self._wait, ALIVE_SECONDS)
            return
        self._seen = time.monotonic()
        self._wait = max(self._every, (self._seen - started) / SHARE) if self._every else 0.0
        self._next = self._seen + self._wait

    def _write(self, state: Mapping[str, Any]) -> None:
        file = io.BytesIO()
        torch.save(state, file)
        packed = file.getvalue()
        if not self._written:
            _unpacked(packed)
        header = {
            "format": FORMAT,
            "of": self._all(),
            "sha256": hashlib.sha256(packed).hexdigest(),
            "written": time.time(),
            "wait": self._wait,
        }
        self._path.parent.mkdir(exist_ok=True)  # that of a results folder that is gone stays so
        _, temporary = files_of(self._path)
        try:
            temporary.write_bytes(json.dumps(header).encode() + b"\n" + packed)
            sync(temporary)
            temporary.replace(self._path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def read(self) -> Kept | None:
        """What a training that was cut off has left, if this one can go on with it."""
        try:
            return self._read()
        except FileNotFoundError:
            return None
        except OSError as error:
            why = f"it cannot be read ({error.strerror})"
        except _Unusable as error:
            why = str(error)
        print(f"{self._path.name}: training begins anew, as the checkpoint is of no use: {why}")
        return None

    def _read(self) -> Kept:
        content, seen = self._path.read_bytes(), self._path.stat().st_mtime
        head, _, packed = content.partition(b"\n")
        try:
            header = json.loads(head)
            theirs, sha256 = dict(header["of"]), str(header["sha256"])
            written, wait = float(header["written"]), float(header["wait"])
            known = header["format"] == FORMAT
        except (ValueError, TypeError, KeyError):
            raise _Unusable("it is damaged") from None
        mine = self._all()
        other = [key for key in sorted({*theirs, *mine}) if theirs.get(key) != mine.get(key)]
        if other or not known:
            raise _Unusable(f"it is of another {' and another '.join(other) or 'format'}")
        if hashlib.sha256(packed).hexdigest() != sha256:
            raise _Unusable("it is damaged")
        # a clock that was put right is no loss, nor is a copied file
        return Kept(_unpacked(packed), min(max(0.0, seen - written), wait))

    def remove(self) -> None:
        with suppress(UserError):
            remove(self._path)
        self._written = False

    def _all(self) -> dict[str, Any]:
        """As JSON has it."""
        made: dict[str, Any] = json.loads(json.dumps({**self._of, **_made_with()}))
        return made


def _unpacked(packed: bytes) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(io.BytesIO(packed), map_location="cpu", weights_only=True)
    return state


@cache
def _made_with() -> dict[str, str]:
    """What may change the bits of a training beside what it is."""
    found = {"code": code_of_training(), "python": platform.python_version()}
    found["processor"] = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def files_of(path: Path) -> tuple[Path, Path]:
    """A checkpoint, and one that is not finished: one file, however many writers were killed."""
    return path, path.with_name(f".{path.name}")
