"""Consolidated tables, taken apart into those of each trial again."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.harness.disk.columns import PLACE
from benchmarks.harness.disk.shapes import KEYS


class Parted:
    """Finds the rows of all trials at once: to look for each in turn takes minutes where there are
    millions of rows and hundreds of trials.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self._tables = {
            name: table.drop(columns=list(PLACE if name == "tasks" else KEYS))
            for name, table in tables.items()
        }
        self._rows = {name: _rows_of(table, _keys(name)) for name, table in tables.items()}

    def of(self, record: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
        """The tables of a trial; empty where nothing of it is there."""
        nothing = np.zeros(0, int)
        return {
            name: table.iloc[
                self._rows[name].get(tuple(record[key] for key in _keys(name)), nothing)
            ]
            for name, table in self._tables.items()
        }


def _keys(name: str) -> tuple[str, ...]:
    return tuple(PLACE) if name == "tasks" else ("trial",)


def _rows_of(table: pd.DataFrame, keys: tuple[str, ...]) -> dict[tuple[Any, ...], np.ndarray]:
    grouped = table.groupby(list(keys), observed=True, sort=False)
    return {
        key if isinstance(key, tuple) else (key,): np.asarray(rows)
        for key, rows in grouped.indices.items()
    }
