"""Columns of a file, with every way they can be unusable said in one sentence."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError, nearest
from benchmarks.tasks.csv_file import read_csv
from benchmarks.tasks.excel_file import read_excel
from benchmarks.tasks.forms import EMPTY_NUMBERS, USUAL, Form, Misread, suffix_of
from benchmarks.tasks.names import lookalikes, plain, short, unified
from benchmarks.tasks.parquet_file import check_whole, read_parquet

LARGEST = 1e100
"""Numbers beyond have squares, and sums of squares, that overflow."""
FARTHEST = 1e9
"""Standardised numbers beyond are of another magnitude than all that was trained on."""
WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
BEYOND = "whole numbers up to 2^53, beyond which not all can be told apart (subtract something)"


@dataclass(frozen=True)
class Sheet:
    """A file whose columns are read when asked for.

    Attributes:
        cells: a column by its place, as text; empty cells are NaN.
        notes: what was left out or taken for something else, in words.
        reread: whether the same file once gave other values.
        form: how it is written; the decimals of Parquet and Excel files are their own affair.
        lines: of a file of text, in which each row begins.
    """

    path: str
    names: tuple[str, ...]
    rows: int
    cells: Callable[[int], "pd.Series[str]"]
    notes: tuple[str, ...] = ()
    reread: bool = False
    form: Form = USUAL
    lines: Sequence[int] = ()

    def column(self, name: str) -> "pd.Series[str]":
        """The one column of this name, spaces around it and its Unicode form aside.

        Raises:
            DataError: there is none, there are several, or it holds no single values.
        """
        places = self._places.get(plain(name), [])
        if not places:
            raise Misread(f"{self.path}: no column {name!r}; {nearest(name, self.names)}")
        if len(places) > 1:
            raise DataError(
                f"{self.path}: {len(places)} columns are called {short(name)} (columns "
                f"{' and '.join(str(i + 1) for i in places[:3])}); expected one"
            )
        return self.cells(places[0]).rename(name)

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for i, name in enumerate(self.names):
            places.setdefault(plain(name), []).append(i)
        return places

    def frame(self) -> pd.DataFrame:
        """All columns.

        Raises:
            DataError: two have the same name, or one holds no single values.
        """
        return pd.DataFrame({name: self.column(name) for name in self.names})


@dataclass(frozen=True)
class Columns:
    """Some columns of a file, with what has to be said of them."""

    table: pd.DataFrame
    notes: tuple[str, ...]
    reread: bool


def read_sheet(
    path: str,
    wanted: Collection[str] = (),
    keys: Collection[str] = (),
    form: Form = USUAL,
    sheet: str = "",
) -> Sheet:
    """A file by its suffix; for `wanted` and `keys` see `read_csv`, for `sheet` `read_excel`.

    Raises:
        DataError: the file cannot be read, or holds no rows.
        MissingDependency: what reads it is not installed.
    """
    suffix = suffix_of(path)
    if sheet and suffix != ".xlsx":
        raise DataError(f"{path}: sheet = {sheet!r} is for files that end in .xlsx")
    if suffix in (".parquet", ".xlsx"):
        names, rows, read = read_parquet(path) if suffix == ".parquet" else read_excel(path, sheet)
        own = form._replace(decimal=USUAL.decimal)
        return Sheet(path, tuple(names), rows, read, form=own)
    records = read_csv(path, wanted, keys, form)

    def cells(place: int) -> "pd.Series[str]":
        return pd.Series([row[place] or None for row in records.rows], dtype="str")

    header, notes = tuple(records.header), records.notes
    rows, lines = len(records.rows), records.lines
    return Sheet(path, header, rows, cells, notes, records.reread, form, lines)


def choose(
    sheet: Sheet,
    columns: Iterable[str],
    numbers: Collection[str],
    names: Collection[str],
    dates: Collection[str] = (),
) -> Columns:
    """The columns as text, whatever the kind of file; empty cells are NaN.

    In the columns that hold `numbers` or `dates` the `EMPTY_NUMBERS` are empty cells too, and in
    numbers decimals follow a point; elsewhere "NA" may well be the name of something. Those of
    `names` are made plain: see `unified`.

    Raises:
        DataError: the file lacks a column, or has it twice; or a number has another decimal sign.
    """
    chosen: dict[str, pd.Series[str]] = {}
    notes, reread = [*sheet.notes], sheet.reread
    for name in dict.fromkeys(columns):  # a column may be both a task and an input
        cells = _emptied(sheet.column(name), sheet.form.missing, name in numbers)
        if name in names:
            check_whole(sheet.path, cells)
            written = cells
            cells, said = unified(cells)
            notes += [*said, *lookalikes(cells)]
            reread = reread or cells is not written
        if name in numbers or name in dates:
            cells = cells.mask(cells.isin((*EMPTY_NUMBERS, *("NaT",) * (name in dates))))
        if name in numbers:
            cells = _pointed(sheet.path, cells, sheet.form.decimal)
        chosen[name] = cells
    return Columns(pd.DataFrame(chosen), tuple(notes), reread)


def _emptied(cells: "pd.Series[str]", missing: Collection[str], number: bool) -> "pd.Series[str]":
    """The cells without those that say that they are empty; of numbers, in whatever spelling."""
    if not missing:
        return cells
    plainly = {plain(text) for text in missing}
    empty = cells.map({it: plain(it) in plainly for it in cells.dropna().unique()}).eq(True)
    if number:
        values = pd.to_numeric(pd.Series([*missing], dtype="str"), errors="coerce").dropna()
        empty |= pd.to_numeric(cells, errors="coerce").isin(values)
    return cells.mask(empty)


def _pointed(path: str, cells: "pd.Series[str]", decimal: str) -> "pd.Series[str]":
    """Numbers with a point for decimals, where the file has another sign.

    Raises:
        Misread: one has a point, which may as well be of thousands.
    """
    if decimal == USUAL.decimal:
        return cells
    fine = ~cells.str.contains(".", regex=False, na=False).to_numpy(bool)
    _demand(fine, path, cells, f"numbers without a point, as decimal = {decimal!r} says")
    return cells.str.replace(decimal, ".", regex=False)


def without_missing(
    path: str, table: pd.DataFrame, drop: bool, otherwise: str = ""
) -> pd.DataFrame:
    """The rows in which no cell is empty; `otherwise` ends the message when one is.

    Raises:
        DataError: a cell is empty and `drop` is False, or no row is left.
    """
    missing = table.isna()
    for column in table.columns[missing.any()]:
        if not drop:
            raise DataError(
                f"{path}: column {column!r} is empty in {int(missing[column].sum()):,} of "
                f"{len(table):,} rows{otherwise}"
            )
    kept = table[~missing.any(axis=1)]
    if kept.empty:
        raise DataError(f"{path}: no row has all the columns {', '.join(table.columns)}")
    return kept


def to_numbers(path: str, column: "pd.Series[str]", otherwise: str = "") -> np.ndarray:
    """The column's cells as numbers; `otherwise` ends the message when they are none.

    Raises:
        DataError: a cell is no finite number, one whose square overflows, or a whole number that
            has no double of its own.
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
    _demand(np.isfinite(numbers), path, column, f"finite numbers{otherwise}")
    _demand(np.abs(numbers) <= LARGEST, path, column, "numbers whose squares do not overflow")
    large = np.abs(numbers) >= 2.0**53
    if large.any():
        lossy = {cell for cell in column[large].unique() if _is_rounded(cell.strip())}
        _demand(~column.isin(lossy).to_numpy(), path, column, BEYOND + otherwise)
    return numbers


