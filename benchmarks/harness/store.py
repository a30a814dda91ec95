"""Stored results as tables: from the folders of the trials, or from what they were consolidated to.

A results folder always has `matrix.json`, which says what trials there should be. While it also
has `trials/` (which is not published), that is the truth, and the consolidated files follow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.core.budget import COUNTERS
from benchmarks.core.errors import StoreError
from benchmarks.harness.files import fresh_name, read_json, write_json
from benchmarks.harness.folder import ENDED, KEYS, ResultsFolder, read_matrix
from benchmarks.harness.frames import empty
from benchmarks.harness.reading import (
    TABLES,
    gather,
    gather_tasks,
    published,
    published_tasks,
)
from benchmarks.harness.task_names import PLACE, TASK_TYPES
from benchmarks.harness.trial import write_tables

SPENDING = (
    *("tasks", "points", *COUNTERS),
    *("seconds", "cpu_seconds", "evaluate_seconds", "peak_memory_mb", "parameters"),
    "adapted_parameters",
)
NOTES: dict[str, Any] = {
    **{"left_out": {}, "left_out_train": {}, "dropped_rows": 0},
    **{"problem": {}, "transductive": False, "spec": {}, "grouped_by": ""},
    **{"chosen_steps": {}, "chosen_on": {}},
}
"""What a record says of its data, and what a record says that is silent about it."""


@dataclass(frozen=True)
class Settings:
    """What a learner's label stands for.

    Attributes:
        name: the learner or preset that the matrix names.
        fields: every field of the learner, defaults included; empty while no trial has ended.
    """

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """All that a matrix has produced so far.

    Attributes:
        name: the matrix.
        trials: one row a trial of the matrix: trial, family, protocol, learner, seed, privileged,
            status (done, cannot, failed or missing), reason, one column for each kind of spending,
            left_out and left_out_train (shots to number of tasks), dropped_rows (of the data),
            problem, transductive, spec (all that its scores depend on, empty while it has not
            ended), grouped_by (what a group of test tasks is called; "" where tasks are independent
            draws), chosen_steps and chosen_on (by shots, the number of steps that validation tasks
            chose, and how many did), and split (test or validation: what the protocol scores on).
        scores: one row a test task, metric, shots and steps of each trial that is done; all finite,
            see `benchmarks.harness.diverging`. The words in it are categories; `group` is "" where
            a task is an independent draw, and in results of former versions.
        history: the training curves.
        curves: the fitted curves of the first test tasks.
        diagnostics: what the learners decided for each test task; see `Evaluation`.
        confusion: which class was called which; see `Evaluation`.
        episodes: pictures of the first test tasks with predictions; see `Evaluation`.
        provenance: of the latest trial; `commits` names all commits that took part.
        order: the labels of the learners, as the matrix file orders them.
        settings: by label, what the learners are.
        protocols: by label, what the protocols are: their `[[protocol]]` tables.
        title: what the matrix says of itself in a line; may be empty.
        tasks: for each family, protocol and shots, what the test tasks are called and which group
            each is of; nothing of tasks without names.
    """

    name: str
    trials: pd.DataFrame
    scores: pd.DataFrame
    history: pd.DataFrame
    curves: pd.DataFrame
    diagnostics: pd.DataFrame
    confusion: pd.DataFrame
    episodes: pd.DataFrame
    provenance: dict[str, Any]
    order: tuple[str, ...]
    settings: Mapping[str, Settings]
    protocols: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    title: str = ""
    tasks: pd.DataFrame = field(default_factory=lambda: empty(PLACE | TASK_TYPES))


def load_results(directory: Path) -> Results:
    """Read what a results folder holds.

    Raises:
        StoreError: it holds no results, or they are damaged.
    """
    matrix = read_matrix(directory)
    order = tuple(learner["label"] for learner in matrix["learners"])
    records = load_records(directory)
    if (directory / "trials").is_dir():
        tables = {name: gather(directory, records, name) for name in TABLES}
        tasks = gather_tasks(directory, records)
        provenance = _provenance(records)
    else:
        tables = {name: published(directory, name) for name in TABLES}
        tasks = published_tasks(directory)
        provenance = read_json(directory / "provenance.json")
    return Results(
        matrix["name"],
        _trials(records, matrix),
        **tables,
        provenance=provenance,
        order=order,
        settings=_settings(records, matrix),
        protocols={protocol["label"]: protocol for protocol in matrix["protocols"]},
        title=str(matrix.get("title") or ""),
        tasks=tasks,
    )


def load_records(directory: Path) -> list[dict[str, Any]]:
    """What is known of each trial, in the order of the matrix: its spec, spending, provenance.

    Raises:
        StoreError: the folder holds no results, or they are damaged.
    """
    if (directory / "trials").is_dir():
        return _records(directory, read_matrix(directory))
    return read_json(directory / "trials.json")


def consolidate(directory: Path) -> Results:
    """Load the results, and bring the consolidated files up to date with `trials/`, if it is there.

    Raises:
        StoreError: the folder holds no results, or cannot be written.
    """
    results = load_results(directory)
    if (directory / "trials").is_dir():
        published = [
            {key: value for key, value in record.items() if key != "traceback"}
            for record in load_records(directory)
        ]
        write_json(directory / "trials.json", published)
        write_json(directory / "provenance.json", results.provenance)
        write_tables(directory, {name: getattr(results, name) for name in (*TABLES, "tasks")})
    return results


def restore(directory: Path) -> None:
    """Make the `trials/` of a published folder again, so that a run adds to what is there.

    Checkpoints are not published and stay missing. Does nothing where `trials/` is there.

    Raises:
        StoreError: what is there is damaged, or the folder cannot be written.
    """
    if (directory / "trials").is_dir() or not (directory / "trials.json").is_file():
        return
    tables = {name: published(directory, name) for name in TABLES}
    tasks = published_tasks(directory)
    try:
        unfinished = directory / fresh_name(".restoring-")
        unfinished.mkdir()
        for record in read_json(directory / "trials.json"):
            if record["status"] not in ENDED:
                continue
            folder = unfinished / record["trial"]
            folder.mkdir()
            if record["status"] == "done":
                met = tasks[list(PLACE)].eq([record[key] for key in PLACE]).all(axis=1)
                write_tables(
                    folder,
                    {
                        **{
                            name: table[table["trial"] == record["trial"]].drop(columns=list(KEYS))
                            for name, table in tables.items()
                        },
                        "tasks": tasks[met].drop(columns=list(PLACE)),
                    },
                )
            write_json(folder / "trial.json", record)
        unfinished.rename(directory / "trials")
    except OSError as error:
        raise StoreError(f"{directory}: cannot be written ({error.strerror})") from None


def _records(directory: Path, matrix: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One record a trial, in the order of the matrix; labels are the matrix's, it may be newer."""
    folder = ResultsFolder(directory)
    unknown = {"status": "missing"}
    return [unknown | (folder.record(row["trial"]) or {}) | row for row in matrix["trials"]]


