"""Whether the stored scores of trials are all there: a file can be sound, and lack half of them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.core.protocol import MOST_POINTS
from benchmarks.harness.disk.columns import TABLES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.store.records import MISSING

COMPARED = ["family", "protocol", "fold", "shots"]
_SIZES = empty({"trial": "str", "shots": "int64", "tasks": "int64", "draws": "int64"})
_CELLS = empty(
    {
        "trial": "str",
        "metric": "str",
        "shots": "int64",
        "steps": "int64",
        "rows": "int64",
        "first": "int64",
    }
)
LARGEST = 2**62
"""No number of a combination is greater."""
ROWS = 500_000
"""That many are looked at together, and the rest of the trial that they end in."""
CELL = ["trial", "metric", "shots", "steps"]


def without_gaps(
    directory: Path,
    known: dict[str, dict[str, Any]],
    tables: dict[str, pd.DataFrame],
    damage: list[str],
) -> dict[str, pd.DataFrame]:
    """The tables without the trials whose scores have gaps; those are known no longer."""
    found = gaps(tables["scores"], known)
    for trial, what in sorted(found.items()):
        place = directory / "trials" / trial
        path = (place if place.exists() else directory) / "scores.parquet"
        damage.append(f"{path}: not all scores of trial {trial} are there ({what}){MISSING}")
        del known[trial]
    if not found:
        return tables
    return {it: only(table, known) if it in TABLES else table for it, table in tables.items()}


def only(table: pd.DataFrame, trials: Collection[str]) -> pd.DataFrame:
    table = table[table["trial"].isin(trials)].reset_index(drop=True)
    words = table.select_dtypes("category")
    return table.assign(**{str(it): words[it].cat.remove_unused_categories() for it in words})


def gaps(scores: pd.DataFrame, records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What is wrong with the scores of trials that are done, by trial; nothing of those all there.

    In each cell (a metric at some shots and steps) there is one row for each draw of each test
    task, and these are counted from 0 in each fold. There are as many tasks as in most trials of
    the same comparison. Of the trial's protocol, each number of steps has scores in the problem's
    metric.
    """
    done = [it for it, record in records.items() if record["status"] == "done"]
    sizes, counted, found = [_SIZES], [_CELLS], dict[str, str]()
    for part in _some_at_once(scores[[*CELL, "task", "draw"]]):
        rows, twice = _counted(part)
        by_shots = rows.groupby(["trial", "shots"])
        there = by_shots.agg(tasks=("last", "max"), draws=("draws", "max"))
        sizes.append(there.add(1).reset_index())
        counted.append(rows[list(_CELLS)])
        found |= dict.fromkeys(twice, "a task is scored twice")
    size, cells = (pd.concat(it, ignore_index=True) for it in (sizes, counted))
    size["start"] = [first_task(records[it]) for it in size["trial"]]
    size["tasks"] -= size["start"]
    known = [[str(records[it].get(key, "")) for key in COMPARED[:3]] for it in size["trial"]]
    size[COMPARED[:3]] = pd.DataFrame(known, index=size.index, columns=COMPARED[:3])
    size["most"] = np.minimum(size["tasks"], [_planned(records[it]) for it in size["trial"]])
    size["most"] = size.groupby(COMPARED)["most"].transform(lambda it: it.mode().max())
    cells = cells.merge(size, on=["trial", "shots"])
    wrong = cells["rows"] != cells["most"] * cells["draws"]
    cells["first"] -= cells["start"]
    wrong |= (cells[["shots", "steps", "first"]] < 0).any(axis=1)
    cells["expected"] = cells["most"] * cells["draws"]
    told_of = [*CELL, "rows", "expected"]
    for trial, metric, shots, steps, rows, expected in cells.loc[wrong, told_of].to_numpy():
        told = f"{rows} rows of {metric} at {shots} shots, {steps} steps, where {expected} belong"
        found.setdefault(str(trial), told)
    own: dict[str, list[tuple[str, int, int]]] = {}
    for trial, *cell in zip(*(cells[it].tolist() for it in CELL), strict=True):
        own.setdefault(trial, []).append(tuple(cell))
    return found | {
        it: what for it in done if it not in found and (what := _lacks(own.get(it), records[it]))
    }


