"""Stored tables back in memory, gathered from the folders of trials or as they were published.

Words that repeat in millions of rows (which trial, which metric, which group) are kept as
categories: a score then takes some thirty bytes instead of five times as many.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.core.errors import Damaged
from benchmarks.harness.disk.columns import (
    OPTIONAL,
    PLACE,
    REFERENCE_TYPES,
    REFERENCES,
    TABLES,
    TASK_TYPES,
    TUNING,
    TUNING_TYPES,
)
from benchmarks.harness.disk.shapes import KEYS
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.evaluation.taming import tame
from benchmarks.harness.store.copies.following import followed, needs_reference
from benchmarks.harness.store.ledger import Ledger

LARGE = frozenset({"scores", "diagnostics"})
"""Tables whose words are categories, in alphabetical order."""
LATER: Mapping[str, Any] = {"draw": 0, "group": "", "diverged": None, "output": 0}
"""Columns that results of former versions do not have, and what they hold then."""
ABSENT = OPTIONAL | {"diagnostics"}
"""Tables that may have no file, as in results of former versions; they have no rows then."""


def types_of(name: str) -> dict[str, str]:
    """The columns of a table of many trials."""
    types = KEYS | TABLES[name]
    if name not in LARGE:
        return types
    return {column: "category" if it == "str" else it for column, it in types.items()}


def keyed(part: pa.Table, row: Mapping[str, Any], name: str) -> pa.Table:
    """A table of one trial with the columns that name it."""
    keys = {key: _repeated(row[key], type_, len(part)) for key, type_ in KEYS.items()}
    return pa.table({**keys, **{it: part[it] for it in TABLES[name]}})


def published(directory: Path, name: str) -> pd.DataFrame:
    """One table as it was consolidated.

    Raises:
        Damaged: the file is missing, cannot be read or has other columns.
    """
    types, path = KEYS | TABLES[name], directory / f"{name}.parquet"
    if name not in LARGE or not path.exists():
        return together([stored(directory, name, types)], name)
    with _readable(path):
        there = pq.read_schema(path).names
        words = [column for column, it in types.items() if it == "str" and column in there]
        file = pq.ParquetFile(path, read_dictionary=words)
    return _together(_by_row_groups(path, file, types), file.metadata.num_rows, name)


def all_scores(directory: Path, derived: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The scores as they were consolidated, with those that were left out: metrics by trial.

    Raises:
        Damaged: a file is missing, cannot be read, or is not what was written.
    """
    path, references = directory / REFERENCES, empty(REFERENCE_TYPES)
    if any(needs_reference(it) for metrics in derived.values() for it in metrics):
        Ledger(directory).check(REFERENCES)
        references = _demanded(path, REFERENCE_TYPES, ()).to_pandas().astype(REFERENCE_TYPES)
    return followed(published(directory, "scores"), references, derived)


def _by_row_groups(
    path: Path, file: pq.ParquetFile, types: Mapping[str, str]
) -> Iterator[pa.Table]:
    """A large table in parts, so that it is never in memory twice."""
    for number in range(file.num_row_groups):
        with _readable(path):
            part = file.read_row_group(number)
        yield _checked(path, part, types)


def met(parts: Sequence[pa.Table]) -> pd.DataFrame:
    """Which test tasks there were; once, however many trials met them."""
    types = PLACE | TASK_TYPES
    if not parts:
        return empty(types)
    tables = [_plain(part, types) for part in parts]
    everything = pa.concat_tables(tables, promote_options="permissive").to_pandas().astype(types)
    once = everything.drop_duplicates([*PLACE, "shots", "task"])
    return once.sort_values([*PLACE, "shots", "task"], ignore_index=True)


def tasks_in(folder: Path, place: Mapping[str, str]) -> pa.Table:
    """The test tasks of a folder; none where it has no such file.

    Raises:
        Damaged: the file cannot be read or has other columns.
    """
    path, types = folder / "tasks.parquet", {**place, **TASK_TYPES}
    return _demanded(path, types, ()) if path.exists() else _without_rows(tuple(types.items()))


def tuning_in(directory: Path) -> pd.DataFrame:
    """All settings that were tried, one row each; none where nothing was searched.

    Raises:
        Damaged: the file is not what was written.
    """
    path = directory / TUNING
    if not path.exists():
        return empty(TUNING_TYPES)
    Ledger(directory).check(TUNING)
    return _demanded(path, TUNING_TYPES, ()).to_pandas().astype(TUNING_TYPES)


def stored(folder: Path, name: str, types: Mapping[str, str]) -> pa.Table:
    """The columns of a stored table; words are dictionaries where there are many.

    Raises:
        Damaged: the file is missing, cannot be read or has other columns.
    """
    path = folder / f"{name}.parquet"
    if name in ABSENT and not path.exists():
        return _without_rows(tuple(types.items()))
    words = [column for column, it in types.items() if it == "str"] if name in LARGE else []
    return _demanded(path, types, words)


@cache
def _without_rows(types: tuple[tuple[str, str], ...]) -> pa.Table:
    return pa.Table.from_pandas(empty(dict(types)), preserve_index=False)


def _demanded(path: Path, types: Mapping[str, str], words: Sequence[str]) -> pa.Table:
    with _readable(path):
        about = pq.read_metadata(path)
        there = {*about.schema.names}  # former versions wrote fewer
        coded = [it for it in words if it in there]
        table = pq.ParquetFile(path, metadata=about, read_dictionary=coded).read()
    return _checked(path, table, types)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise Damaged(path, "is missing") from None
    except Exception as error:  # pyarrow knows many ways to say that these are no such bytes
        first = str(error).partition("\n")[0].rstrip(".")
        raise Damaged(path, f"cannot be read ({first})") from None


