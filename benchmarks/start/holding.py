"""What each column of a file holds: numbers, dates or text, how many values, how they lie."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError
from benchmarks.tasks.columns import Sheet, choose
from benchmarks.tasks.dates import is_date, to_dates
from benchmarks.tasks.forms import EMPTY_NUMBERS, Misread
from benchmarks.tasks.names import plain, short

Kind = Literal["numbers", "dates", "text", "nothing"]
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
ROW_NAMES = frozenset({"rownames", "row", "index", "unnamed", "id", "obs", "record"})
MOSTLY = 0.8


@dataclass(frozen=True)
class Column:
    """One column; the arrays have the axis `rows`.

    Attributes:
        codes: the number of each cell's value; −1 where the cell is empty.
        numbers: the cells of a column of numbers or dates (days since 1970, or hours); NaN where
            empty.
        trouble: what keeps a column of numbers or dates from being one.
        place: which column of the file it is, from 0.
        blank: how many cells of a column of text hold a word for no value. They have codes all the
            same: it may be a name.
    """

    name: str
    kind: Kind
    codes: np.ndarray
    numbers: np.ndarray
    trouble: str
    place: int
    blank: int = 0

    @cached_property
    def distinct(self) -> int:
        return int(self.codes.max(initial=-1)) + 1

    @property
    def filled(self) -> int:
        return int((self.codes >= 0).sum())

    @property
    def empty_share(self) -> float:
        return 1 - (self.filled - self.blank) / len(self.codes)

    @cached_property
    def orders(self) -> float:
        """Of how many orders of magnitude nearly all its numbers are; 0 if one is not above 0."""
        numbers = self.numbers[self.codes >= 0]
        if self.kind != "numbers" or not len(numbers) or not (numbers > 0).all():
            return 0.0
        low, high = np.quantile(np.log10(numbers), (0.01, 0.99))
        return float(high - low)

    @cached_property
    def whole(self) -> bool:
        """Whether all its numbers are whole."""
        numbers = self.numbers[self.codes >= 0]
        return self.kind == "numbers" and bool((numbers == np.round(numbers)).all())

    @cached_property
    def blocks(self) -> bool:
        """Whether the rows of each value stand together in the file."""
        codes = self.codes[self.codes >= 0]
        runs = 1 + int((np.diff(codes) != 0).sum())
        return bool(len(codes)) and runs <= 1.02 * self.distinct

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its name: `tmaxDegC` and `tmax_degC` are both tmax, deg.

        A letter is a word where it is all there is: `acc_y` is no y.
        """
        bare = unicodedata.normalize("NFKD", self.name).encode("ascii", "ignore").decode()
        words = [word.lower() for word in WORD.findall(bare)]
        return frozenset(it for it in words if len(it) > 1 or len(words) == 1)

    @property
    def numbers_rows(self) -> bool:
        """Whether it only says which row of the file a row is."""
        if self.distinct < len(self.codes) or len(self.codes) < 2:
            return False
        named = not self.words or bool(self.words & ROW_NAMES)
        if self.kind == "numbers":
            return self.whole and (named or bool((np.diff(self.numbers) == 1).all()))
        return self.kind == "text" and named


def columns_of(sheet: Sheet) -> tuple[list[Column], dict[str, str]]:
    """The columns that can be read, and of the others why not."""
    found: list[Column] = []
    unreadable: dict[str, str] = {}
    for place, name in enumerate(sheet.names):
        try:
            found.append(_column(*_cells(sheet, name), plain(name), place))
        except DataError as error:
            unreadable[name] = str(error).removeprefix(f"{sheet.path}: ")
    return found, unreadable


def joined(columns: Sequence[Column]) -> np.ndarray:
    """The number of each row's combination of values, from 0; −1 where one is missing."""
    codes = np.stack([column.codes for column in columns], 1)
    whole = (codes >= 0).all(1)
    numbers = np.full(len(codes), -1)
    if whole.any():
        frame = pd.DataFrame(codes[whole])
        numbers[whole] = frame.groupby(list(frame.columns), sort=False).ngroup().to_numpy()
    return numbers