def _counted(scores: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Of each cell its rows, first and last task and last draw; whose tasks are scored twice."""
    words = {it: scores[it].cat for it in ("trial", "metric")}
    names = {it: word.categories for it, word in words.items()}
    codes = {it: words[it].codes if it in words else scores[it] for it in (*CELL, "task", "draw")}
    columns = {it: column.to_numpy(np.int64) for it, column in codes.items()}
    cell = pd.factorize(_numbered([columns[it] for it in CELL]))[0]
    n = int(cell.max(initial=-1)) + 1
    some, last, draws = np.empty(n, np.int64), np.full(n, -1), np.full(n, -1)
    some[cell] = np.arange(len(cell))
    np.maximum.at(last, cell, columns["task"])
    np.maximum.at(draws, cell, columns["draw"])
    first = last.copy()
    np.minimum.at(first, cell, columns["task"])
    place = {it: columns[it][some] for it in CELL}
    order = np.lexsort([place[it] for it in reversed(CELL)])
    told = {it: names[it].to_numpy()[place[it]] if it in names else place[it] for it in CELL}
    told |= {"rows": np.bincount(cell, minlength=n), "first": first, "last": last, "draws": draws}
    rows = pd.DataFrame(told).take(order).astype({"trial": "str", "metric": "str"})
    score = pd.Series(_numbered([cell, columns["task"], columns["draw"]]))
    again = scores["trial"].to_numpy()[score.duplicated()] if not score.is_unique else ()
    return rows, [*map(str, dict.fromkeys(again))]


def _numbered(columns: Sequence[np.ndarray]) -> np.ndarray:
    """One number for each combination."""
    found, n = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        low = int(column.min(initial=0))
        width = int(column.max(initial=0)) - low + 1
        if n * width > LARGEST:
            found, column = (np.unique(it, return_inverse=True)[1] for it in (found, column))
            low, n, width = 0, int(found.max()) + 1, int(column.max()) + 1
        found, n = found * width + (column - low), n * width
    return found


def _some_at_once(scores: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The rows of some trials each time: all at once take a gigabyte."""
    codes = scores["trial"].cat.codes.to_numpy()
    ends = np.bincount(codes, minlength=len(scores["trial"].cat.categories)).cumsum()
    blocks = ends // ROWS
    if len(np.unique(blocks)) < 2:
        yield scores
        return
    block = blocks[codes]
    for number in np.unique(blocks):
        if (here := block == number).any():
            yield scores[here]


def first_task(record: Mapping[str, Any]) -> int:
    """The number of a trial's first test task; those of each fold follow on the fold before."""
    return int(record.get("fold") or 0) * _planned(record)


def _planned(record: Mapping[str, Any]) -> int:
    tasks = record.get("spec", {}).get("protocol", {}).get("tasks")
    return tasks if isinstance(tasks, int) else MOST_POINTS


def _lacks(cells: Iterable[tuple[str, int, int]] | None, record: Mapping[str, Any]) -> str:
    """What of a trial is not there, by the metric, shots and steps of its cells."""
    if cells is None:
        return "it has no row"
    metric = record.get("problem", {}).get("metric")
    there = [it for it in cells if it[0] == metric or not metric]
    rules = record.get("spec", {}).get("protocol", {})
    shots = {it[1] for it in there}
    if shots - set(rules.get("shots", shots)):
        return "it has other shots than the trial"
    expected = record.get("kept_steps") or rules.get("steps", ())
    lacking = sorted(set(expected) - {it[2] for it in there})
    return f"nothing at {lacking[0]} steps" if lacking else ""
