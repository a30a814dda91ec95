"""A small copy of results, to be committed or sent: what tables and figures need, and no more."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.core.errors import StoreError
from benchmarks.core.landmarks import landmarks
from benchmarks.harness.disk.columns import (
    COVERAGE,
    OPTIONAL,
    PREDICTIVE,
    REFERENCES,
    TABLES,
    TUNING,
)
from benchmarks.harness.disk.deltas import as_deltas
from benchmarks.harness.disk.files import make_folder, read_json
from benchmarks.harness.store.copies.following import CELL, Derived, left_out
from benchmarks.harness.store.copies.rounding import SURE, balanced, short
from benchmarks.harness.store.copies.thinning import thinned
from benchmarks.harness.store.kept import DERIVED
from benchmarks.harness.store.ledger import MATRIX, PROVENANCE, RECORDS, Ledger
from benchmarks.harness.store.lock import locked
from benchmarks.harness.store.results import Results, load_results

OUT = re.compile(r" --out(?: |=)(?:'[^']*'|\S+)")
KEPT = "kept_steps"
"""What a published record says of the numbers of steps whose scores it still has, if not of all."""
MEASURED = ("spending", "first_spending", "residuals")
"""What of a record was measured: nine digits of it are published."""


def publish(source: Path, target: Path) -> Results:
    """Copy the results of a folder to another, which may be there already, without its trials.

    Where learners were scored after many numbers of steps, the landmarks of the tables and the
    steps that validation chose are kept; of how sure predictions are, those that decide. Scores
    are right to 1e-3 of themselves, and their mean over the tasks of a trial to far more; those
    that follow from others are worked out again when they are read (`store.copies.following`). Of
    other tables there is as much as figures show (`store.copies.thinning`). A published folder can
    be copied onto itself, to be of this form.

    Returns:
        What the other folder holds now.

    Raises:
        StoreError: nothing is done in `source`, something there is damaged, or `target` has trials
            of its own or holds other results.
        NotKept: the copy cannot be written.
    """
    results = load_results(source)
    if results.damage:
        raise StoreError(results.damage[0])
    if results.scores.empty:
        raise StoreError(f"{source}: no trial is done; `reml status {source}` says more")
    _check_target(source, target, results)
    make_folder(target)
    with locked(target, "run"):
        ledger = Ledger(target)
        kept = {record["trial"]: _kept(record) for record in results.records}
        tables = {it: _at_kept(getattr(results, it), kept) for it in (*TABLES, "tasks")}
        scores = _decisive(tables.pop("scores"), results.records)
        scores, references, derived = _scores(scores, results.records)
        records = [
            _brief(it, kept[it["trial"]], derived.get(it["trial"], ())) for it in results.records
        ]
        files = {f"{name}.parquet": thinned(name, table) for name, table in tables.items()}
        files |= {"scores.parquet": scores, REFERENCES: references, TUNING: results.tuning}
        ledger.write_json(MATRIX, read_json(source / MATRIX))
        ledger.write_text(RECORDS, as_deltas(records))
        ledger.write_json(PROVENANCE, _elsewhere(results.provenance))
        optional = {REFERENCES, TUNING, *(f"{name}.parquet" for name in OPTIONAL)}
        for name, table in files.items():
            if name in optional and table.empty:
                ledger.remove(name)
            else:
                ledger.write_parquet(name, table, small=True)
        ledger.tidy()
    return load_results(target)


def _check_target(source: Path, target: Path, results: Results) -> None:
    if (target / "trials").exists():
        raise StoreError(f"{target}: has trials; expected another folder than that of a run")
    if (target / MATRIX).exists():
        name = load_results(target).name
        if name != results.name:
            raise StoreError(f"{target}: holds results of {name!r}, not of {results.name!r}")
    elif target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise StoreError(f"{target}: expected a new folder, or one that holds published results")


def _elsewhere(value: Any) -> Any:
    """The same without the folder a run wrote to, which is of one machine."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: OUT.sub("", it) if key == "command" and isinstance(it, str) else _elsewhere(it)
        for key, it in value.items()
    }