def logarithms(path: str, column: "pd.Series[str]", numbers: np.ndarray) -> np.ndarray:
    """The decimal logarithms of what the column's cells are as numbers.

    Raises:
        DataError: one has none.
    """
    _demand(numbers > 0, path, column, "numbers above 0, as their logarithm is taken (log)")
    found: np.ndarray = np.log10(numbers)
    return found


def _is_rounded(cell: str) -> bool:
    """Whether it is a whole number that has no double of its own."""
    return bool(WHOLE.fullmatch(cell)) and Decimal(cell) != Decimal(float(cell))


def _demand(fine: np.ndarray, path: str, column: "pd.Series[str]", expected: str) -> None:
    bad = np.flatnonzero(~fine)
    if bad.size:
        more = f" and in {bad.size - 1:,} more rows something like it" if bad.size > 1 else ""
        raise Misread(
            f"{path}: column {column.name!r} holds {short(column.iloc[bad[0]])} in row "
            f"{int(column.index[bad[0]]) + 1:,}{more}; expected {expected}",
            column.iloc[bad[0]],
        )


def standardised(
    path: str, name: str, values: np.ndarray, rows: np.ndarray, offset: float, scale: float
) -> np.ndarray:
    """The values less the offset, by the scale; `rows` says where each is in the file.

    Raises:
        DataError: one is `FARTHEST` from what was trained on.
    """
    standard: np.ndarray = (values - offset) / scale
    far = np.flatnonzero(np.abs(standard) > FARTHEST)
    if far.size:
        raise DataError(
            f"{path}: column {name!r} holds {values[far[0]]:g} in row {int(rows[far[0]]) + 1:,}, "
            f"more than 10^9 standard deviations ({scale:g}) of the training split from its mean; "
            "expected numbers of one magnitude"
        )
    return standard
