"""The user's own data: a file in which some columns make a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, ClassVar, Literal, final

import numpy as np
import pandas as pd
from annotated_types import Ge
from pydantic import BeforeValidator

from benchmarks.core.errors import DataError, nearest
from benchmarks.core.text import count
from benchmarks.core.types import LOG
from benchmarks.tasks.columns import choose, logarithms, read_sheet, to_numbers, without_missing
from benchmarks.tasks.dates import is_date, to_dates
from benchmarks.tasks.forms import Form, Misread, form_of
from benchmarks.tasks.points import Points
from benchmarks.tasks.sniffing import hinting
from benchmarks.tasks.tabular import Tabular

ONE_OR_MORE = BeforeValidator(lambda it: tuple(it) if isinstance(it, list | tuple) else (it,))
SEVERAL = BeforeValidator(
    lambda it: (it[0] if len(it) == 1 else tuple(it)) if isinstance(it, list | tuple) else it
)
Names = Annotated[tuple[str, ...], ONE_OR_MORE]
"""Names of columns; one may be written without brackets."""
IN_FIELDS = tuple('+-."\r\n\0')
LEAVE_OUT = "; set drop_missing = true to leave such rows out"


@final
@dataclass(frozen=True)
class Table(Tabular):
    """One task for each combination of values in the `task` columns of a file.

    Every column in `x` and the column `y` must hold numbers, except the inputs named in
    `categorical`, which become one 0/1 feature for each value that the training split has (a
    value it does not have is all zeros). Numeric inputs and the target are standardised with the
    training split's statistics. Whole groups (values of the `split_by` column) go to one split,
    so a task never straddles two. Names of tasks, groups and categories that differ only in spaces,
    Unicode form or a final `.0` are one (see `names.plain`). The other fields, of `Tabular`, say
    which groups those are.

    Attributes:
        path: a file of text (`.csv`, `.tsv`, `.txt`, or one of these and `.gz`), a `.parquet` or an
            `.xlsx` file, read on first use.
        task: the columns whose values together name a task.
        x: the input columns.
        y: the target column; errors are reported in its own units, or its values are classes.
            Several make a task of several outputs, each scored in its own units.
        split_by: the column whose values are the groups.
        categorical: the columns of `x` that hold categories instead of numbers, and `y` if it holds
            classes.
        unit: the unit of the target, for tables and figures; of several, one for each.
        drop_missing: leave out the rows in which a used column is empty, and count them in
            `dropped_rows`; otherwise an empty cell is an error.
        delimiter: what is between two fields of a file of text; if left out, a comma in a `.csv`
            and a tab in a `.tsv` or `.txt`. A space stands for any number of them.
        decimal: what is before the decimals of a number in a file of text.
        encoding: how a file of text is encoded, by Python's name for it.
        missing: further texts that mean an empty cell ("?" or "-999", say).
        sheet: the sheet of an Excel file; the first, if left out.
        dates: the columns of `x` that hold dates or times: they become days since the first day of
            the training split, or hours since midnight.
        drop_duplicates: leave out rows that repeat another in all columns used; otherwise they are
            counted, as both may be drawn, one to adapt on and one to be scored on.
        log: the columns of `x` and `y` of whose numbers, all above 0, the decimal logarithm is
            taken. Scores of such a target are of the logarithm, and say so ("log10 price"): an
            error of 0.1 is a factor of 1.26. Predictions are in the file's own units.
        standardise: targets that learners see are shifted and scaled for the whole `family`, or
            for each `task` once more, by the mean and the standard deviation of its support points
            alone (of one point, or of equal ones, by the mean): for tasks that are alike but for
            level and size. Inputs, scores and predictions are the same either way.
        ways: how many classes a task has, drawn anew from those it has; if left out, as many as the
            training split has.
    """

    task: Names
    x: Names
    y: Annotated[str | tuple[str, ...], SEVERAL]
    split_by: str
    categorical: Names = ()
    unit: Annotated[str | tuple[str, ...], SEVERAL] = ""
    drop_missing: bool = False
    delimiter: str = ""
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"
    missing: Annotated[tuple[str | int | float, ...], ONE_OR_MORE] = ()
    sheet: str = ""
    dates: Names = ()
    drop_duplicates: bool = False
    ways: Annotated[int, Ge(2)] | None = None
    log: Names = ()
    standardise: Literal["family", "task"] = "family"

    name: ClassVar[str] = "table"
    version: ClassVar[int] = 1
    later: ClassVar[Mapping[str, Any]] = {
        "delimiter": "",
        "decimal": ".",
        "encoding": "utf-8",
        "missing": (),
        "sheet": "",
        "dates": (),
        "drop_duplicates": False,
        "ways": None,
        "log": (),
        "standardise": "family",
    }

    @property
    def grouped_by(self) -> str:
        return self.split_by

    @property
    def targets(self) -> tuple[str, ...]:
        return (self.y,) if isinstance(self.y, str) else self.y

    @property
    def units(self) -> tuple[str, ...]:
        written = self.unit
        if isinstance(written, str):
            written = (written,) * (1 if written else len(self.targets))
        if len(written) != len(self.targets):
            return written
        units = zip(self.targets, written, strict=True)
        return tuple(LOG * (bool(unit) and it in self.log) + unit for it, unit in units)

    @property
    def form(self) -> Form:
        """How the file is written, as the keys say."""
        return form_of(vars(self))

    def load(self) -> Points:
        self._check_fields()
        with hinting(self.path, self.form):
            return self._read()

    def _read(self) -> Points:
        keys = (*self.task, self.split_by)
        used = (*keys, *self.x, *self.targets)
        categories = {*self.categorical, *([] if self.ways is None else self.targets)}
        numbers = {*self.x, *self.targets} - {*categories, *self.dates}
        first, *others = self.targets
        sheet = read_sheet(self.path, used, keys, self.form, self.sheet)
        read = choose(sheet, used, numbers, {*keys, *categories}, self.dates)
        whole = read.table
        table = without_missing(self.path, whole, self.drop_missing, LEAVE_OUT)
        moments = {column: to_dates(self.path, table[column]) for column in self.dates}
        known = {
            **{column: table[column].to_numpy(object) for column in (*keys, *categories)},
            **{column: it.values for column, it in moments.items()},
            **{column: self._numbers(table[column]) for column in used if column in numbers},
        }
        for column in self.log:
            known[column] = logarithms(self.path, table[column], known[column])
        again = pd.DataFrame(known).duplicated().to_numpy()
        if self.drop_duplicates:
            known = {column: values[~again] for column, values in known.items()}
            table = table[~again]
        task = table.groupby(list(self.task), sort=True).ngroup().to_numpy()
        self._check_tasks_whole(task, table)
        names = [table[column] for column in self.task]
        return Points(
            task,
            reduce(lambda one, other: one + ", " + other, names).to_numpy(object),
            table[self.split_by].to_numpy(object),
            {self._called(column): known[column] for column in self.x},
            known[first],
            target_name=self._called(first),
            unit=self.units[0],
            grouped_by=f"column {self.split_by!r}",
            dropped=int(whole.isna().any(axis=1).sum()),
            row=table.index.to_numpy(),
            notes=(*read.notes, *self._repeated(int(again.sum()))),
            reread=read.reread,
            orders={column: it.order for column, it in moments.items()},
            ways=self.ways,
            others={self._called(column): known[column] for column in others},
            units=self.units if others else (),
            logs=tuple(map(self._called, self.log)),
            within_tasks=self.standardise == "task",
        )

    def _called(self, column: str) -> str:
        return f"{LOG}{column}" if column in self.log else column

    def _numbers(self, column: "pd.Series[str]") -> np.ndarray:
        try:
            return to_numbers(self.path, column, ", or the column's name in categorical")
        except Misread as error:
            if column.name in self.targets or error.cell is None or not is_date(error.cell):
                raise
            return to_numbers(self.path, column, ", or the column's name in dates")

    def _repeated(self, rows: int) -> list[str]:
        if not rows:
            return []
        if self.drop_duplicates:
            return [f"left out {count(rows, 'row')} that repeat another in all columns used"]
        return [
            f"{count(rows, 'row')} repeat{'s' if rows == 1 else ''} another in all columns used: "
            "one may be adapted on, and the other scored; drop_duplicates = true keeps one of them"
        ]

    def _check_fields(self) -> None:
        if len(self.delimiter) > 1 or self.delimiter in IN_FIELDS or self.delimiter.isalnum():
            raise DataError(
                f"{self.path}: delimiter = {self.delimiter!r}; expected one character that is in "
                'no field, as "," or "\\t", or "" for that of the suffix'
            )
        for field, value in (("task", self.task), ("x", self.x)):
            if not value:
                raise DataError(f"{self.path}: {field} names no column; expected at least one")
        if not self.targets or len({*self.targets}) < len(self.targets):
            raise DataError(f"{self.path}: y = {list(self.targets)}; expected different columns")
        if len(self.units) != len(self.targets):
            raise DataError(
                f"{self.path}: unit names {len(self.units)} units for {len(self.targets)} targets; "
                "expected one for each"
            )
        if len(self.targets) > 1 and (self.ways or {*self.targets} & {*self.categorical}):
            raise DataError(f"{self.path}: classes are of one target; y names {len(self.targets)}")
        for target in {*self.targets} & {*self.x, *self.task, self.split_by}:
            raise DataError(
                f"{self.path}: the target {target!r} is also an input, a task or the split column; "
                "it would give itself away"
            )
        for key, columns in (("categorical", self.categorical), ("dates", self.dates)):
            for column in columns:
                if column not in (self.x if key == "dates" else (*self.x, *self.targets)):
                    raise DataError(f"{self.path}: {key} names {column!r}, which is not in x")
        self._check_scales()
        for column in {*self.categorical} & {*self.dates}:
            raise DataError(f"{self.path}: {column!r} is in both categorical and dates")

    def _check_scales(self) -> None:
        classes = self.ways is not None or {*self.targets} & {*self.categorical}
        used = (*self.x, *self.targets)
        for column in self.log:
            if column not in used:
                hint = nearest(column, used)
                raise DataError(f"{self.path}: log names {column!r}, not in x or y; {hint}")
            if column in {*self.categorical, *self.dates, *(self.targets if classes else ())}:
                what = "dates" if column in self.dates else "categories"
                raise DataError(f"{self.path}: log names {column!r}, which holds {what}")
            if f"{LOG}{column}" in used:
                raise DataError(
                    f"{self.path}: log names {column!r}, and {LOG + column!r} is another column; "
                    "expected one of them in x and y"
                )
        if classes and self.standardise == "task":
            raise DataError(
                f"{self.path}: standardise = 'task' is for targets that are numbers; "
                f"{self.targets[0]!r} holds classes"
            )

    def _check_tasks_whole(self, task: np.ndarray, table: pd.DataFrame) -> None:
        groups = table[self.split_by].groupby(task).nunique()
        for number in groups.index[groups > 1]:
            row = table[task == number].iloc[0]
            key = ", ".join(f"{column} {row[column]}" for column in self.task)
            raise DataError(
                f"{self.path}: the task of {key} has rows in {groups[number]} groups of "
                f"{self.split_by!r}; expected one, as splits hold whole tasks"
            )
