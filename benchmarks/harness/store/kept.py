"""What one trial has left in its folder, read with care: it is sound, or `Damaged` says why not."""

import time
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmarks.core.errors import Damaged, StoreError
from benchmarks.harness.disk.shapes import read_record
from benchmarks.harness.disk.sums import check_sums, read_sums
from benchmarks.harness.store.reading import ABSENT, TABLES, stored, tasks_in

LEARNER = ("learner.pt", "trial.json")
"""What it takes to use a trained learner."""
PATIENCE_SECONDS = 0.05
FILES = ("trial.json", *(f"{name}.parquet" for name in (*TABLES, "tasks")))


@dataclass(frozen=True)
class Kept:
    """What a trial has kept: its record, and if it is done its tables and the tasks it met."""

    record: dict[str, Any]
    tables: Mapping[str, pa.Table]
    tasks: pd.DataFrame | None


def read_trial(folder: Path) -> Kept:
    """What a folder that is there holds of a trial.

    A folder that is replaced while it is read is read again.

    Raises:
        StoreError: something of it is damaged or missing.
    """
    while True:
        before = _identity(folder)
        try:
            known = read_sums(folder) or {}
            check_sums(folder, [it for it in FILES if it in known])
            record = read_record(folder / "trial.json")
            if record["status"] != "done":
                return Kept(record, {}, None)
            if known:
                _demand_listed(folder, known)
            tables = {name: stored(folder, name, types) for name, types in TABLES.items()}
            return Kept(record, tables, tasks_in(folder, {}))
        except StoreError:
            time.sleep(PATIENCE_SECONDS)
            if _identity(folder) == before:
                raise


def check_trial(folder: Path) -> dict[str, Any]:
    """The record of a trial all of whose files are sound, its learner included.

    Raises:
        StoreError: something of it is damaged or missing.
    """
    check_learner(folder)
    known = read_sums(folder)
    if known is None:
        return read_trial(folder).record
    record = read_record(folder / "trial.json")
    _demand_listed(folder, known)
    if record["status"] == "done":
        for name in TABLES.keys() - ABSENT:
            if not (folder / f"{name}.parquet").is_file():
                raise Damaged(folder / f"{name}.parquet", "is missing")
    return record


def check_learner(folder: Path, names: Collection[str] | None = None) -> None:
    """See whether the learner that a trial has kept, if it has, is the one that was written.

    So have to be the other files that are named; all of the folder, if none is.

    Raises:
        StoreError: one of them is damaged.
    """
    path = folder / "learner.pt"
    if check_sums(folder, names) or not path.is_file():
        return
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise Damaged(path, f"cannot be read ({error})") from None
    if broken is not None:
        raise Damaged(path, f"cannot be read ({broken} is damaged)")


def _demand_listed(folder: Path, known: Mapping[str, str]) -> None:
    """A name that was damaged in the list of sums hides no file from it."""
    for name in FILES:
        if name not in known and (folder / name).exists():
            raise Damaged(folder / name, "has no checksum among the others")


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
