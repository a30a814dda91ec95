"""A small copy of results, to be committed or sent: what tables and figures need, and no more."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.core.errors import StoreError
from benchmarks.core.landmarks import landmarks
from benchmarks.harness.disk.columns import OPTIONAL, TABLES, TUNING
from benchmarks.harness.disk.files import make_folder, read_json
from benchmarks.harness.store.ledger import MATRIX, PROVENANCE, RECORDS, Ledger
from benchmarks.harness.store.lock import locked
from benchmarks.harness.store.reading import DERIVED, RMSE
from benchmarks.harness.store.results import Results, load_results

OUT = re.compile(r" --out(?: |=)(?:'[^']*'|\S+)")
KEPT = "kept_steps"
"""What a published record says of the numbers of steps whose scores it still has, if not of all."""


def publish(source: Path, target: Path) -> Results:
    """Copy the results of a folder to another, which may be there already, without its trials.

    Where learners were scored after many numbers of steps, the landmarks of the tables and the
    steps that validation chose are kept. Numbers are right to 2e-5 of themselves; the root of one
    that is there is worked out again when it is read. Curves are those of the first seed.

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
        rooted = _rooted(results.scores)
        records = [
            {key: value for key, value in record.items() if key != "traceback"}
            | ({KEPT: kept[record["trial"]]} if kept[record["trial"]] else {})
            | ({DERIVED: [RMSE]} if record["trial"] in rooted else {})
            for record in results.records
        ]
        ledger.write_text(MATRIX, _narrow(read_json(source / MATRIX)))
        ledger.write_text(RECORDS, _narrow([_elsewhere(record) for record in records]))
        ledger.write_json(PROVENANCE, _elsewhere(results.provenance))
        for name in (*TABLES, "tasks"):
            table = getattr(results, name)
            if name == "scores":
                table = table[~(table["metric"].eq(RMSE) & table["trial"].isin(rooted))]
            elif name == "curves" and len(table):
                table = table[table["seed"] == table["seed"].min()]
            if name in OPTIONAL and table.empty:
                ledger.remove(f"{name}.parquet")
                continue
            ledger.write_parquet(f"{name}.parquet", _short(_at_kept(table, kept)))
        if results.tuning.empty:
            ledger.remove(TUNING)
        else:
            ledger.write_parquet(TUNING, results.tuning)
        ledger.tidy()
    return load_results(target)


def _check_target(source: Path, target: Path, results: Results) -> None:
    if target.resolve() == source.resolve() or (target / "trials").exists():
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


def _rooted(scores: pd.DataFrame) -> set[str]:
    """The trials of which each RMSE is the root of the MSE beside it."""
    found, cell = set(), ["shots", "steps", "task", "draw"]
    both = scores[scores["metric"].isin(["mse", RMSE])]
    for trial, mine in both.groupby("trial", observed=True):
        wide = mine.pivot(index=cell, columns="metric", values="value")
        if {"mse", RMSE} <= set(wide) and np.allclose(wide["mse"] ** 0.5, wide[RMSE], rtol=1e-6):
            found.add(str(trial))
    return found


def _short(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers of single precision without the last eight bits, which compress to nothing."""
    return table.assign(
        **{str(it): _rounded(table[it]) for it in table if table[it].dtype == "float64"}
    )


def _rounded(column: pd.Series) -> np.ndarray:
    single = column.to_numpy(dtype="float32", copy=True)
    bits = single.view("uint32")
    finite = np.isfinite(single) & (np.abs(single) < np.finfo("float32").max / 2)
    bits[finite] = (bits[finite] + np.uint32(0x80)) & np.uint32(0xFFFFFF00)
    return single


def _narrow(value: Any) -> str:
    """One line for each row of a list, so that changes can still be read."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(it, ensure_ascii=False) for it in value) + "\n]\n"
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"
