"""What a trial has spent so far, told as it goes: it is known of one that is cut off, too."""

import json
import mmap
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import pandas as pd

from benchmarks.harness.disk.columns import HISTORY_TYPES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.trial.training import THEN, TrainingRun, continued, together

Doing = Literal["seconds", "evaluate_seconds", "validation_seconds", ""]
"""On which account the time goes."""
PLACES, PLACE_BYTES = 2, 4096
CALLED_OFF, HEAD = 16, 24
CURVE = HEAD + PLACES * PLACE_BYTES
ROOM = 4 * 2**20


class CutOff(NamedTuple):
    """What is known of a trial whose process has died."""

    spending: dict[str, Any]
    history: pd.DataFrame


class Journal:
    """Memory that a process shares with those it forks: it outlives who has written there.

    What is told last lies in the one of two places that the first number names, so that a writer
    who is killed halfway leaves what was told before. Rows of the curve are appended; those that
    find no room are left out.
    """

    def __init__(self) -> None:
        self._memory: mmap.mmap | None = None
        self._turn = self._end = 0

    def open(self) -> None:
        """Begin; to be called in the process that is to read, before the writer is forked."""
        self._memory = mmap.mmap(-1, ROOM)
        self._turn = self._end = 0

    def call_off(self) -> None:
        """Let the writer know that nothing will come of its trial."""
        if self._memory is not None:
            self._memory[CALLED_OFF] = 1

    @property
    def is_open(self) -> bool:
        return self._memory is not None

    @property
    def called_off(self) -> bool:
        return self._memory is not None and bool(self._memory[CALLED_OFF])

    def tell(self, told: Mapping[str, Any]) -> None:
        data = json.dumps(told).encode()
        if self._memory is None or len(data) > PLACE_BYTES:
            return
        self._turn += 1
        start = HEAD + self._turn % PLACES * PLACE_BYTES
        self._memory[start : start + PLACE_BYTES] = data.ljust(PLACE_BYTES)
        self._memory[:8] = self._turn.to_bytes(8, "little")

    def add(self, row: tuple[int, float, str, float]) -> None:
        data = json.dumps(row).encode() + b"\n"
        start = CURVE + self._end
        if self._memory is None or start + len(data) > ROOM:
            return
        self._memory[start : start + len(data)] = data
        self._end += len(data)
        self._memory[8:16] = self._end.to_bytes(8, "little")

    def read(self) -> tuple[dict[str, Any], pd.DataFrame]:
        """What was told last, and the curve."""
        history = empty(HISTORY_TYPES)
        if self._memory is None:
            return {}, history
        turn, end = (int.from_bytes(self._memory[it : it + 8], "little") for it in (0, 8))
        if not turn:
            return {}, history
        start = HEAD + turn % PLACES * PLACE_BYTES
        told = json.loads(self._memory[start : start + PLACE_BYTES])
        rows = [json.loads(it) for it in self._memory[CURVE : CURVE + end].splitlines()]
        if rows:
            history = pd.DataFrame(rows, columns=list(HISTORY_TYPES)).astype(HISTORY_TYPES)
        return told, history

    def cut_off(self, at: float, cpu: float, peak_mb: float) -> CutOff:
        """What a process has spent that ended at `at` (by `time.monotonic`).

        Args:
            at: when it ended; what it was at has taken until then.
            cpu: seconds of a processor that it took in all.
            peak_mb: the most memory that it has held.
        """
        told, history = self.read()
        spending: dict[str, Any] = told.get("spending", {})
        if doing := told.get("doing"):
            spending[doing] += max(0.0, at - told["at"])
        if doing == "seconds":
            spending["cpu_seconds"] += max(0.0, cpu - told["cpu"])
        if spending:
            spending["peak_memory_mb"] = max(peak_mb, spending["peak_memory_mb"])
        return CutOff(spending, history)


JOURNAL = Journal()
"""Of the one trial that a worker process runs; closed everywhere else."""


class Account:
    """What one trial spends, and its training curve."""

    def __init__(self) -> None:
        self.runs: list[Mapping[str, Any]] = []
        """What each training has spent that is over."""
        self.parameters: int | None = None
        self.adapted: int | None = None
        self._seconds = {"evaluate_seconds": 0.0, "validation_seconds": 0.0}
        self._history: pd.DataFrame | None = None
        self._running: TrainingRun | None = None
        self._process = os.getpid()
        self._rows = 0

    @property
    def history(self) -> pd.DataFrame:
        """That of a training that has failed included."""
        parts = [] if self._history is None else [self._history]
        if self._running is not None:
            parts.append(self._running.history)
        if len(parts) == 2:
            return continued(*parts)
        return parts[0] if parts else empty(HISTORY_TYPES)

    @history.setter
    def history(self, found: pd.DataFrame) -> None:
        self._history = found

    @contextmanager
    def training(self, run: TrainingRun) -> Iterator[None]:
        """A training; what it has spent and logged is there afterwards, and if it fails."""
        self._running, self._rows = run, 0
        self.tell()
        try:
            yield
        finally:
            self.demand_sound()
        self._history, spent, self._running = self.history, run.spent, None
        self.runs.append(spent)
        self.tell()

    @contextmanager
    def testing(self) -> Iterator[None]:
        started = time.perf_counter()
        self.tell("evaluate_seconds")
        try:
            yield
        finally:
            self.demand_sound()
            self._seconds["evaluate_seconds"] += time.perf_counter() - started
            self.tell()

    @contextmanager
    def validating(self) -> Iterator[None]:
        """Who looks says in the end what that took: nothing where somebody else had looked."""
        started = time.perf_counter()
        self.tell("validation_seconds")
        try:
            yield
        except BaseException:
            self.validated(time.perf_counter() - started)
            raise
        finally:
            self.demand_sound()
        self.tell()

    def validated(self, seconds: float) -> None:
        self._seconds["validation_seconds"] += seconds

    def tell(self, doing: Doing = "") -> None:
        """Note what there is, for whoever finds that this process has died; not its children."""
        if not JOURNAL.is_open or os.getpid() != self._process:
            return
        if self._running is not None:
            doing = "seconds"
            suffix = THEN if self.runs else ""
            for row in self._running.rows[self._rows :]:
                JOURNAL.add((row.tasks, row.seconds, f"{row.metric}{suffix}", row.value))
            self._rows = len(self._running.rows)
        clocks = {"at": time.monotonic(), "cpu": time.process_time()}
        JOURNAL.tell({"spending": self.spending(), "doing": doing, **clocks})

    def spending(self) -> dict[str, Any]:
        runs = [*self.runs, *([self._running.spent] if self._running else [])]
        return {
            **together(runs),
            **self._seconds,
            "parameters": self.parameters,
            "adapted_parameters": self.adapted,
        }

    def demand_sound(self) -> None:
        """Go on only where something may come of it.

        A child that a learner has forked, and let go on, is no second trial. A learner that was
        interrupted, and took that for the end of its training, has not trained.

        Raises:
            KeyboardInterrupt: the trial was called off.
        """
        if os.getpid() != self._process:
            os._exit(1)
        if JOURNAL.called_off:
            raise KeyboardInterrupt
