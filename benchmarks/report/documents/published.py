"""Numbers that papers report, as data: what stands in published.toml."""

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.statistics import Interval

Value = bool | int | float | str | list[int]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Model):
    """A paper, or whatever else the numbers are from; `secondary` where not seen there itself."""

    cite: str
    url: str
    secondary: bool = False


class Cell(_Model):
    """One number as printed, with what follows its ±, and the settings that it alone has."""

    shots: int
    ways: int | None = None
    steps: int | None = None
    value: str
    interval: str | None = None
    settings: dict[str, Value] = {}

    def text(self, metric: str) -> str:
        unit = " %" if higher_is_better(metric) else ""
        return f"{self.value}{f' ± {self.interval}' if self.interval else ''}{unit}"

    def range(self, metric: str) -> Interval:
        """The value with its ±, or what it may have been before it was rounded; accuracy in [0, 1].

        Decimals make sure that the ends are the numbers that a reader would write down.
        """
        value = Decimal(self.value)
        exponent = int(value.as_tuple().exponent)
        around = Decimal(self.interval) if self.interval else Decimal(5).scaleb(exponent - 1)
        scale = 100 if higher_is_better(metric) else 1
        return Interval(*(float(end / scale) for end in (value, value - around, value + around)))


class Row(_Model):
    """A method's row of a published table, and what must agree for it to be held against ours."""

    source: str
    place: str = ""
    method: str
    family: str
    learner: str | None = None
    select: dict[str, Value] = {}
    groups: tuple[str, ...] = ()
    settings: dict[str, Value] = {}
    essential: tuple[str, ...] = ()
    metric: str
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()

    def is_essential(self, key: str) -> bool:
        """Whether the key, or all of its kind (`family`), must agree."""
        return key in self.essential or key.partition(".")[0] in self.essential


class Published(_Model):
    """The whole file."""

    words: dict[str, str]
    source: dict[str, Source]
    group: dict[str, dict[str, Value]]
    row: tuple[Row, ...]

    def settings(self, row: Row, cell: Cell) -> Mapping[str, Value]:
        """All settings of a number, those of the row's groups first."""
        merged: dict[str, Value] = {}
        for name in row.groups:
            merged |= self.group[name]
        return merged | row.settings | cell.settings

    def rows_for(self, family: str) -> Iterator[Row]:
        return (row for row in self.row if row.family == family)


@cache
def published() -> Published:
    """What comes with the package."""
    path = files("benchmarks.report.documents").joinpath("published.toml")
    return Published.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def same(ours: Any, theirs: Value) -> bool:
    """Whether a field has the published value; "none" stands for None."""
    if theirs == "none" and ours is None:
        return True
    if isinstance(ours, float) and isinstance(theirs, float | int):
        return abs(ours - theirs) <= 1e-9 * max(abs(ours), abs(theirs))
    return bool(ours == theirs) and isinstance(ours, bool) == isinstance(theirs, bool)


def in_words(value: Any) -> str:
    """A value of a field for people."""
    if isinstance(value, list | tuple):
        return "-".join(map(str, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)
