"""Tables that grow to be stored, as files that are there whole or not at all."""

import functools
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.harness.disk.columns import OPTIONAL
from benchmarks.harness.disk.files import remove, replace

COUNTED = frozenset({"task", "tasks"})
"""Columns in which the next number mostly follows from the last."""


MADE_OF = b"reml-made-of"
"""What a file says its digest by."""


def empty(types: dict[str, str]) -> pd.DataFrame:
    """No rows, but with the right columns."""
    return _empty(tuple(types.items())).copy()


@functools.cache
def _empty(types: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    return pd.DataFrame({name: _nothing(dtype) for name, dtype in types})


@functools.cache
def _nothing(dtype: str) -> "pd.Series[Any]":
    return pd.Series(dtype=dtype)


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as `write_text` does; the same frame gives the same bytes."""
    replace(path, lambda temporary: as_parquet(frame, temporary))


def digest(frame: pd.DataFrame) -> str:
    """Of all that a frame holds; it takes a tenth of the time of writing it."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    hashed = _Hashed()
    with pa.ipc.new_stream(pa.PythonFile(hashed, "w"), table.schema) as stream:
        stream.write_table(table)
    return hashed.sum.hexdigest()


class _Hashed(io.RawIOBase):
    """A file of which nothing is kept but its sum."""

    def __init__(self) -> None:
        self.sum = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sum.update(data)
        return len(data)


def digest_in(path: Path) -> str | None:
    """What a file says of the frame that it was made of; None where it says nothing."""
    import pyarrow.parquet as pq

    try:
        told = pq.read_metadata(path).metadata or {}
    except Exception:  # pyarrow knows many ways to say that there is no such file
        return None
    return told[MADE_OF].decode("ascii", "replace") if MADE_OF in told else None


def as_parquet(frame: pd.DataFrame, path: Path, made_of: str = "") -> None:
    """Write a frame, and its digest if it is given, for `digest_in` to find."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    if made_of:
        table = table.replace_schema_metadata({**table.schema.metadata, MADE_OF: made_of})
    # floats hardly repeat, so a dictionary only costs; splitting their bytes lets zstd find more
    floats = [str(name) for name in frame if frame[name].dtype.kind == "f"]
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=[str(name) for name in frame if str(name) not in floats],
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT") or None,
    )


def as_small_parquet(frame: pd.DataFrame, path: Path) -> None:
    """The same in fewer bytes, which take ten times as long to write, and are read all at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts = {str(name): "DELTA_BINARY_PACKED" for name in COUNTED if name in frame}
    floats = {str(it): "BYTE_STREAM_SPLIT" for it in frame if frame[it].dtype.kind == "f"}
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(
        table,
        path,
        row_group_size=max(1, len(table)),
        store_schema=False,
        compression="zstd",
        compression_level=19,
        data_page_size=1 << 28,
        use_dictionary=[it for it in table.column_names if it not in counts | floats],
        column_encoding=counts | floats or None,
    )


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a Parquet file for each table; for one that is `OPTIONAL`, only if it has rows.

    Raises:
        StoreError: they cannot be written.
    """
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        if name in OPTIONAL and table.empty:
            remove(path)
        else:
            write_parquet(path, table)
