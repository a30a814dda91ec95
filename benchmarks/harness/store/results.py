"""Stored results as tables: from the folders of the trials, or from what they were consolidated to.

A results folder always has `matrix.json`, which says what trials there should be. While it also
has `trials/` (which is not published), that is the truth, and the consolidated files follow it.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.core.errors import NotKept, StoreError
from benchmarks.core.kinds import COUNTERS
from benchmarks.harness.disk.columns import (
    OPTIONAL,
    PLACE,
    REFERENCES,
    TABLES,
    TASK_TYPES,
    TUNING_TYPES,
)
from benchmarks.harness.disk.files import fresh_name, make_folder, read_json, write_json
from benchmarks.harness.disk.parting import Parted
from benchmarks.harness.disk.shapes import KEYS, check_provenance, read_matrix
from benchmarks.harness.disk.sums import SUMS, write_sums
from benchmarks.harness.disk.tables import empty, write_tables
from benchmarks.harness.store.complete import without_gaps
from benchmarks.harness.store.folder import ENDED, RESTORING
from benchmarks.harness.store.kept import DERIVED, from_copy, from_published, from_trials
from benchmarks.harness.store.ledger import PROVENANCE, RECORDS, Ledger
from benchmarks.harness.store.lock import held
from benchmarks.harness.store.reading import tuning_in
from benchmarks.harness.store.records import named, provenance_of

SPENDING = (
    *("tasks", "points", *COUNTERS),
    *("seconds", "cpu_seconds", "evaluate_seconds", "validation_seconds", "peak_memory_mb"),
    *("parameters", "adapted_parameters"),
)
NOTES: dict[str, Any] = {
    **{"left_out": {}, "left_out_train": {}, "dropped_rows": 0},
    **{"problem": {}, "transductive": False, "spec": {}, "grouped_by": ""},
    **{"chosen_steps": {}, "chosen_on": {}, "fold": 0, "held_out": {}, "kept": {}},
    **{"spread": "", "tuned": 0},
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
            chose, and how many did), fold (which groups were tested, where there are folds; 0
            otherwise), held_out (how many groups or classes of each split are, and the first of
            them), kept (which state of its training was tested, after how many `tasks`, and what it
            and the last one lost on validation tasks, where a constant guess loses 1; empty where
            nobody looked), spread (whether predictors say how sure they are, "own", or that follows
            from errors on validation tasks, "residual"), tuned (of how many settings its own were
            the best on validation tasks; 0 where none were searched for), and split (test or
            validation: what the protocol scores on).
        scores: one row a test task, metric, shots and steps of each trial that is done; all finite,
            see `benchmarks.harness.evaluation.diverging`. The words in it are categories;
            `group` is "" where a task is an independent draw, and in results of former versions.
        history: the training curves, of trials that failed as far as they came.
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
        tuning: one row for all settings that were tried, see `harness.tuning.outcomes.frame_of`.
        searched: what `matrix.json` says of the search: its rules, and where each study is.
        records: what is known of each trial, in the order of the matrix: its spec, spending,
            provenance.
        damage: what was found damaged, and what follows from that, a sentence each.
        notes: what may mislead in the data, a sentence each.
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
    tuning: pd.DataFrame = field(default_factory=lambda: empty(TUNING_TYPES))
    searched: Mapping[str, Any] = field(default_factory=dict)
    records: Sequence[Mapping[str, Any]] = ()
    damage: Sequence[str] = ()
    notes: Sequence[str] = ()
    made: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What is made of them once, by whoever makes it: tables, figures and findings share it."""


def load_results(directory: Path) -> Results:
    """Read what a results folder holds. What of a trial is damaged makes it a missing one.

    Raises:
        StoreError: it holds no results, or what concerns all trials is damaged.
    """
    matrix = read_matrix(directory)
    load = from_trials if (directory / "trials").is_dir() else from_published
    known, tables, damage = load(directory, matrix)
    tables = without_gaps(directory, known, tables, damage)
    records = named(matrix, known)
    return Results(
        matrix["name"],
        _trials(records, matrix),
        **tables,
        provenance=_provenance_of(directory, records, damage),
        order=tuple(learner["label"] for learner in matrix["learners"]),
        settings=_settings(records, matrix),
        protocols={protocol["label"]: protocol for protocol in matrix["protocols"]},
        title=str(matrix.get("title") or ""),
        tuning=_tuning(directory, damage),
        searched=matrix.get("tuning") or {},
        records=records,
        damage=damage,
        notes=matrix.get("notes") or (),
    )


