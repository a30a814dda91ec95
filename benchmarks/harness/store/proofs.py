"""What is stored of test tasks proves that they are those which were drawn again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.core import TaskBatch, TaskFamily
from benchmarks.core.errors import StoreError
from benchmarks.core.protocol import Protocol
from benchmarks.harness.evaluation.confusion import class_names
from benchmarks.harness.evaluation.episodes import EPISODES, names_in
from benchmarks.harness.evaluation.evaluator import evaluate, score
from benchmarks.harness.evaluation.fits import CURVE_TASKS, DATA, own_units, points_of
from benchmarks.harness.evaluation.tested import fit_reference
from benchmarks.harness.plan.matrix import Entry
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_learner
from benchmarks.harness.store.results import Results

CLOSE = 1e-6
CENTROIDS = "nearest_centroid"


@dataclass(frozen=True)
class Stored:
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
