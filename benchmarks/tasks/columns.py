"""Columns of a CSV or Parquet file, with every way they can be unusable said in one sentence."""

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError, nearest

EMPTY_NUMBERS = ("NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None")


def read_columns(path: str, columns: Iterable[str], numbers: Collection[str]) -> pd.DataFrame:
    """The columns as text, whatever the kind of file; empty cells are NaN.

    In the columns that hold `numbers` the `EMPTY_NUMBERS` are empty cells too; elsewhere "NA" may
    well be the name of something.

    Raises:
        DataError: the file cannot be read, holds no rows, or lacks a column.
    """
    table = read_table(path)
    columns = list(dict.fromkeys(columns))  # a column may be both a task and an input
    for column in columns:
        if column not in table.columns:
            raise DataError(f"{path}: no column {column!r}; {nearest(column, table.columns)}")
    table = table[columns]
    for column in set(columns) & set(numbers):
        table = table.assign(**{column: table[column].mask(table[column].isin(EMPTY_NUMBERS))})
    return table


def read_table(path: str) -> pd.DataFrame:
    """The whole file as text; empty cells are NaN.

    Raises:
        DataError: the file cannot be read, or holds no rows.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise DataError(f"{path}: expected a file that ends in .csv or .parquet")
    try:
        if suffix == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        else:
            table = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # pandas' and pyarrow's own errors are ValueErrors
        raise DataError(f"{path}: is not a {suffix[1:]} file ({str(error).strip()})") from error
    if table.empty:
        raise DataError(f"{path}: holds no rows")
    table = table.reset_index(drop=True)
    return table.where(table.notna(), None).astype("str")


def without_missing(path: str, table: pd.DataFrame, drop: bool) -> pd.DataFrame:
    """The rows in which no cell is empty.

    Raises:
        DataError: a cell is empty and `drop` is False, or no row is left.
    """
    missing = table.isna()
    for column in table.columns[missing.any()]:
        if not drop:
            raise DataError(
                f"{path}: column {column!r} is empty in {int(missing[column].sum()):,} of "
                f"{len(table):,} rows; set drop_missing = true to leave such rows out"
            )
    kept = table[~missing.any(axis=1)]
    if kept.empty:
        raise DataError(f"{path}: no row has all the columns {', '.join(table.columns)}")
    return kept


def to_numbers(path: str, column: "pd.Series[str]", otherwise: str = "") -> np.ndarray:
    """The column's cells as finite numbers; `otherwise` ends the message when they are not.

    Raises:
        DataError: a cell is not a finite number.
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        more = f" and in {bad.size - 1:,} more rows something like it" if bad.size > 1 else ""
        raise DataError(
            f"{path}: column {column.name!r} holds {column.iloc[bad[0]]!r} in row "
            f"{int(column.index[bad[0]]) + 1:,}{more}; expected finite numbers{otherwise}"
        )
    return numbers
