"""Names and groups of the test tasks of results that were stored without them.

Test tasks are deterministic, so they are drawn again; what is stored of them proves that they are
the same before anything is written.
"""

from collections.abc import Iterator, Mapping
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
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.shapes import read_matrix
from benchmarks.harness.disk.sums import SUMS, write_sums
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.evaluation.confusion import class_names
from benchmarks.harness.evaluation.episodes import EPISODES, names_in
from benchmarks.harness.evaluation.evaluator import draw_test_tasks, evaluate, score
from benchmarks.harness.evaluation.fits import CURVE_TASKS, DATA, own_units, points_of
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.evaluation.task_names import held_out
from benchmarks.harness.evaluation.tested import fit_reference
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_learner, resolve_family
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.lock import locked
from benchmarks.harness.store.results import Results, consolidate, load_results

CLOSE = 1e-6
CENTROIDS = "nearest_centroid"


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
            mine = _Stored(directory, results, str(label), str(name), shots, list(trials["trial"]))
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


@dataclass(frozen=True)
class _Stored:
    """What is stored of the test tasks of one family, protocol and number of shots."""

    directory: Path
    results: Results
    family: str
    protocol: str
    shots: int
    trials: list[str]

    def proofs(
        self,
        batch: TaskBatch,
        family: TaskFamily,
        protocol: Protocol,
        identity: str,
        registry: Registry,
    ) -> Iterator[str]:
        """What is the same, in words.

        Raises:
            StoreError: something is not.
        """
        if family.problem.kind == "regression":
            yield from self._variances(batch, family)
            yield from self._points(batch, family)
        else:
            yield from self._classes(batch, family, protocol)
            yield from self._centroids(family, protocol, identity, registry)

    def _variances(self, batch: TaskBatch, family: TaskFamily) -> Iterator[str]:
        """The NMSE is the MSE divided by what each task's targets vary by."""
        scores = self._of(self.results.scores)
        wide = scores[scores["trial"] == self.trials[0]].pivot_table(
            index=["task", "steps"], columns="metric", values="value", observed=True
        )
        if not {"mse", "nmse"} <= {*wide}:
            return
        wide = wide[(wide["mse"] > 0) & np.isfinite(wide["mse"]) & (wide["nmse"] > 0)]
        stored = (wide["mse"] / wide["nmse"]).groupby("task").first()
        again = score(torch.zeros_like(batch.query.y), batch, family.problem)
        drawn = (again["mse"] / again["nmse"]).numpy()
        if scores["task"].max() + 1 != len(batch):
            self._refuse(f"{scores['task'].max() + 1} tasks were scored, and {len(batch)} drawn")
        self._demand("variance", stored.to_numpy(), drawn[stored.index.to_numpy()])
        yield f"the variances of {len(stored)} tasks"

    def _points(self, batch: TaskBatch, family: TaskFamily) -> Iterator[str]:
        curves = self._of(self.results.curves)
        data = curves[(curves["trial"] == self.trials[0]) & (curves["steps"] == DATA)]
        data = data[data["output"] == 0]
        for task in range(min(CURVE_TASKS, len(batch)) if len(data) else 0):
            for kind, x, y in points_of(batch, task):
                rows = data[(data["task"] == task) & (data["kind"] == kind)]
                drawn = [it.numpy() for it in own_units(x, y, family.problem)]
                for axis, values in zip(("x", "y"), drawn, strict=True):
                    self._demand(f"{kind} {axis} of task {task}", rows[axis].to_numpy(), values)
        if len(data):
            yield f"{len(data)} points"

    def _classes(self, batch: TaskBatch, family: TaskFamily, protocol: Protocol) -> Iterator[str]:
        names = class_names(family, protocol.split)
        episodes = self._of(self.results.episodes)
        shown = episodes[
            (episodes["trial"] == self.trials[0]) & (episodes["kind"] == "support")
        ].sort_values(["task", "label"])
        for task in range(min(EPISODES, len(batch)) if len(shown) else 0):
            stored = shown.loc[shown["task"] == task, "name"].tolist()
            drawn = names_in(batch, task, names)
            if stored != drawn:
                self._refuse(f"task {task} had the classes {stored}, and has {drawn}")
        if len(shown):
            yield f"{len(shown)} classes"

    def _centroids(
        self, family: TaskFamily, protocol: Protocol, identity: str, registry: Registry
    ) -> Iterator[str]:
        """A learner without training gets the scores it got."""
        trials = self.results.trials
        mine = trials[trials["trial"].isin(self.trials)]
        for trial, spec in zip(mine["trial"], mine["spec"], strict=True):
            if spec["learner"]["name"] != CENTROIDS:
                continue
            learner = make_learner(Entry(CENTROIDS, CENTROIDS, {}), registry)
            fit_reference(learner, family, 0, "cpu")
            asked = protocol.model_copy(
                update={"shots": (self.shots,), "steps": protocol.steps[:1]}
            )
            again = evaluate(learner, family, identity, asked).scores
            scores = self._of(self.results.scores)
            first = (scores["trial"] == trial) & (scores["steps"] == protocol.steps[0])
            stored = scores[first & (scores["metric"] == "accuracy")].sort_values("task")
            drawn = again.sort_values("task")["value"].to_numpy()
            self._demand(f"accuracy of {CENTROIDS}", stored["value"].to_numpy(), drawn)
            yield f"the scores of {CENTROIDS} on {len(stored)} tasks"
            return

    def _of(self, table: pd.DataFrame) -> pd.DataFrame:
        return table[table["trial"].isin(self.trials) & (table["shots"] == self.shots)]

    def _demand(self, what: str, stored: np.ndarray, drawn: np.ndarray) -> None:
        if stored.shape != drawn.shape or not np.allclose(stored, drawn, rtol=CLOSE, atol=CLOSE):
            self._refuse(f"their {what} is another")

    def _refuse(self, why: str) -> None:
        raise StoreError(
            f"{self.directory}: the test tasks of {self.family!r} under {self.protocol!r} at "
            f"{self.shots} shots are not those that were scored ({why}); the data or "
            "the family have changed since"
        )


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
        records = read_json(directory / "trials.json")
        ledger.write_json("trials.json", [_said(record, found) for record in records])
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