def _trials(records: list[dict[str, Any]], matrix: Mapping[str, Any]) -> pd.DataFrame:
    splits = {protocol["label"]: protocol["split"] for protocol in matrix["protocols"]}
    rows = [
        {key: record[key] for key in KEYS}
        | {"status": record["status"], "reason": record.get("reason")}
        | {name: record.get("spending", {}).get(name) for name in SPENDING}
        | {key: record.get(key, default) for key, default in NOTES.items()}
        | {"split": splits.get(record["protocol"], "test")}
        for record in records
    ]
    columns = [*KEYS, "status", "reason", *SPENDING, *NOTES, "split"]
    return pd.DataFrame(rows, columns=columns).astype(KEYS | dict.fromkeys(SPENDING, "float64"))


def _settings(records: list[dict[str, Any]], matrix: Mapping[str, Any]) -> dict[str, Settings]:
    fields = {
        record["learner"]: record["spec"]["learner"]["fields"]
        for record in records
        if "spec" in record
    }
    return {
        learner["label"]: Settings(
            learner.get("name", learner["label"]), fields.get(learner["label"], {})
        )
        for learner in matrix["learners"]
    }


def _provenance(records: list[dict[str, Any]]) -> dict[str, Any]:
    known = [record["provenance"] for record in records if record.get("provenance")]
    if not known:
        return {}
    latest = max(known, key=lambda provenance: provenance["started"])
    return {
        **latest,
        "dirty": any(provenance["dirty"] for provenance in known),
        "commits": sorted({provenance["commit"] or "none" for provenance in known}),
    }
