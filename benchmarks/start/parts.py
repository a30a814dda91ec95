"""What columns are for: as the user wants it, and as it is given."""

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from benchmarks.core.errors import DataError
from benchmarks.core.text import count
from benchmarks.start.holding import Column


@dataclass(frozen=True)
class Wanted:
    """What the user says; empty where that is to be guessed. `a,b` may be two columns."""

    task: tuple[str, ...] = ()
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()
    split_by: str = ""


@dataclass
class Roles:
    """Columns by what they are for.

    Attributes:
        classes: whether the target's values are classes.
        why: of `task`, `y`, `split_by` and each input, the reason.
        left_out: all other columns, each with the reason.
    """

    task: tuple[Column, ...] = ()
    x: tuple[Column, ...] = ()
    y: tuple[Column, ...] = ()
    split_by: Column | None = None
    classes: bool = False
    why: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> list[Column]:
        groups = [] if self.split_by is None else [self.split_by]
        return [*self.task, *self.x, *self.y, *groups]

    @property
    def whole(self) -> np.ndarray:
        """Which rows have all the columns used."""
        filled = np.stack([column.codes >= 0 for column in self.used], 1)
        return np.asarray(filled.all(1))


def ordered(columns: Collection[Column]) -> str:
    return ", ".join(column.name for column in sorted(columns, key=lambda it: it.place))


def units_of(path: str, unit: str, targets: int) -> str | tuple[str, ...]:
    """One, or one for each of several targets: `a,b`.

    Raises:
        DataError: they are not as many as the targets.
    """
    units = tuple(it.strip() for it in unit.split(","))
    if targets == 1:
        return unit
    if len(units) != targets:
        raise DataError(
            f"{path}: --unit {unit} is {count(len(units), 'unit')} for {targets} targets; expected "
            "one for each: a,b"
        )
    return units
