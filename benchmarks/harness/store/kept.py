"""What one trial has left in its folder, read with care: it is sound, or `Damaged` says why not."""

import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmarks.core.errors import Damaged
from benchmarks.harness.disk.columns import TABLES
from benchmarks.harness.disk.shapes import read_record
from benchmarks.harness.disk.sums import check_sums, read_sums
from benchmarks.harness.store.reading import ABSENT, stored, tasks_in
from benchmarks.harness.store.records import demand_listed, patiently, sound_record

LEARNER = ("learner.pt", "trial.json")
"""What it takes to use a trained learner."""


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
    return patiently(folder, _read)


def _read(folder: Path) -> Kept:
    record, _ = sound_record(folder)
    if record["status"] != "done":
        return Kept(record, {}, None)
    tables = {name: stored(folder, name, types) for name, types in TABLES.items()}
    return Kept(record, tables, tasks_in(folder, {}))


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
    demand_listed(folder, known)
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
