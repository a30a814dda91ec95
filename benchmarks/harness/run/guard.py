"""What a worker may take: one that takes more is interrupted, then asked to end, then killed."""

import math
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.disk.traces import bytes_under
from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.run.descendants import descendants
from benchmarks.harness.trial.account import JOURNAL
from benchmarks.units import told_bytes, told_seconds

MOST_PROCESSES = 500
MOST_SCRATCH = 10 * 10**9
"""Bytes of temporary files."""
MEMORY_SECONDS, PATROL_SECONDS = 0.1, 1.0
SHARE = 1 / 30
"""Of a processor's time, looking may take no more."""
GRACES = 5.0, 2.0
"""Seconds that a worker has after an interrupt, and after it was asked to end."""
LEAST_GRACE, PART = 0.5, 0.1
"""A timeout that is short shortens them."""
FAR_BEYOND = 1.25
"""A trial that takes so many times the memory it may has no time to lose."""


class End(NamedTuple):
    """How a worker ended.

    Attributes:
        code: its exit code; of a signal, minus its number.
        cpu: seconds of a processor that it took.
        peak_mb: the most memory that it held.
        at: when it ended, by `time.monotonic`.
        starved: whether the system has ended processes for want of memory while it ran.
    """

    code: int
    cpu: float
    peak_mb: float
    at: float
    starved: bool = False

    @property
    def told(self) -> str:
        """What it died of."""
        if self.code >= 0:
            return f"worker process ended without a result (exit code {self.code})"
        number = f"signal {-self.code}"
        with suppress(ValueError):
            number = f"{number}, {signal.Signals(-self.code).name}"
        if -self.code != signal.SIGKILL:
            return f"worker process died ({number})"
        if self.starved:
            return f"out of memory, probably: the system ended the worker process ({number})"
        return f"worker process died ({number}), as where the system or its group lacks memory"


class Guard:
    """Waits for a worker, and ends it when it takes more than it may; `reason` says why."""

    def __init__(self, worker: int, limits: Limits, scratch: Path) -> None:
        self.reason = ""
        self._worker = worker
        self._timeout = math.inf if limits.timeout is None else limits.timeout
        self._memory = math.inf if limits.memory is None else limits.memory
        self._scratch = scratch
        self._due = time.monotonic() + self._timeout
        self._patrol = self._weigh = 0.0
        self._found = [worker]
        self._signals = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
        self._next_signal = math.inf
        self._kills = _kills_for_memory()

    def wait(self) -> End:
        """Wait for the worker's end. What it has orphaned meanwhile is reaped, too."""
        pause = _pause(self._worker)
        while True:
            with suppress(ChildProcessError):
                while (it := os.wait4(-1, os.WNOHANG))[0]:
                    if it[0] == self._worker:
                        return _end(it[1], it[2])._replace(
                            starved=_kills_for_memory() > self._kills
                        )
            pause(max(0.0, self._look() - time.monotonic()))

    def _look(self) -> float:
        """Do what is due, and say when to look again."""
        if time.monotonic() >= self._due:
            self._begin(f"timed out after {told_seconds(self._timeout)}")
        if time.monotonic() >= self._patrol:
            self._patrol = self._timed(self._round, PATROL_SECONDS)
        if self._memory < math.inf and time.monotonic() >= self._weigh:
            self._weigh = self._timed(self._weigh_all, MEMORY_SECONDS)
        if time.monotonic() >= self._next_signal:
            self._send()
        looks = [self._patrol, self._next_signal]
        looks += [] if self.reason else [self._due]
        return min(looks if self._memory == math.inf else [*looks, self._weigh])

    def _timed(self, look: Callable[[], None], every: float) -> float:
        """Look, and say when to do so again: the longer it takes a processor, the later.

        Who waits for a processor looks no later: others may be many because a worker made them.
        """
        started = time.thread_time()
        look()
        took = time.thread_time() - started
        return time.monotonic() + max(every, took / SHARE)

    def _round(self) -> None:
        self._found = [self._worker, *(it for it in descendants() if it != self._worker)]
        if len(self._found) > MOST_PROCESSES:
            self._begin(f"started more than {MOST_PROCESSES} processes", at_once=True)
        if not self.reason and bytes_under(self._scratch) > MOST_SCRATCH:
            self._begin(f"its temporary files took more than {told_bytes(MOST_SCRATCH)}")

    def _weigh_all(self) -> None:
        if sum(map(_resident, self._found)) <= self._memory:
            return
        held = sum(map(_held, self._found))  # what processes share is counted once
        if held > self._memory:
            reason = f"out of memory (more than {told_bytes(self._memory)})"
            self._begin(reason, at_once=held > FAR_BEYOND * self._memory)

    def _begin(self, reason: str, *, at_once: bool = False) -> None:
        """Begin to end the worker, if that was not begun before."""
        if at_once:
            del self._signals[:-1]
        if not self.reason or at_once:
            self.reason = self.reason or reason
            JOURNAL.call_off()
            self._next_signal = 0.0

    def _send(self) -> None:
        if not self._signals:
            self._next_signal = math.inf
            return
        number = self._signals.pop(0)
        with suppress(ProcessLookupError, PermissionError):
            if number == signal.SIGKILL:  # what it has forked goes at once, before it forks more
                os.killpg(self._worker, number)
        with suppress(ProcessLookupError):
            os.kill(self._worker, number)
        grace = GRACES[0] if number == signal.SIGINT else GRACES[1]
        self._next_signal = time.monotonic() + min(grace, max(LEAST_GRACE, PART * self._timeout))


def _pause(worker: int) -> Callable[[float], object]:
    """Waits so many seconds, or until the worker has ended, where the system can tell."""
    try:
        descriptor = os.pidfd_open(worker)
    except (AttributeError, OSError):
        return lambda seconds: time.sleep(min(seconds, MEMORY_SECONDS / 2))
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return lambda seconds: poll.poll(1000 * seconds)


def _end(status: int, usage: resource.struct_rusage) -> End:
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    cpu = usage.ru_utime + usage.ru_stime
    return End(os.waitstatus_to_exitcode(status), cpu, peak, time.monotonic())


def _resident(pid: int) -> int:
    """The bytes of memory of a process, shared or not; 0 where nobody knows."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, IndexError, ValueError):
        return 0


def _held(pid: int) -> int:
    """The bytes that a process holds, of what it shares its part; also what was swapped out."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    words = [it.split() for it in lines]
    return sum(1024 * int(it[1]) for it in words if it[0] in ("Pss:", "SwapPss:"))


def _kills_for_memory() -> int:
    """How many processes this machine has ended, or its control groups have, to have memory."""
    with suppress(OSError, ValueError):
        for words in map(str.split, Path("/proc/vmstat").read_text().splitlines()):
            if words[0] == "oom_kill":
                return int(words[1])
    return 0
