"""What trials have left, read with care: it is sound, or `Damaged` says why not."""

import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from benchmarks.core.errors import Damaged, StoreError
from benchmarks.harness.disk.columns import HISTORY_TYPES, PLACE, TABLES, TASK_TYPES
from benchmarks.harness.disk.shapes import read_matrix, read_record, read_records
from benchmarks.harness.disk.sums import check_sums, read_sums
from benchmarks.harness.store.complete import only, without_gaps
from benchmarks.harness.store.ledger import RECORDS, Ledger, is_published
from benchmarks.harness.store.reading import (
    ABSENT,
    all_scores,
    keyed,
    met,
    published,
    stored,
    tasks_in,
    together,
)
from benchmarks.harness.store.records import MISSING, demand_listed, patiently, sound_record

DERIVED = "derived"
"""What a published record says of the metrics that are not stored, but follow from others."""
LEARNER = ("learner.pt", "trial.json")
"""What it takes to use a trained learner."""


@dataclass(frozen=True)
class Kept:
    """What a trial has kept: its record, and if it is done its tables and the tasks it met.

    Of one that has failed there is the training curve, as far as it came.
    """

    record: dict[str, Any]
    tables: Mapping[str, pa.Table]
    tasks: pa.Table | None


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
        curve = record["status"] == "failed" and (folder / "history.parquet").is_file()
        there = {"history": stored(folder, "history", HISTORY_TYPES)} if curve else {}
        return Kept(record, there, None)
    tables = {name: stored(folder, name, types) for name, types in TABLES.items()}
    named = (folder / "tasks.parquet").exists()
    return Kept(record, tables, tasks_in(folder, {}) if named else None)


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


Records = dict[str, dict[str, Any]]
Tables = dict[str, pd.DataFrame]


def from_trials(directory: Path, matrix: Mapping[str, Any]) -> tuple[Records, Tables, list[str]]:
    """The records and tables of all trials, and what of them is damaged."""
    known: Records = {}
    parts: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
    tasks: dict[tuple[str, ...], list[pa.Table]] = {}
    damage = []
    for row in matrix["trials"]:
        folder = directory / "trials" / row["trial"]
        if not folder.exists():
            continue
        try:
            kept = read_trial(folder)
        except StoreError as error:
            damage.append(f"{error}{MISSING}")
            continue
        known[row["trial"]] = kept.record
        for name, part in kept.tables.items():
            parts[name].append(keyed(part, row, name))
        there = tasks.setdefault(tuple(row[key] for key in PLACE), [])
        if kept.tasks is not None and len(kept.tasks) and kept.tasks not in there:
            there.append(kept.tasks)
    tables = {name: together(found, name) for name, found in parts.items()}
    everywhere = [_placed(it, place) for place, found in tasks.items() for it in found]
    return known, {**tables, "tasks": met(everywhere)}, damage


def _placed(tasks: pa.Table, place: Sequence[str]) -> pa.Table:
    """Test tasks with the columns that say of which family and protocol they are."""
    for key, value in zip(PLACE, place, strict=True):
        tasks = tasks.append_column(key, pa.repeat(pa.scalar(value), len(tasks)))
    return tasks


def from_published(
    directory: Path, matrix: Mapping[str, Any], all_trials: bool = False
) -> tuple[Records, Tables, list[str]]:
    """What the consolidated files hold of the trials of the matrix, or of all."""
    path = directory / RECORDS
    if not path.exists() and not any((directory / f"{name}.parquet").exists() for name in TABLES):
        return {}, {**{name: together([], name) for name in TABLES}, "tasks": met([])}, []
    ledger = Ledger(directory)
    ledger.check(RECORDS)
    known, wrong = read_records(path)
    damage = [f"{sentence}{MISSING}" for sentence in wrong]
    wanted = known.keys() if all_trials else {row["trial"] for row in matrix["trials"]}
    done = {it for it in wanted if known.get(it, {}).get("status") == "done"}
    derived = {it: record[DERIVED] for it, record in known.items() if DERIVED in record}
    tables = {}
    for name in (*TABLES, "tasks"):
        try:
            ledger.check(f"{name}.parquet")
            if name == "tasks":
                table = tasks_in(directory, PLACE).to_pandas().astype(PLACE | TASK_TYPES)
            elif name == "scores":
                table = all_scores(directory, derived)
            else:
                table = published(directory, name)
        except StoreError as error:
            # a run makes trials of what is here, which then stands for all there was
            if all_trials or name == "scores":
                raise
            damage.append(f"{error}; left out")
            table = met([]) if name == "tasks" else together([], name)
        mine = wanted if name == "history" else done
        foreign = name != "tasks" and not set(table["trial"].unique()) <= set(mine)
        tables[name] = only(table, mine) if foreign else table
    return {it: known[it] for it in wanted if it in known}, tables, damage


def from_copy(directory: Path) -> tuple[Records, Tables, list[str]]:
    """What is whole of a published folder, of the matrix or not: what a run adds to."""
    known, tables, damage = from_published(directory, read_matrix(directory), all_trials=True)
    return known, without_gaps(directory, known, tables, damage), damage


def ended_in(directory: Path) -> Records | None:
    """The records of a published folder's trials; None where `trials/` has them."""
    return from_copy(directory)[0] if is_published(directory) else None