def _tuning(directory: Path, damage: list[str]) -> pd.DataFrame:
    try:
        return tuning_in(directory)
    except StoreError as error:
        damage.append(f"{error}; left out")
        return empty(TUNING_TYPES)


def with_gaps(directory: Path) -> set[str]:
    """The trials in `trials/` whose scores have gaps; those with checksums were whole when written.

    What is damaged in them is said.
    """
    if all((folder / SUMS).is_file() for folder in directory.glob("trials/[!.]*")):
        return set()
    known, tables, _ = from_trials(directory, read_matrix(directory))
    damage: list[str] = []
    there = set(known)
    without_gaps(directory, known, tables, damage)
    for sentence in damage:
        print(f"reml: {sentence}", file=sys.stderr)
    return there - set(known)


def consolidate(directory: Path) -> Results:
    """Load the results, and bring the consolidated files up to date with `trials/`, if it is there.

    Raises:
        StoreError: as `load_results`.
        NotKept: the files cannot be written.
    """
    results = load_results(directory)
    keep_consolidated(results, directory)
    return results


def keep_consolidated(results: Results, directory: Path) -> None:
    """Bring the consolidated files up to date, where `trials/` is there.

    Raises:
        NotKept: they cannot be written.
    """
    if not (directory / "trials").is_dir():
        return
    ledger = Ledger(directory)
    published = [
        {key: value for key, value in record.items() if key != "traceback"}
        for record in results.records
    ]
    ledger.write_json(RECORDS, published)
    ledger.write_json(PROVENANCE, results.provenance)
    for name in (*TABLES, "tasks"):
        table = getattr(results, name)
        if name in OPTIONAL and table.empty:
            ledger.remove(f"{name}.parquet")
        else:
            ledger.write_parquet(f"{name}.parquet", table)
    ledger.remove(REFERENCES)  # of a published copy that was added to: all scores are there now


def restore(directory: Path) -> None:
    """Make the `trials/` of a published folder again, so that a run adds to what is there.

    Checkpoints are not published and stay missing. Does nothing where `trials/` is there. Nobody
    else writes there meanwhile.

    Raises:
        StoreError: what is there is damaged, or the folder cannot be written.
    """
    with held(directory):
        _restore(directory)


def _restore(directory: Path) -> None:
    if (directory / "trials").is_dir():
        return
    if not (directory / RECORDS).is_file():
        make_folder(directory / "trials")
        return
    known, tables, damage = from_copy(directory)
    for sentence in damage:
        print(f"reml: {sentence}", file=sys.stderr)
    try:
        unfinished = directory / fresh_name(RESTORING)
        unfinished.mkdir()
        parted = Parted(tables)
        for trial, record in known.items():
            if record["status"] not in ENDED:
                continue
            folder = unfinished / trial
            folder.mkdir()
            if record["status"] == "done":
                write_tables(folder, parted.of(record))
            whole = {key: value for key, value in record.items() if key != DERIVED}
            write_json(folder / "trial.json", whole)
            write_sums(folder)
        unfinished.rename(directory / "trials")
    except OSError as error:
        raise NotKept(f"{directory}: cannot be written ({error.strerror})") from None


def _provenance_of(
    directory: Path, records: list[dict[str, Any]], damage: list[str]
) -> dict[str, Any]:
    path = directory / PROVENANCE
    if (directory / "trials").is_dir() or not path.exists():
        return provenance_of(records)
    try:
        Ledger(directory).check(PROVENANCE)
        return check_provenance(path, read_json(path))
    except StoreError as error:
        damage.append(f"{error}; the latest trial's is shown")
        return provenance_of(records)


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
        if record.get("spec")
    }
    return {
        learner["label"]: Settings(
            learner.get("name", learner["label"]), fields.get(learner["label"], {})
        )
        for learner in matrix["learners"]
    }
