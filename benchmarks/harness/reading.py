"""Stored tables back in memory, gathered from the folders of trials or as they were published.

Words that repeat in millions of rows (which trial, which metric, which group) are kept as
categories: a score then takes some thirty bytes instead of five times as many.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.core.errors import Damaged
from benchmarks.harness.confusion import CONFUSION_TYPES
from benchmarks.harness.diagnostics import DIAGNOSTIC_TYPES
from benchmarks.harness.diverging import tame
from benchmarks.harness.episodes import EPISODE_TYPES
from benchmarks.harness.evaluator import CURVE_TYPES, OPTIONAL, SCORE_TYPES
from benchmarks.harness.frames import empty
from benchmarks.harness.shapes import KEYS
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
LATER: Mapping[str, Any] = {"draw": 0, "group": "", "diverged": None}
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
    return together([stored(directory, name, KEYS | TABLES[name])], name)


def met(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Which test tasks there were; once, however many trials met them."""
    types = PLACE | TASK_TYPES
    if not parts:
        return empty(types)
    everything = pd.concat(parts, ignore_index=True)[list(types)].astype(types)
    once = everything.drop_duplicates([*PLACE, "shots", "task"])
    return once.sort_values([*PLACE, "shots", "task"], ignore_index=True)


def tasks_in(folder: Path, place: Mapping[str, str]) -> pd.DataFrame:
    """The test tasks of a folder; none where it has no such file.

    Raises:
        Damaged: the file cannot be read or has other columns.
    """
    path, types = folder / "tasks.parquet", {**place, **TASK_TYPES}
    if not path.exists():
        return empty(types)
    return _demanded(path, types, ()).to_pandas().astype(types)


def stored(folder: Path, name: str, types: Mapping[str, str]) -> pa.Table:
    """The columns of a stored table; words are dictionaries where there are many.

    Raises:
        Damaged: the file is missing, cannot be read or has other columns.
    """
    path = folder / f"{name}.parquet"
    if name in ABSENT and not path.exists():
        return pa.Table.from_pandas(empty(dict(types)), preserve_index=False)
    words = [column for column, it in types.items() if it == "str"] if name in LARGE else []
    return _demanded(path, types, words)


def _demanded(path: Path, types: Mapping[str, str], words: Sequence[str]) -> pa.Table:
    try:
        table = pq.read_table(path, read_dictionary=list(words))
    except FileNotFoundError:
        raise Damaged(path, "is missing") from None
    except Exception as error:  # pyarrow knows many ways to say that these are no such bytes
        first = str(error).partition("\n")[0].rstrip(".")
        raise Damaged(path, f"cannot be read ({first})") from None
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