def varies(column: Column, task: np.ndarray) -> float:
    """The share of tasks of at least two filled cells in which the column has two values."""
    there = (task >= 0) & (column.codes >= 0)
    cells = pd.Series(column.codes[there]).groupby(task[there])
    several = cells.size() > 1
    return float((cells.nunique()[several] > 1).mean()) if several.any() else 0.0


def depends_on(column: Column, task: np.ndarray) -> bool:
    """Whether each task has one value of the column."""
    there = (task >= 0) & (column.codes >= 0)
    return int(pd.Series(column.codes[there]).groupby(task[there]).nunique().max() or 0) <= 1


def sizes(task: np.ndarray) -> np.ndarray:
    """How many rows each task has."""
    return np.bincount(task[task >= 0])


def _cells(sheet: Sheet, name: str) -> tuple["pd.Series[str]", str]:
    """A column as text, empty where a cell says that it is; and its decimal sign."""
    try:
        return choose(sheet, [name], {name}, ()).table[name], "."
    except Misread:  # a point, where decimals follow a comma
        return choose(sheet, [name], (), ()).table[name], sheet.form.decimal


def _column(cells: "pd.Series[str]", decimal: str, name: str, place: int) -> Column:
    codes, values = pd.factorize(cells.str.strip().replace("", None))
    texts = [str(value) for value in values]
    empty = np.array([text in EMPTY_NUMBERS for text in texts], dtype=bool)
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(float)
    if decimal != ".":
        numbers = np.where(["." in text for text in texts], np.nan, numbers)
    numeric = np.isfinite(numbers)
    if not len(texts) or empty.all():
        nothing = np.full(len(cells), -1)
        return Column(name, "nothing", nothing, np.full(len(cells), np.nan), "", place)
    if (numeric | empty).all():
        return _of_numbers(name, "numbers", numbers[codes], codes >= 0, place)
    dates, trouble = _dates([text for text, gone in zip(texts, empty, strict=True) if not gone])
    if dates:
        days = np.array([dates.get(text, np.nan) for text in texts])
        return _of_numbers(name, "dates", days[codes], codes >= 0, place)
    if numeric[codes][codes >= 0].mean() > MOSTLY:
        odd = next(text for text, fine in zip(texts, numeric | empty, strict=True) if not fine)
        trouble = f"holds numbers, and text such as {short(odd, 20)}"
    names = pd.Series([plain(text) for text in texts])
    merged = np.append(pd.factorize(names)[0], -1)
    blank = int(cells.str.strip().isin((*EMPTY_NUMBERS, "n/a")).sum())
    nan = np.full(len(cells), np.nan)
    return Column(name, "text", merged[codes], nan, trouble, place, blank)


def _of_numbers(
    name: str, kind: Kind, numbers: np.ndarray, there: np.ndarray, place: int
) -> Column:
    numbers = np.where(there, numbers, np.nan)
    codes, _ = pd.factorize(numbers)
    return Column(name, kind, codes, numbers, "", place)


def _dates(texts: Sequence[str]) -> tuple[dict[str, float], str]:
    """Days since 1970, or hours since midnight, of each; or why dates cannot be read as such."""
    dates = [text for text in texts if text != "NaT"]
    if not dates or not all(map(is_date, dates)):
        return {}, ""
    try:
        values = to_dates("", pd.Series(dates, dtype="str")).values
    except DataError as error:
        return {}, str(error).partition("; ")[0].removeprefix(": column None ")
    unit = np.timedelta64(1, "h") if values.dtype.kind == "m" else np.timedelta64(1, "D")
    since = values if values.dtype.kind == "m" else values - np.datetime64(0, "D")
    return dict(zip(dates, (since / unit).tolist(), strict=True)), ""
