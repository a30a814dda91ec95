"""How hyper-parameters matter, one task a data set (Yang, Akimoto, Kim & Udell, 2019: Oboe)."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, final

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError, nearest
from benchmarks.tasks.columns import read_sheet, to_numbers
from benchmarks.tasks.forms import EMPTY_NUMBERS
from benchmarks.tasks.names import unified
from benchmarks.tasks.points import Points
from benchmarks.tasks.tabular import Tabular

Value = bool | int | float | str
Configuration = Mapping[str, Any]
"""The value of each hyper-parameter."""

COUNTS = frozenset({"min_samples_split"})
"""Where scikit-learn reads a whole number as a count and a fraction as a share of the data set."""


@dataclass(frozen=True)
class _File:
    table: pd.DataFrame  # a row for each data set that is no repeat, its name first
    algorithms: Mapping[str, Mapping[str, Configuration]]  # and what each of their columns is of
    repeats: tuple[str, ...]
    notes: tuple[str, ...]
    reread: bool


@final
@dataclass(frozen=True)
class Oboe(Tabular):
    """Predict the error of an algorithm from its hyper-parameters, one task a data set.

    The file is Oboe's error matrix (`error_matrix.csv` of github.com/udellgroup/oboe): the first
    column names the data set, and each other one holds the cross-validated error of one
    configuration, which its header describes as a Python literal like
    `{'algorithm': 'KNN', 'hyperparameters': {'n_neighbors': 1, 'p': 2}}`. A task's points are the
    configurations of one algorithm. Inputs are the hyper-parameters that vary among them: numbers,
    by their decimal logarithm where the grid is nearer to geometric than to even, and categories
    as 0/1 features. Empty cells are left out and counted in `dropped_rows`.

    `min_samples_split` is a count where it is a whole number and a share of the data set where it
    is a fraction, which no one axis has room for: configurations with shares are left out.

    Some data sets are in OpenML, and in the file, more than once: where all the errors of two are
    the same, whatever the algorithm, the first by name stays, and `repeats` has the others. (Of
    Oboe's own, 01506 and 04329, and 00745 and 00756, stay though a half and a third of their errors
    are the same.) Whole data sets go to one split. The other fields are those of `Tabular`, the
    groups being the names of data sets.

    Attributes:
        path: the error matrix, a `.csv` or `.parquet` file, read on first use.
        algorithm: whose configurations are points.
        fixed: values of hyper-parameters; configurations with others are left out. A text is a
            category, as inputs name them: "None", too.
    """

    algorithm: str
    fixed: Mapping[str, Value] = field(default_factory=dict)

    name: ClassVar[str] = "oboe"
    points_are: ClassVar[str] = "configurations"
    version: ClassVar[int] = 1

    @property
    def grouped_by(self) -> str:
        return "data set"

    @property
    def repeats(self) -> tuple[str, ...]:
        """Data sets that are left out as the file has them under another name, too; sorted."""
        return self._file.repeats

    def load(self) -> Points:
        table, algorithms = self._file.table, self._file.algorithms
        if self.algorithm not in algorithms:
            hint = nearest(self.algorithm, algorithms)
            raise DataError(f"{self.path}: no algorithm {self.algorithm!r}; {hint}")
        chosen = self._chosen(algorithms[self.algorithm])
        cells = [table[h].mask(table[h].isin(EMPTY_NUMBERS)).dropna() for h in chosen]
        errors = [to_numbers(self.path, cell) for cell in cells]
        row = np.concatenate([cell.index.to_numpy() for cell in cells])
        if not row.size:
            raise DataError(f"{self.path}: no data set has an error of {self.algorithm!r}")
        which = np.repeat(np.arange(len(chosen)), [len(cell) for cell in cells])
        inputs = self._inputs(list(chosen.values()))
        group = table[table.columns[0]][row].to_numpy(object)
        return Points(
            np.unique(group, return_inverse=True)[1],
            group,
            group,
            {name: values[which] for name, values in inputs.items()},
            np.concatenate(errors),
            target_name="error",
            unit="",
            grouped_by=f"the first column{', repeats left out,' if self.repeats else ''}",
            dropped=len(table) * len(chosen) - len(row),
            row=row,
            notes=self._file.notes,
            reread=self._file.reread,
        )

    @cached_property
    def _file(self) -> _File:
        sheet = read_sheet(self.path)
        data_set, *headers = sheet.names
        algorithms = self._read_headers(headers)
        table = sheet.frame()
        written = table[data_set]
        table[data_set], said = unified(written)
        self._check_names(table[data_set])
        by_name = table.sort_values(data_set)
        errors = by_name[headers].apply(pd.to_numeric, errors="coerce")
        errors = errors[errors.notna().any(axis=1)]
        again = errors.index[errors.duplicated()]
        return _File(
            table.drop(again),
            algorithms,
            tuple(by_name[data_set][again]),
            (*sheet.notes, *said),
            sheet.reread or not table[data_set].equals(written),
        )

    def _read_headers(self, headers: Sequence[str]) -> dict[str, dict[str, Configuration]]:
        """For each algorithm, its configuration in each of its columns."""
        by_algorithm: dict[str, dict[str, Configuration]] = {}
        for header in headers:
            try:
                match ast.literal_eval(header):
                    case {"algorithm": str(algorithm), "hyperparameters": dict(configuration)} if (
                        all(isinstance(name, str) for name in configuration)
                    ):
                        by_algorithm.setdefault(algorithm, {})[header] = configuration
                    case _:
                        raise ValueError("not a configuration")
            except (ValueError, TypeError, SyntaxError):
                raise DataError(
                    f"{self.path}: a column is headed {header!r}; expected a configuration like "
                    "{'algorithm': 'KNN', 'hyperparameters': {'p': 2}}"
                ) from None
        if not by_algorithm:
            raise DataError(f"{self.path}: holds no column beside that of data sets")
        return by_algorithm

    def _chosen(self, columns: Mapping[str, Configuration]) -> dict[str, Configuration]:
        """The columns whose configurations have the values in `fixed`, and no shares."""
        columns = {
            header: configuration
            for header, configuration in columns.items()
            if not any(isinstance(configuration.get(name), float) for name in COUNTS)
        }
        known = {name for configuration in columns.values() for name in configuration}
        for name, value in self.fixed.items():
            if name not in known:
                hint = nearest(name, known) if known else "it has none"
                raise DataError(
                    f"{self.path}: fixed names {name!r}, which is no hyper-parameter of "
                    f"{self.algorithm!r}; {hint}"
                )
            values = [configuration.get(name) for configuration in columns.values()]
            if not any(_same(each, value) for each in values):
                seen = ", ".join(dict.fromkeys(map(repr, values)))
                raise DataError(
                    f"{self.path}: fixed sets {name!r} to {value!r}, which no configuration of "
                    f"{self.algorithm!r} has; known: {seen}"
                )
        chosen = {
            header: configuration
            for header, configuration in columns.items()
            if all(_same(configuration.get(name), value) for name, value in self.fixed.items())
        }
        if not chosen:
            raise DataError(
                f"{self.path}: no configuration of {self.algorithm!r} is left that has all of fixed"
            )
        return chosen

    def _check_names(self, names: "pd.Series[str]") -> None:
        if names.isna().any():
            row = int(names.isna().to_numpy().argmax()) + 1
            raise DataError(f"{self.path}: row {row:,} names no data set in the first column")
        again = names[names.duplicated()]
        if len(again):
            raise DataError(f"{self.path}: data set {again.iloc[0]!r} is in more than one row")

    def _inputs(self, configurations: Sequence[Configuration]) -> dict[str, np.ndarray]:
        """Each varying hyper-parameter's value in each configuration; numbers, or objects."""
        known = dict.fromkeys(name for configuration in configurations for name in configuration)
        inputs: dict[str, np.ndarray] = {}
        for name in known:
            values = [configuration.get(name) for configuration in configurations]
            if all(value == values[0] for value in values):
                continue
            if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
                inputs[name] = np.array([str(v) for v in values], object)
            elif is_geometric(numbers := np.array(values, float)):
                inputs[f"log10({name})"] = np.log10(numbers)
            else:
                inputs[name] = numbers
        if all(values.dtype == object for values in inputs.values()):
            raise DataError(
                f"{self.path}: algorithm {self.algorithm!r} has no numeric hyper-parameter that "
                "varies; expected one to predict the error from"
            )
        return inputs


def _same(value: object, wanted: Value) -> bool:
    return str(value) == wanted if isinstance(wanted, str) else value == wanted


def is_geometric(values: np.ndarray) -> bool:
    """Whether the steps between positive values vary less as ratios than as differences."""
    grid = np.unique(values)
    if grid[0] <= 0 or len(grid) < 3:  # two values are the same on any axis
        return False
    steps, ratios = np.diff(grid), np.diff(np.log(grid))
    return bool(ratios.std() / ratios.mean() < steps.std() / steps.mean())
