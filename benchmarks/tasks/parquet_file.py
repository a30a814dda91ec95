"""Parquet files: every column as text, without a rounding, and with pandas' index columns."""

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.core.errors import DataError
from benchmarks.tasks.names import short
from benchmarks.tasks.regular import read_regular

FLOAT = r"-?[0-9]+(?:\.0|(?:\.[0-9]+)?e\+[0-9]+)"


def read_parquet(path: str) -> tuple[list[str], int, Callable[[int], "pd.Series[str]"]]:
    """The names of all columns, the number of rows, and what reads a column as text.

    Raises:
        DataError: the file cannot be read; or, of a column, it holds no single values.
    """
    content = read_regular(path)
    try:
        table = pq.ParquetFile(io.BytesIO(content)).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: is not a parquet file ({reason[:200]})") from None
    if not table.num_rows:
        raise DataError(f"{path}: holds no rows")
    return table.column_names, table.num_rows, partial(_as_text, path, table)


def _as_text(path: str, table: pa.Table, place: int) -> "pd.Series[str]":
    name, column = table.column_names[place], table.column(place)
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_floating(column.type):
            values = column.to_pandas().astype(float)  # float16 has no text of its own
            if pa.types.is_float32(column.type):
                values = column.to_pandas()
            text = values.astype("str").where(values.notna())
        elif pa.types.is_boolean(column.type):
            text = pd.Series(column.to_pylist()).map({True: "True", False: "False"})
        else:
            text = pc.cast(column, pa.large_string()).to_pandas()
    except (pa.ArrowException, ValueError, KeyError):
        raise DataError(
            f"{path}: column {short(name)} holds {str(column.type)[:60]}; expected numbers or text"
        ) from None
    return text.where(text != "").astype("str").rename(name)


def check_whole(path: str, column: "pd.Series[str]") -> None:
    """No name was a float too large to tell it from its neighbours.

    Raises:
        DataError: one was.
    """
    floats = column[column.str.fullmatch(FLOAT, na=False)]
    large = floats[np.abs(floats.astype(float)) >= 2.0**53]
    if len(large):
        raise DataError(
            f"{path}: column {short(str(column.name))} names things by floats beyond 2^53, "
            f"{large.iloc[0]} in row {int(large.index[0]) + 1:,}, where whole numbers are no "
            "longer told apart; expected whole numbers or text"
        )
