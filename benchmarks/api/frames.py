"""DataFrames where a matrix names files: each is a Parquet file in the results folder.

Its name is a hash of the rows, so that a later run with the same rows finds its trials.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import line
from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.disk.files import replace as replace_file
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.tasks.names import plain

PLACE = "data"
NAME = "the DataFrame"
DIGITS = 12
PREFIX = "reml-"


def is_frame(value: Any) -> bool:
    """Whether it is a table in memory: of pandas, or one that can be made one of pandas."""
    return isinstance(value, pd.DataFrame) or (
        not isinstance(value, type) and hasattr(value, "to_pandas") and hasattr(value, "columns")
    )


def prepared(frame: Any, name: str = NAME) -> pd.DataFrame:
    """With a named index among its columns, and nothing else that a file of rows has not.

    Raises:
        DataError: two columns have one name, or one's name is no text.
    """
    table = frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()
    if any(it is not None for it in table.index.names):
        table = table.reset_index()
    table = table.reset_index(drop=True)
    for column in table.columns:
        if not isinstance(column, str):
            raise DataError(f"{name}: column {line(repr(column), 80)}; expected texts as names")
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()][0]
        raise DataError(f"{name}: has two columns {line(twice, 80)!r}; expected one of each name")
    table.attrs = {}
    return table


def write_frame(table: pd.DataFrame, path: Path, name: str = NAME) -> None:
    """Write what `prepared` has returned as Parquet.

    Raises:
        DataError: a column holds what no file of rows can.
    """
    try:
        table.to_parquet(path, index=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        reason = line(" ".join(str(it) for it in error.args), 200)
        raise DataError(f"{name}: cannot be kept as a table ({reason})") from None


@contextmanager
def as_files(**given: Any) -> Iterator[dict[str, Path]]:
    """Paths of tables that are given as paths or as DataFrames; nothing for None.

    Raises:
        DataError: one holds what no file can; others call it by its name here.
    """
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        written = {name: Path(folder) / f"{name}.parquet" for name in given}
        paths: dict[str, Path] = {}
        for name, value in given.items():
            if is_frame(value):
                if value.empty:
                    raise DataError(f"{name}: holds no rows")
                write_frame(prepared(value, name), written[name], name)
                paths[name] = written[name]
            elif value is not None:
                paths[name] = Path(value)
        with renamed({str(path): name for name, path in written.items()}):
            yield paths


def as_given(table: pd.DataFrame, columns: Collection[str], frame: Any) -> pd.DataFrame:
    """The table with its index and these columns as the frame has them whose rows it is of.

    Args:
        table: made of the file that `as_files` has written; its index says of which rows.
        columns: those that are from the file.
        frame: what was written; of a path nothing is known.
    """
    if not is_frame(frame):
        return table
    flat = prepared(frame)
    own = {plain(str(name)): name for name in flat}
    rows = table.index.to_numpy()
    table = table.assign(**{name: flat[own[plain(name)]].iloc[rows] for name in columns})
    if isinstance(frame, pd.DataFrame):
        table.index = frame.index[rows]
        levels = {it for it in frame.index.names if it is not None}
        table = table.drop(columns=[it for it in columns if own[plain(it)] in levels])
    return table


def own_names(said: str, paths: Mapping[str, Path]) -> str:
    """What is said of files that `as_files` has written, by what they are called in Python."""
    for name, path in paths.items():
        if path.parent.name.startswith(PREFIX):
            said = said.replace(str(path), name)
    return said


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Errors and warnings call what lies in a temporary file by what it is."""
    try:
        yield
    except UserError as error:
        said = str(error)
        for path, name in names.items():
            said = said.replace(path, name)
        error.args = (said,)
        raise


class Frames:
    """The DataFrames of one matrix, and where they lie: in a temporary folder until `keep`."""

    def __init__(self, directory: Path) -> None:
        self._place = directory / PLACE
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)
        self._moved: dict[str, Path] = {}

    def add(self, frame: Any) -> Path:
        """A file that holds the rows.

        Raises:
            DataError: no file can.
        """
        table = prepared(frame)
        rows = _digest_of(table)
        for path in sorted(self._place.glob(f"{rows}-*.parquet")):
            if path.stem == f"{rows}-{_sum_of(path)}":
                return path.resolve()
        written = Path(self._folder.name).resolve() / "rows.parquet"
        write_frame(table, written)
        path = written.with_name(f"{rows}-{_sum_of(written)}.parquet")
        written.rename(path)
        self._moved[str(path)] = self._place.resolve() / path.name
        return path

    def moved(self, matrix: Matrix, trials: list[TrialSpec]) -> tuple[Matrix, list[TrialSpec]]:
        """The same, with the paths that `keep` makes true."""
        families = tuple(self._entry(it) for it in matrix.families)
        return replace(matrix, families=families), [
            replace(
                it,
                family=self._entry(it.family),
                other=None if it.other is None else self._entry(it.other),
            )
            for it in trials
        ]

    def named(self) -> AbstractContextManager[None]:
        """Errors call what lies in no folder yet by what it is."""
        return renamed(dict.fromkeys(self._moved, NAME))

    def keep(self) -> None:
        """Put all files into the results folder, which is open for a run.

        Raises:
            StoreError: it cannot be written.
        """
        for old, new in self._moved.items():
            make_folder(new.parent)
            replace_file(new, partial(shutil.copyfile, old))

    def _entry(self, entry: Entry) -> Entry:
        path = entry.fields.get("path")
        if not isinstance(path, str) or path not in self._moved:
            return entry
        return replace(entry, fields={**entry.fields, "path": str(self._moved[path])})


def _digest_of(table: pd.DataFrame) -> str:
    """A hash of the columns, their names and types, whatever version writes the file."""
    digest = hashlib.sha256()
    for name, column in table.items():
        digest.update(f"{name}\0{column.dtype}\0".encode())
        try:
            digest.update(pd.util.hash_pandas_object(column, index=False).to_numpy().tobytes())
        except TypeError:  # cells that are lists, say: the file will not hold them
            digest.update(repr(list(column)).encode())
    return digest.hexdigest()[:DIGITS]


def _sum_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
