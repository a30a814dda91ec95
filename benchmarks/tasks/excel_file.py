"""Excel files: every column of a sheet as text; its first row that is not blank is the header."""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, time
from typing import Any

import pandas as pd

from benchmarks.core.errors import DataError, MissingDependency, nearest
from benchmarks.core.text import message
from benchmarks.tasks.regular import read_regular


def read_excel(path: str, sheet: str) -> tuple[list[str], int, Callable[[int], "pd.Series[str]"]]:
    """The names of the columns of a sheet, the first if none is named; rows; what reads a column.

    Raises:
        DataError: the file cannot be read, has no such sheet, or a row with more cells than the
            header.
        MissingDependency: openpyxl is not installed.
    """
    rows = _rows(path, sheet)
    header = next((row for row in rows if row), None)
    if header is None:
        raise DataError(f"{path}: holds no rows")
    first = rows.index(header) + 1
    width, filled = len(header), [row for row in rows[first:] if row]
    if not filled:
        raise DataError(f"{path}: holds no rows")
    for number, row in enumerate(filled):
        if len(row) > width:
            raise DataError(
                f"{path}: row {number + 1:,} has a cell in column {len(row):,}, and the header has "
                f"{width:,}; expected the names of all columns in the first row that is not blank"
            )

    def cells(place: int) -> "pd.Series[str]":
        return pd.Series([row[place] if place < len(row) else None for row in filled], dtype="str")

    return [name or f"Unnamed: {i}" for i, name in enumerate(header)], len(filled), cells


def sheets_of(path: str) -> list[str]:
    """The names of all sheets.

    Raises:
        DataError: the file cannot be read.
        MissingDependency: openpyxl is not installed.
    """
    with _book(path) as book:
        return [str(name) for name in book.sheetnames]


def _rows(path: str, sheet: str) -> list[list[str | None]]:
    """The cells of all rows as text, empty ones at the end of a row apart."""
    with _book(path) as book:
        chosen = sheet or book.sheetnames[0]
        if chosen not in book.sheetnames:
            raise DataError(f"{path}: no sheet {sheet!r}; {nearest(sheet, book.sheetnames)}")
        return [_texts(row) for row in book[chosen].iter_rows(values_only=True)]


@contextmanager
def _book(path: str) -> Iterator[Any]:
    try:
        import openpyxl
    except ImportError:
        raise MissingDependency(
            f"{path}: Excel files are read by openpyxl; type: pip install openpyxl"
        ) from None
    content = read_regular(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and the like
            yield openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path}: is not an Excel file ({message(error)})") from None


def _texts(row: tuple[Any, ...]) -> list[str | None]:
    texts = [_text(cell) for cell in row]
    while texts and texts[-1] is None:
        texts.pop()
    return texts


def _text(cell: Any) -> str | None:
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    if isinstance(cell, time):
        return cell.isoformat()
    text = "" if cell is None else str(cell)
    return text if text.strip() else None
