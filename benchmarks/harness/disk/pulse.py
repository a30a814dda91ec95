"""What a trial that runs leaves of itself on disk, for whoever looks from another process.

Its folder is a temporary one, so what a dead run has left goes with it; nothing waits for the disk,
and a trial never fails for what cannot be written here.
"""

import json
import math
import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.core.text import clock, line
from benchmarks.harness.disk.files import fresh_name

PULSE = "running.json"
WRITE_SECONDS = 1.0
BEAT_SECONDS = 5.0
SILENT_SECONDS = 120.0
"""Who has not been heard of for so long is taken for dead; caches of network disks live for 60."""
MOST_BYTES = 1 << 18
MOST_METRICS = 8
MOST_POINTS = 120
"""Of a curve: one that is longer keeps every other point."""

GOES_ON = "goes on at"
"""What a report begins with where a training that was cut off goes on."""

Curve = tuple[tuple[int, float], ...]
"""Training tasks drawn so far, and what was logged then."""


@dataclass(frozen=True)
class Running:
    """What is known of a trial that runs.

    Attributes:
        started: seconds since 1970, by its machine's clock.
        heard: when the file was touched last, by the disk's clock.
        fraction: how much of it is done, in [0, 1].
        text: its latest numbers.
        machine: tells machines and containers from others in which its `pid` means nothing.
        curves: what its learner has logged, thinned out, by metric.
        since: how much of it was done when it began, as a training that was cut off goes on.
    """

    trial: str
    started: float
    heard: float
    fraction: float = 0.0
    text: str = ""
    host: str = ""
    machine: str = ""
    pid: int = 0
    curves: Mapping[str, Curve] | None = None
    since: float = 0.0

    def trouble(self, now: float) -> str:
        """Why nothing more may come of it, in half a sentence; empty while it seems to live."""
        if self.pid and self.machine == machine() and not lives(self.pid):
            return "its process has ended without a result"
        if (silent := now - self.heard) > SILENT_SECONDS:
            return f"nothing was heard of it for {clock(silent)}; its machine may have died"
        return ""


class Pulse:
    """Writes the file of one trial: at once, and then at most every second."""

    def __init__(self, folder: Path, trial: str) -> None:
        self._path = folder / PULSE
        self._written = -math.inf
        self._curves: dict[str, list[tuple[int, float]]] = {}
        self._known: dict[str, Any] = {
            **{"trial": trial, "started": time.time(), "fraction": 0.0, "text": ""},
            **{"host": socket.gethostname(), "machine": machine(), "pid": os.getpid()},
        }
        self._write()

    def told(self, fraction: float, text: str) -> None:
        self._known |= {"fraction": fraction, "text": line(text)}
        if text.startswith(GOES_ON):
            self._known["since"] = fraction
        self._write()

    def logged(self, tasks: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            if name in self._curves or len(self._curves) < MOST_METRICS:
                curve = self._curves.setdefault(name, [])
                curve.append((tasks, value))
                if len(curve) > MOST_POINTS:
                    del curve[1:-1:2]
        self._write()

    def _write(self) -> None:
        if time.monotonic() - self._written < WRITE_SECONDS:
            return
        self._written = time.monotonic()
        temporary = self._path.with_name(fresh_name(f".{PULSE}-"))
        with suppress(Exception):
            try:
                temporary.write_text(json.dumps({**self._known, "curves": self._curves}))
                temporary.replace(self._path)
            finally:
                temporary.unlink(missing_ok=True)


class Relays:
    """Writes the files of trials that run where this disk is not, by what they tell from there."""

    def __init__(self) -> None:
        self._pulses: dict[Path, Pulse | None] = {}
        self._beaten = -math.inf

    def said(self, folder: Path, trial: str, message: Any) -> None:
        """Take what a worker tells; one that has this disk has written more by then itself."""
        if folder not in self._pulses:
            self._pulses[folder] = None if (folder / PULSE).exists() else Pulse(folder, trial)
        pulse = self._pulses[folder]
        if pulse is not None and isinstance(message, list):
            fraction, text = message
            pulse.told(float(fraction), str(text))

    def beat(self) -> None:
        """Touch those files as a `Heart` would, also of one that says nothing: it has not ended."""
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        for folder, pulse in self._pulses.items():
            if pulse is not None:
                with suppress(OSError):
                    os.utime(folder / PULSE)

    def ended(self, folder: Path) -> None:
        """No more will be told of it: its file goes, where one was written here."""
        if self._pulses.pop(folder, None) is not None:
            forget(folder)


class Heart(threading.Thread):
    """Touches the file, also while a learner says nothing, for as long as this process lives."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._path = folder / PULSE

    def run(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            with suppress(OSError):
                os.utime(self._path)


def forget(folder: Path) -> None:
    """Remove what `Pulse` has written, and what it was about to write when it was killed."""
    for path in (*folder.glob(PULSE), *folder.glob(f".{PULSE}-*")):
        path.unlink(missing_ok=True)


def read_pulse(folder: Path, trial: str) -> Running | None:
    """What a trial has left in its folder; only when that was made, where it has not begun.

    None where the folder is gone, or what is there is nothing that `Pulse` writes.
    """
    try:
        # what a learner may have put there instead is not followed, nor waited for
        descriptor = os.open(folder / PULSE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            heard = os.fstat(descriptor).st_mtime
            told = json.loads(file.read(MOST_BYTES))
    except FileNotFoundError:
        try:
            made = folder.stat().st_mtime
        except OSError:
            return None
        return Running(trial, made, made, text="starting")
    except (OSError, ValueError, RecursionError):
        return None
    try:
        curves = {line(str(name)): _curve(it) for name, it in dict(told["curves"]).items()}
        return Running(
            trial,
            _finite(told["started"]),
            heard,
            min(max(_finite(told["fraction"]), 0.0), 1.0),
            line(str(told["text"])),
            line(str(told["host"]), 80),
            str(told["machine"]),
            int(told["pid"]),
            curves,
            _finite(told.get("since", 0.0)),
        )
    except (TypeError, ValueError, KeyError, OverflowError):
        return None


def _curve(points: Any) -> Curve:
    return tuple((int(tasks), _finite(value)) for tasks, value in points)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


@cache
def machine() -> str:
    """This boot of this machine and its numbering of processes, where the system tells."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    return " ".join(parts)


def lives(pid: int) -> bool:
    """Whether a process of this machine has not ended."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # somebody else's
        return True
    with suppress(OSError, IndexError):  # dead, and nobody has asked yet how it ended
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return stat.rpartition(")")[2].split()[0] != "Z"
    return True
