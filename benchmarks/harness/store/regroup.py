"""Names and groups of the test tasks of results that were stored without them.

Test tasks are deterministic, so they are drawn again; what is stored of them proves that they are
the same before anything is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.core import Budget, TaskBatch, TaskFamily
from benchmarks.core.errors import MatrixError, StoreError
from benchmarks.core.protocol import Protocol
from benchmarks.harness.disk.columns import PLACE, TASK_TYPES
from benchmarks.harness.disk.deltas import as_deltas, whole
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.shapes import read_matrix
from benchmarks.harness.disk.sums import SUMS, write_sums
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.evaluation.evaluator import draw_test_tasks
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.evaluation.task_names import held_out
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import resolve_family
from benchmarks.harness.store.ledger import RECORDS, Ledger
from benchmarks.harness.store.lock import locked
from benchmarks.harness.store.proofs import Stored
from benchmarks.harness.store.results import Results, consolidate, load_results


@dataclass(frozen=True)
class Redrawn:
    """The test tasks of one family, protocol and number of shots, drawn once more.

    Attributes:
        proof: what is stored of them and was found to be the same, in words.
    """

    family: str
    protocol: str
    shots: int
    batch: TaskBatch
    grouped_by: str
    held_out: Mapping[str, Any]
    proof: str


def redraw(directory: Path, registry: Registry) -> tuple[Results, list[Redrawn]]:
    """Draw all test tasks of a results folder again that have names or groups not yet stored.

    Raises:
        StoreError: they are not those that were scored, or nothing is stored that could tell; or
            a protocol tests on two families.
        DataError: the data cannot be read.
    """
    results = load_results(directory)
    matrix = read_json(directory / "matrix.json")
    fields = {
        it["label"]: Entry(it["name"], it["label"], it["fields"]) for it in matrix["families"]
    }
    found = []
    done = results.trials[results.trials["status"] == "done"]
    known = set(results.tasks[list(PLACE)].itertuples(index=False, name=None))
    for (label, name), trials in done.groupby(["family", "protocol"], sort=True):
        if (label, name) in known:
            continue
        rules = results.protocols[str(name)]
        (tested, *_) = rules.get("on") or [str(label)]
        spec = next(iter(trials["spec"]))
        family = _built(directory, fields[tested], registry)
        protocol = _protocol(spec["protocol"], rules, registry)
        identity = dumps(spec["protocol"].get("other", spec["family"]), sort_keys=True)
        if (
            len(protocol.tests_on) > 1
            and family.sample(1, protocol.split, torch.Generator(), shots=1).groups
        ):
            raise StoreError(
                f"{directory}: protocol {name!r} tests on two families; such results cannot be "
                "grouped afterwards, only run again"
            )
        for shots in protocol.shots:
            batch = draw_test_tasks(family, identity, protocol, shots)
            if not (batch.names or batch.groups):
                continue
            mine = Stored(directory, results, str(label), str(name), shots, list(trials["trial"]))
            proof = " and ".join(mine.proofs(batch, family, protocol, identity, registry))
            if not proof:
                raise StoreError(
                    f"{directory}: nothing is stored of the test tasks of {label!r} under {name!r} "
                    f"at {shots} shots that could prove which they were"
                )
            grouped_by = getattr(family, "grouped_by", "")
            found.append(
                Redrawn(str(label), str(name), shots, batch, grouped_by, held_out(family), proof)
            )
    return results, found


def _built(directory: Path, entry: Entry, registry: Registry) -> TaskFamily:
    matrix = Matrix(directory / "matrix.json", "", "", (), Budget(tasks=0), (), (), ())
    family: TaskFamily = resolve_family(matrix, entry, registry).built
    return family


def _protocol(spec: Mapping[str, Any], rules: Mapping[str, Any], registry: Registry) -> Protocol:
    """From a trial's identity, which has other families as they are, and the matrix, by label."""
    cls: type[Protocol] = registry.find("protocol", spec["kind"]).cls
    keys = cls.model_fields.keys()
    known = {key: it for key, it in spec.items() if key in keys - cls.names}
    named = {key: it for key, it in rules.items() if key in keys & cls.names}
    try:
        return cls.model_validate({**known, **named})
    except ValueError as error:
        raise MatrixError(f"a stored protocol is none of this version ({error})") from None


def regroup(directory: Path, registry: Registry) -> list[Redrawn]:
    """Write the names and groups of test tasks beside the scores of a results folder.

    Returns:
        The tasks that have any.

    Raises:
        StoreError, DataError: see `redraw`; nothing is written then.
    """
    read_matrix(directory)
    with locked(directory, "run"):
        found = _regroup(directory, registry)
        Ledger(directory).tidy()
    return found


def _regroup(directory: Path, registry: Registry) -> list[Redrawn]:
    results, found = redraw(directory, registry)
    if results.damage:
        raise StoreError(results.damage[0])
    if not found:
        return []
    trials = directory / "trials"
    if not trials.is_dir():
        ledger = Ledger(directory)
        ledger.write_parquet("scores.parquet", _grouped(results.scores, found))
        ledger.write_parquet("tasks.parquet", _tasks(found))
        records = whole(read_json(directory / RECORDS))
        ledger.write_text(RECORDS, as_deltas([_said(record, found) for record in records]))
        return found
    for trial in results.trials.loc[results.trials["status"] == "done", "trial"]:
        folder = trials / trial
        record = read_json(folder / "trial.json")
        mine = [it for it in found if (it.family, it.protocol) == _place(record)]
        if mine:
            scores = pd.read_parquet(folder / "scores.parquet")
            keyed = scores.assign(group="", **{key: record[key] for key in PLACE})
            grouped = scores.assign(group=_grouped(keyed, mine)["group"].astype("str"))
            write_parquet(folder / "scores.parquet", grouped)
            write_parquet(folder / "tasks.parquet", _tasks(mine).drop(columns=list(PLACE)))
            write_json(folder / "trial.json", _said(record, found))
            if (folder / SUMS).exists():
                write_sums(folder)
    consolidate(directory)
    return found


def _grouped(scores: pd.DataFrame, found: list[Redrawn]) -> pd.DataFrame:
    groups = scores["group"].astype("object").to_numpy(copy=True)
    for it in found:
        mine = (
            (scores["family"] == it.family)
            & (scores["protocol"] == it.protocol)
            & (scores["shots"] == it.shots)
        ).to_numpy()
        if it.batch.groups:
            groups[mine] = np.array(it.batch.groups, object)[scores["task"].to_numpy()[mine]]
    return scores.assign(group=pd.Categorical(groups, sorted(set(groups))))


def _tasks(found: list[Redrawn]) -> pd.DataFrame:
    table = Columns(PLACE | TASK_TYPES)
    for it in found:
        nothing = [""] * len(it.batch)
        table.add(
            family=it.family,
            protocol=it.protocol,
            shots=it.shots,
            task=range(len(it.batch)),
            name=it.batch.names or nothing,
            group=it.batch.groups or nothing,
        )
    return table.frame()


def _said(record: dict[str, Any], found: list[Redrawn]) -> dict[str, Any]:
    said = [it for it in found if (it.family, it.protocol) == _place(record)]
    if not said:
        return record
    return {**record, "grouped_by": said[0].grouped_by, "held_out": said[0].held_out}


def _place(record: Mapping[str, Any]) -> tuple[str, str]:
    return record["family"], record["protocol"]
