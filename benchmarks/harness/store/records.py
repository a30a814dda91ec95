"""What is known of the trials of a results folder, without a look at their scores."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.core.errors import Damaged, StoreError
from benchmarks.harness.disk.columns import REFERENCES, TABLES
from benchmarks.harness.disk.shapes import read_matrix, read_record, read_records
from benchmarks.harness.disk.sums import check_sums, read_sums
from benchmarks.harness.store.ledger import RECORDS, Ledger

Found = TypeVar("Found")

PATIENCE_SECONDS = 0.05
FILES = ("trial.json", *(f"{name}.parquet" for name in (*TABLES, "tasks")))
MISSING = "; the trial counts as missing"


@dataclass(frozen=True)
class Overview:
    """The trials of a matrix as far as their records tell; see `Results` for what is what."""

    name: str
    order: Sequence[str]
    records: Sequence[Mapping[str, Any]]
    damage: Sequence[str]
    searched: Mapping[str, Any] = field(default_factory=dict)


def overview(directory: Path) -> Overview | None:
    """The records of all trials; None where only their tables could tell whether they are whole.

    Checksums tell it, too, but former versions wrote none.

    Raises:
        StoreError: it holds no results, or what concerns all trials is damaged.
    """
    matrix = read_matrix(directory)
    read = _from_trials if (directory / "trials").is_dir() else _published
    damage: list[str] = []
    known = read(directory, matrix, damage)
    if known is None:
        return None
    order = tuple(learner["label"] for learner in matrix["learners"])
    searched = matrix.get("tuning") or {}
    return Overview(matrix["name"], order, named(matrix, known), damage, searched)


def named(
    matrix: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """One record for each trial of the matrix, which may be newer than they are."""
    missing = {"status": "missing"}
    return [{**missing, **known.get(row["trial"], {}), **row} for row in matrix["trials"]]


WHO = {"commit", "dirty", "started"}


def provenance_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """That of the latest trial, with all commits that took part."""
    known = [record["provenance"] for record in records if record.get("provenance")]
    given = [record.get("trained_with") for record in records]  # by whom a training was taken over
    known += [it for it in given if isinstance(it, dict) and it.keys() >= WHO]
    if not known:
        return {}
    latest = max(known, key=lambda provenance: provenance["started"])
    return {
        **latest,
        "dirty": any(provenance["dirty"] for provenance in known),
        "commits": sorted({provenance["commit"] or "none" for provenance in known}),
    }


def sound_record(folder: Path) -> tuple[dict[str, Any], bool]:
    """The record of a trial, its tables being what was written; whether checksums say so.

    Raises:
        StoreError: something of it is damaged or missing.
    """
    known = read_sums(folder) or {}
    if known:
        check_sums(folder, [it for it in FILES if it in known], known)
    record = read_record(folder / "trial.json")
    if record["status"] == "done" and known:
        demand_listed(folder, known)
    return record, bool(known)


def demand_listed(folder: Path, known: Mapping[str, str]) -> None:
    """A name that was damaged in the list of sums hides no file from it."""
    for name in FILES:
        if name not in known and (folder / name).exists():
            raise Damaged(folder / name, "has no checksum among the others")


def patiently(folder: Path, read: Callable[[Path], Found]) -> Found:
    """Read a folder again if it was replaced meanwhile.

    Raises:
        StoreError: something of it is damaged or missing.
    """
    while True:
        before = _identity(folder)
        try:
            return read(folder)
        except StoreError:
            time.sleep(PATIENCE_SECONDS)
            if _identity(folder) == before:
                raise


Known = dict[str, dict[str, Any]]


def _from_trials(directory: Path, matrix: Mapping[str, Any], damage: list[str]) -> Known | None:
    known: Known = {}
    for row in matrix["trials"]:
        folder = directory / "trials" / row["trial"]
        if folder.exists():
            try:
                record, proven = patiently(folder, sound_record)
            except StoreError as error:
                damage.append(f"{error}{MISSING}")
                continue
            if record["status"] == "done" and not proven:
                return None
            known[row["trial"]] = record
    return known


def _published(directory: Path, matrix: Mapping[str, Any], damage: list[str]) -> Known | None:
    ledger = Ledger(directory)
    sums = ledger.names()
    there = [*(f"{name}.parquet" for name in (*TABLES, "tasks")), REFERENCES]
    there = [name for name in there if (directory / name).exists()]
    if not (directory / RECORDS).exists() or not all(sums.get(name) for name in (RECORDS, *there)):
        return None
    for name in (RECORDS, *there):
        ledger.check(name)
    known, wrong = read_records(directory / RECORDS)
    damage += [f"{sentence}{MISSING}" for sentence in wrong]
    wanted = {row["trial"] for row in matrix["trials"]}
    return {trial: record for trial, record in known.items() if trial in wanted}


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
