"""Columns in memory as learners know them: as the family `table` reads those of a file."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.api.frames import as_files, prepared
from benchmarks.core.errors import DataError
from benchmarks.start.holding import columns_of
from benchmarks.tasks.columns import choose, read_sheet, to_numbers
from benchmarks.tasks.dates import origin_of, to_dates
from benchmarks.tasks.soundness import moments


@dataclass(frozen=True)
class Inputs:
    """All points of all tasks; `values` has the shape (points, features), in own units.

    Offset and scale make it standard; of 0/1 inputs they change nothing.
    """

    names: tuple[str, ...]
    values: np.ndarray
    offset: np.ndarray
    scale: np.ndarray

    @property
    def standard(self) -> np.ndarray:
        return ((self.values - self.offset) / self.scale).astype(np.float32)

    def described(self) -> dict[str, Any]:
        """What a problem says of its inputs."""
        return {
            "features": len(self.names),
            "inputs": self.names,
            "input_offset": tuple(self.offset.tolist()),
            "input_scale": tuple(self.scale.tolist()),
            "input_low": tuple(self.values.min(0).tolist()),
            "input_high": tuple(self.values.max(0).tolist()),
        }


def inputs_of(given: Any, name: str = "X") -> Inputs:
    """The columns of a DataFrame: numbers; dates, as days; names, as a 0/1 input for each.

    Raises:
        DataError: a cell is empty, or a column holds what no input can.
    """
    table = prepared(given, name)
    found: list[tuple[str, np.ndarray, float, float]] = []
    if table.empty:
        raise DataError(f"{name}: holds no points; expected at least one")
    with as_files(**{name: table}) as paths:
        path = str(paths[name])
        sheet = read_sheet(path)
        columns, unreadable = columns_of(sheet)
        for why in unreadable.values():
            raise DataError(f"{path}: {why}")
        for column in columns:
            called = sheet.names[column.place]
            if column.trouble or column.filled < len(table):
                lacks = f"is empty in {len(table) - column.filled:,} of {len(table):,} rows"
                raise DataError(f"{path}: column {called!r} {column.trouble or lacks}")
            if column.kind == "text":
                cells = choose(sheet, [called], (), [called]).table[called]
                for label in sorted(cells.unique()):
                    found.append((f"{called}={label}", (cells == label).to_numpy(float), 0.0, 1.0))
                continue
            cells = choose(sheet, [called], [called], ()).table[called]
            if column.kind == "dates":
                read = to_dates(path, cells)
                origin = origin_of(read, np.ones(len(cells), bool))
                title, values = origin.name(called), origin.numbers(read.values)
            else:
                title, values = called, to_numbers(path, cells)
            found.append((title, values, *moments(path, called, values)))
    return Inputs(
        tuple(it[0] for it in found),
        np.stack([it[1] for it in found], 1),
        np.array([it[2] for it in found]),
        np.array([it[3] for it in found]),
    )


def numbers_in(values: np.ndarray, names: tuple[str, ...]) -> Inputs:
    """Those of an array of shape (points, features)."""
    scale = values.std(0)
    return Inputs(names, values, values.mean(0), np.where(scale > 0, scale, 1.0))


def taken_from(given: pd.DataFrame, wanted: Any) -> Any:
    """A column of the table, or several, where names stand for what they hold."""
    if isinstance(wanted, str) and wanted in given:
        return given[wanted]
    if isinstance(wanted, list) and all(isinstance(it, str) and it in given for it in wanted):
        return given[wanted]
    return wanted
