"""The user's own data: a CSV or Parquet file in which some columns make a task."""

from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, final

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError
from benchmarks.tasks.columns import choose, read_sheet, to_numbers, without_missing
from benchmarks.tasks.tabular import Points, Tabular

LEAVE_OUT = "; set drop_missing = true to leave such rows out"


@final
@dataclass(frozen=True)
class Table(Tabular):
    """One regression task for each combination of values in the `task` columns of a file.

    Every column in `x` and the column `y` must hold numbers, except the inputs named in
    `categorical`, which become one 0/1 feature for each value that the training split has (a
    value it does not have is all zeros). Numeric inputs and the target are standardised with the
    training split's statistics. Whole groups (values of the `split_by` column) go to one split,
    so a task never straddles two. Names of tasks, groups and categories that differ only in spaces,
    Unicode form or a final `.0` are one (see `names.plain`). The other fields, of `Tabular`, say
    which groups those are.

    Attributes:
        path: a `.csv` or `.parquet` file, read on first use.
        task: the columns whose values together name a task.
        x: the input columns.
        y: the target column; errors are reported in its own units.
        split_by: the column whose values are the groups.
        categorical: the columns of `x` that hold categories instead of numbers.
        unit: the unit of the target, for tables and figures.
        drop_missing: leave out the rows in which a used column is empty, and count them in
            `dropped_rows`; otherwise an empty cell is an error.
    """

    task: tuple[str, ...]
    x: tuple[str, ...]
    y: str
    split_by: str
    categorical: tuple[str, ...] = ()
    unit: str = ""
    drop_missing: bool = False

    name: ClassVar[str] = "table"
    version: ClassVar[int] = 1

    @property
    def grouped_by(self) -> str:
        return self.split_by

    def load(self) -> Points:
        self._check_fields()
        keys = (*self.task, self.split_by)
        used = (*keys, *self.x, self.y)
        numbers = {*self.x, self.y} - set(self.categorical)
        read = choose(read_sheet(self.path, used, keys), used, numbers, {*keys, *self.categorical})
        whole = read.table
        table = without_missing(self.path, whole, self.drop_missing, LEAVE_OUT)
        target = to_numbers(self.path, table[self.y])
        inputs = {column: self._values(table[column]) for column in self.x}
        task = table.groupby(list(self.task), sort=True).ngroup().to_numpy()
        self._check_tasks_whole(task, table)
        names = [table[column] for column in self.task]
        return Points(
            task,
            reduce(lambda one, other: one + ", " + other, names).to_numpy(object),
            table[self.split_by].to_numpy(object),
            inputs,
            target,
            target_name=self.y,
            unit=self.unit,
            grouped_by=f"column {self.split_by!r}",
            dropped=len(whole) - len(table),
            row=table.index.to_numpy(),
            notes=read.notes,
            reread=read.reread,
        )

    def _values(self, column: "pd.Series[str]") -> np.ndarray:
        if column.name in self.categorical:
            return column.to_numpy(object)
        return to_numbers(self.path, column, ", or the column's name in categorical")

    def _check_fields(self) -> None:
        for field, value in (("task", self.task), ("x", self.x)):
            if not value:
                raise DataError(f"{self.path}: {field} names no column; expected at least one")
        if self.y in (*self.x, *self.task, self.split_by):
            raise DataError(
                f"{self.path}: the target {self.y!r} is also an input, a task or the split column; "
                "it would give itself away"
            )
        for column in self.categorical:
            if column not in self.x:
                raise DataError(f"{self.path}: categorical names {column!r}, which is not in x")

    def _check_tasks_whole(self, task: np.ndarray, table: pd.DataFrame) -> None:
        groups = table[self.split_by].groupby(task).nunique()
        for number in groups.index[groups > 1]:
            row = table[task == number].iloc[0]
            key = ", ".join(f"{column} {row[column]}" for column in self.task)
            raise DataError(
                f"{self.path}: the task of {key} has rows in {groups[number]} groups of "
                f"{self.split_by!r}; expected one, as splits hold whole tasks"
            )
