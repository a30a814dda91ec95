"""Stored tables back in memory, gathered from the folders of trials or as they were published.

Words that repeat in millions of rows (which trial, which metric, which group) are kept as
categories: a score then takes some thirty bytes instead of five times as many.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.core.errors import StoreError
from benchmarks.harness.confusion import CONFUSION_TYPES
from benchmarks.harness.diagnostics import DIAGNOSTIC_TYPES
from benchmarks.harness.diverging import tame
from benchmarks.harness.episodes import EPISODE_TYPES
from benchmarks.harness.evaluator import CURVE_TYPES, OPTIONAL, SCORE_TYPES
from benchmarks.harness.folder import KEYS
from benchmarks.harness.frames import empty
from benchmarks.harness.task_names import PLACE, TASK_TYPES
from benchmarks.harness.training import HISTORY_TYPES

TABLES = {
    "scores": SCORE_TYPES,
    "history": HISTORY_TYPES,
    "curves": CURVE_TYPES,
    "diagnostics": DIAGNOSTIC_TYPES,
    "confusion": CONFUSION_TYPES,
    "episodes": EPISODE_TYPES,
}
LARGE = frozenset({"scores", "diagnostics"})
"""Tables whose words are categories, in alphabetical order."""
LATER: Mapping[str, Any] = {"group": "", "diverged": None}
"""Columns that results of former versions do not have, and what they hold then."""
ABSENT = OPTIONAL | {"diagnostics"}
"""Tables that may have no file, as in results of former versions; they have no rows then."""


def types_of(name: str) -> dict[str, str]:
    """The columns of a table of many trials."""
    types = KEYS | TABLES[name]
    if name not in LARGE:
        return types
    return {column: "category" if it == "str" else it for column, it in types.items()}


def gather(directory: Path, records: Iterable[Mapping[str, Any]], name: str) -> pd.DataFrame:
    """One table of all trials that are done.

    Raises:
        StoreError: a file is missing or damaged.
    """
    parts = []
    for record in records:
        if record["status"] == "done":
            part = _read(directory / "trials" / record["trial"], name, TABLES[name])
            keys = {key: _repeated(record[key], type_, len(part)) for key, type_ in KEYS.items()}
            parts.append(pa.table({**keys, **{it: part[it] for it in TABLES[name]}}))
    return _frame(parts, name)


def published(directory: Path, name: str) -> pd.DataFrame:
    """One table as it was consolidated.

    Raises:
        StoreError: the file is missing or damaged.
    """
    return _frame([_read(directory, name, KEYS | TABLES[name])], name)


def gather_tasks(directory: Path, records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Which test tasks there were; once, however many trials met them."""
    parts = []
    for record in records:
        path = directory / "trials" / record["trial"] / "tasks.parquet"
        if record["status"] == "done" and path.is_file():
            parts.append(_whole(path).assign(**{key: record[key] for key in PLACE}))
    types = PLACE | TASK_TYPES
    if not parts:
        return empty(types)
    together = pd.concat(parts, ignore_index=True)[list(types)].astype(types)
    once = together.drop_duplicates([*PLACE, "shots", "task"])
    return once.sort_values([*PLACE, "shots", "task"], ignore_index=True)


def published_tasks(directory: Path) -> pd.DataFrame:
    path, types = directory / "tasks.parquet", PLACE | TASK_TYPES
    return _whole(path).astype(types) if path.is_file() else empty(types)


def _whole(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error})") from None


def _read(folder: Path, name: str, types: Mapping[str, str]) -> pa.Table:
    """The columns of a stored table; words are dictionaries where there are many."""
    path = folder / f"{name}.parquet"
    if name in ABSENT and not path.is_file():
        return pa.Table.from_pandas(empty(dict(types)), preserve_index=False)
    words = [column for column, it in types.items() if it == "str"] if name in LARGE else None
    try:
        table = pq.read_table(path, read_dictionary=words)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error})") from None
    for column in types:
        if column not in table.column_names:
            if column not in LATER:
                raise StoreError(f"{path}: has no column {column!r}")
            table = table.append_column(column, _repeated(LATER[column], types[column], len(table)))
    return table.select(list(types))


def _repeated(value: Any, type_: str, times: int) -> pa.Array:
    if type_ != "str":
        return pa.repeat(pa.scalar(value, pa.bool_() if value is None else None), times)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), times), [value])


def _frame(parts: Sequence[pa.Table], name: str) -> pd.DataFrame:
    types = types_of(name)
    if not parts or not any(map(len, parts)):
        return empty(types)
    words = [column for column, it in types.items() if it in ("category", "str")]
    dictionary = pa.dictionary(pa.int32(), pa.string())
    alike = []
    for part in parts:
        for column in words:
            place = part.column_names.index(column)
            part = part.set_column(
                place, column, part[column].cast(dictionary if name in LARGE else pa.string())
            )
        alike.append(part.replace_schema_metadata(None))
    table = pa.concat_tables(alike, promote_options="permissive").unify_dictionaries()
    del alike
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    for column in words if name in LARGE else ():
        known = frame[column].cat
        frame[column] = known.remove_unused_categories().cat.reorder_categories(
            sorted(known.remove_unused_categories().cat.categories)
        )
    if name == "scores":
        frame = tame(frame)
    return frame.astype({column: it for column, it in types.items() if it != "category"})