def _kept(record: Mapping[str, Any]) -> list[int]:
    """The steps that are kept, if those are not all."""
    if KEPT in record:
        return list(record[KEPT])
    steps = record.get("spec", {}).get("protocol", {}).get("steps", ())
    chosen = {int(it) for it in (record.get("chosen_steps") or {}).values()} & set(steps)
    kept = sorted({*landmarks(tuple(steps)), *chosen}) if steps else []
    return kept if len(kept) < len(steps) else []


def _at_kept(table: pd.DataFrame, kept: Mapping[str, list[int]]) -> pd.DataFrame:
    if "trial" not in table or "steps" not in table or not any(kept.values()):
        return table
    wanted = np.ones(len(table), bool)
    steps = table["steps"].to_numpy()
    for trial, mine in kept.items():
        if mine:
            # what is of no step (-1), or a number of steps itself, stands at no landmark
            wanted &= ~table["trial"].eq(trial).to_numpy() | np.isin(steps, [-1, *mine])
    return table[wanted].reset_index(drop=True)


def _decisive(scores: pd.DataFrame, records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """How sure predictions are at the steps that validation chose, or where it is not known there,
    after the most: nothing shows it elsewhere, and it is more than half of the scores.
    """
    chosen = {
        str(it["trial"]): {int(k): int(n) for k, n in (it.get("chosen_steps") or {}).items()}
        for it in records
        if it.get("status") == "done"
    }
    trials = scores["trial"].astype(str)
    at = [
        chosen.get(trial, {}).get(shots)
        for trial, shots in zip(trials, scores["shots"].tolist(), strict=True)
    ]
    choice = pd.Series(at, index=scores.index, dtype="Int64")
    place = [scores["family"].astype(str), scores["protocol"].astype(str), scores["shots"]]
    surely = scores["metric"].isin(PREDICTIVE)
    wanted = ~surely
    for _, rows in scores.groupby(place, sort=False):
        here = rows.index
        mine, steps = choice.loc[here], rows["steps"]
        known = mine.notna().all() and set(mine) <= set(steps[surely.loc[here]])
        wanted.loc[here] |= steps.eq(mine if known else steps.max()).astype(bool)
    return scores[wanted].reset_index(drop=True)


def _scores(
    table: pd.DataFrame, records: Sequence[Mapping[str, Any]]
) -> tuple[pd.DataFrame, pd.DataFrame, Derived]:
    """Those that are stored, what others are held against, and which those are, by trial."""
    own = {it["trial"]: str(it.get("problem", {}).get("metric", "")) for it in records}
    stored, references, derived = left_out(table, own)
    stored = stored.sort_values(["metric", *CELL], ignore_index=True)
    cells = stored.groupby(["metric", *CELL[:3]], observed=True, sort=False).ngroup().to_numpy()
    value = balanced(stored["value"].to_numpy(), cells)
    sure = stored["metric"].isin(set(PREDICTIVE) - {COVERAGE}).to_numpy()
    value[sure] = balanced(stored["value"].to_numpy()[sure], cells[sure], SURE)
    return stored.assign(value=value), short(references), derived


def _brief(record: Mapping[str, Any], kept: list[int], derived: Sequence[str]) -> dict[str, Any]:
    """A record as it is published."""
    told = {key: value for key, value in record.items() if key not in ("traceback", DERIVED)}
    told |= {key: _digits(told[key]) for key in MEASURED if key in told}
    told |= {KEPT: kept} if kept else {}
    told |= {DERIVED: list(derived)} if derived else {}
    brief: dict[str, Any] = _elsewhere(told)
    return brief


def _digits(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, Mapping):
        return {key: _digits(it) for key, it in value.items()}
    return [_digits(it) for it in value] if isinstance(value, list) else value
