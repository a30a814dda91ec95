"""All that is shown at one moment, made once however many look, and the lines of the curves."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.disk.pulse import Curve
from benchmarks.watching.provisional import Provisional, Tables
from benchmarks.watching.snapshot import Snapshot, Watcher

WIDE = 30.0
"""A curve whose largest value is so many times its smallest is drawn on a logarithmic scale."""
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class View:
    """A run and its tables; `final` says whether those will change no more."""

    run: Snapshot
    tables: Tables

    @property
    def final(self) -> bool:
        return self.run.over


@dataclass
class Viewer:
    """Looks at a folder; see `Watcher`."""

    directory: Path
    _watcher: Watcher = field(init=False)
    _tables: Provisional = field(init=False)

    def __post_init__(self) -> None:
        self._watcher = Watcher(self.directory)
        self._tables = Provisional(self.directory)

    def run(self) -> Snapshot:
        """The run without its tables, at once.

        Raises:
            StoreError: the folder holds no results.
        """
        return self._watcher.look()

    def look(self) -> View:
        """The run with tables that may be some seconds old, unless it is over.

        Raises:
            StoreError: the folder holds no results.
        """
        found = self.run()
        return View(found, self._tables.at(found.version, now=found.over))


def heights(curve: Curve) -> list[float]:
    """Where the points of a curve are between its smallest (0) and its largest value (1)."""
    values = [value for _, value in curve]
    if values and min(values) > 0 and max(values) / min(values) > WIDE:
        values = [math.log(value) for value in values]
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def points(curve: Curve, width: float, height: float) -> str:
    """The curve as the points of an SVG polyline, in a box of this size with a small margin."""
    first, last = curve[0][0], curve[-1][0]
    span = max(1, last - first)
    return " ".join(
        f"{2 + (width - 4) * (tasks - first) / span:.1f},{2 + (height - 4) * (1 - y):.1f}"
        for (tasks, _), y in zip(curve, heights(curve), strict=True)
    )


def spark(curve: Curve, width: int) -> str:
    """The curve in as many characters."""
    if not curve:
        return ""
    found = heights(curve)
    chosen: Sequence[float] = (
        found
        if len(found) <= width
        else [found[round(i * (len(found) - 1) / (width - 1))] for i in range(width)]
    )
    return "".join(BARS[round(y * (len(BARS) - 1))] for y in chosen)