def _checked(path: Path, table: pa.Table, types: Mapping[str, str]) -> pa.Table:
    for column, type_ in types.items():
        if column not in table.column_names:
            if column not in LATER:
                raise Damaged(path, f"has no column {column!r}")
            table = table.append_column(column, _repeated(LATER[column], type_, len(table)))
        elif table.column_names.count(column) > 1:
            raise Damaged(path, f"has two columns {column!r}")
        elif column not in LATER and len(table):
            found = table[column]
            if not _fits(found.type, type_):
                raise Damaged(path, f"column {column!r}: expected {type_}, got {found.type}")
            if found.null_count and type_ != "float64":
                raise Damaged(path, f"column {column!r}: a value is missing")
    return table.select(list(types))


def _fits(found: pa.DataType, type_: str) -> bool:
    if pa.types.is_dictionary(found):
        found = found.value_type
    text = pa.types.is_string(found) or pa.types.is_large_string(found)
    if type_ == "object":
        return text or pa.types.is_binary(found) or pa.types.is_large_binary(found)
    if type_ == "str":
        return text
    if type_ == "bool":
        return pa.types.is_boolean(found)
    if type_ == "float64":
        return pa.types.is_floating(found)
    return pa.types.is_integer(found)


def _repeated(value: Any, type_: str, times: int) -> pa.Array:
    if type_ != "str":
        return pa.repeat(pa.scalar(value, pa.bool_() if value is None else None), times)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), times), [value])


def together(parts: Sequence[pa.Table], name: str) -> pd.DataFrame:
    """One table of many trials."""
    return _together(parts, sum(map(len, parts)), name)


def _together(parts: Iterable[pa.Table], rows: int, name: str) -> pd.DataFrame:
    """One table of so many rows; of a large one, each part can be forgotten as the next comes."""
    types = types_of(name)
    if not rows:
        return empty(types)
    if name not in LARGE:
        tables = [_plain(part, types) for part in parts if len(part)]
        return pa.concat_tables(tables, promote_options="permissive").to_pandas().astype(types)
    narrow = name == "scores"
    columns = {column: _Column.of(it, rows, narrow) for column, it in types.items()}
    for part in parts:
        for name_, column in columns.items():
            for chunk in part[name_].chunks:
                column.add(chunk)
    frame = pd.DataFrame({key: columns.pop(key).whole() for key in types}, copy=False)
    return tame(frame) if name == "scores" else frame


def _plain(part: pa.Table, types: Mapping[str, str]) -> pa.Table:
    """The same without dictionaries, and without what pandas noted about its columns."""
    columns = [
        part.column(name).cast(pa.string()) if it == "str" else part.column(name)
        for name, it in types.items()
    ]
    return pa.table(columns, names=list(types))


@dataclass
class _Column:
    """A column of a large table as it fills; words by the order in which they were first met."""

    values: np.ndarray
    words: dict[str, int] | None
    unknown: np.ndarray | None = None
    filled: int = 0

    @classmethod
    def of(cls, type_: str, rows: int, narrow: bool) -> "_Column":
        """Where `narrow`, whole numbers take as few bytes as they need."""
        if type_ == "category":
            return cls(np.empty(rows, np.int16), {})
        small = narrow and np.issubdtype(np.dtype(type_), np.integer)
        return cls(np.empty(rows, np.int16 if small else type_), None)

    def add(self, chunk: pa.Array) -> None:
        place = slice(self.filled, self.filled + len(chunk))
        self.filled += len(chunk)
        if self.words is not None:
            codes = self._codes(self.words, chunk)
            self._widen(codes.dtype)
            self.values[place] = codes
        elif chunk.null_count and self.values.dtype == bool:  # not known of former versions
            if self.unknown is None:
                self.unknown = np.zeros(len(self.values), bool)
            self.unknown[place] = chunk.is_null().to_numpy(zero_copy_only=False)
            self.values[place] = False
        else:
            values = chunk.to_numpy(zero_copy_only=False)
            if self.values.dtype.kind == "i" and len(values):
                ends = min(int(values.min()), -1), -1 - int(values.max())
                self._widen(np.result_type(*map(np.min_scalar_type, ends)))
            self.values[place] = values

    def _widen(self, needed: np.dtype[Any]) -> None:
        self.values = self.values.astype(np.promote_types(self.values.dtype, needed), copy=False)

    def whole(self) -> Any:
        if self.words is not None:
            words = sorted(self.words)
            places = np.empty(len(words), np.min_scalar_type(-len(words) - 1))
            places[[self.words[word] for word in words]] = np.arange(len(words))
            codes: Any = places[self.values]
            return pd.Categorical.from_codes(codes, pd.Index(words))
        if self.unknown is not None:
            values = self.values.astype(object)
            values[self.unknown] = None
            return values
        return self.values

    @staticmethod
    def _codes(words: dict[str, int], chunk: pa.Array) -> np.ndarray:
        if not pa.types.is_dictionary(chunk.type):
            chunk = chunk.dictionary_encode()
        indices = chunk.indices.to_numpy(zero_copy_only=False)
        known = np.zeros(len(chunk.dictionary), np.int32)
        for place in np.flatnonzero(np.bincount(indices)):
            known[place] = words.setdefault(chunk.dictionary[int(place)].as_py(), len(words))
        return known.astype(np.min_scalar_type(-len(words) - 1))[indices]
