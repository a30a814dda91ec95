"""One trial: train under the budget, score the test tasks, write what came out to a folder."""

import random
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.core import (
    BudgetedSource,
    MetaLearner,
    Split,
    State,
    TaskFamily,
    generator_of,
    seed_of,
)
from benchmarks.core.budget import COUNTERS, HistoryRow
from benchmarks.harness.evaluator import OPTIONAL, Evaluation, evaluate
from benchmarks.harness.expand import TrialSpec, make_family, make_learner
from benchmarks.harness.files import read_json, remove, write_json, write_parquet
from benchmarks.harness.frames import empty
from benchmarks.harness.registry import Registry, first_line

HISTORY_TYPES = {"tasks": "int64", "seconds": "float64", "metric": "str", "value": "float64"}
TRAINING_SPENDS = ("tasks", "points", *COUNTERS, "seconds", "cpu_seconds", "peak_memory_mb")

Report = Callable[[float, str], None]
"""Called with the fraction of the trial that is done and the latest numbers."""


def run_trial(
    spec: TrialSpec,
    registry: Registry,
    folder: Path,
    *,
    device: str = "cpu",
    provenance: Mapping[str, Any] | None = None,
    report: Report = lambda fraction, text: None,
    trained: Path | None = None,
) -> dict[str, Any]:
    """Run one trial and write it to `folder`; whatever the learner raises becomes a failure.

    `trained` is the folder of a trial with the same training: its learner is taken over, with its
    history and what its training has spent, instead of training the same again.

    Returns:
        The record written to `trial.json`.
    """
    record = blank_record(spec, provenance or {})
    protocol = spec.protocol
    trial = _Trial(spec, registry, device, report)
    try:
        trial.run(trained)
    except (Exception, SystemExit) as error:
        record |= {
            "status": "failed",
            "reason": f"{type(error).__name__}: {first_line(error)}",
            "traceback": traceback.format_exc(),
            "spending": trial.spending(),
        }
    else:
        record |= {
            "status": "done",
            "spending": trial.spending(),
            "left_out": trial.left_out(protocol.split),
            "left_out_train": trial.left_out("train"),
            "dropped_rows": getattr(trial.family, "dropped_rows", 0),
            "problem": asdict(trial.family.problem),
            "transductive": bool(getattr(trial.learner, "transductive", False)),
            "trained_by": spec.id if trained is None else trained.name,
        }
        write_tables(folder, {**trial.evaluation._asdict(), "history": trial.history})
        torch.save(_on_cpu(trial.learner.state()), folder / "learner.pt")
    write_json(folder / "trial.json", record)
    return record


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a Parquet file for each table; for one that is `OPTIONAL`, only if it has rows.

    Raises:
        StoreError: they cannot be written.
    """
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        if name in OPTIONAL and table.empty:
            remove(path)
        else:
            write_parquet(path, table)


def blank_record(spec: TrialSpec, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a trial of which nothing is known yet."""
    return {
        **spec.row,
        "status": "missing",
        "reason": None,
        "traceback": None,
        "spec": spec.identity,
        "spending": {},
        "left_out": {},
        "left_out_train": {},
        "dropped_rows": 0,
        "problem": {},
        "provenance": dict(provenance),
    }


class _Trial:
    """The steps of one trial, and what it has spent so far."""

    evaluation: Evaluation
    history: pd.DataFrame
    family: TaskFamily
    learner: MetaLearner

    def __init__(self, spec: TrialSpec, registry: Registry, device: str, report: Report) -> None:
        self._spec = spec
        self._registry = registry
        self._device = device
        self._report = report
        self._source: BudgetedSource | None = None
        self._spent: dict[str, Any] = {}
        self._evaluate_seconds = 0.0
        self._parameters: int | None = None
        self._adapted: int | None = None

    def run(self, trained: Path | None) -> None:
        spec = self._spec
        self._seed_global_state()
        self.family = make_family(spec.family, self._registry)
        self.learner = make_learner(spec.learner, self._registry)
        identity = dumps(spec.identity["family"], sort_keys=True)
        if trained is None:
            self._train(identity)
        else:
            self._take_over(trained)
        self._parameters = _count(self.learner.state())
        self._adapted = getattr(self.learner, "adapted_parameters", None)
        started = time.perf_counter()
        self.evaluation = evaluate(
            self.learner,
            self.family,
            identity,
            spec.protocol,
            device=self._device,
            on_progress=lambda fraction: self._report(0.98 + 0.02 * fraction, "evaluating"),
        )
        self._evaluate_seconds = time.perf_counter() - started

    def _train(self, identity: str) -> None:
        spec = self._spec
        self._source = BudgetedSource(
            self.family,
            spec.budget,
            generator_of("train", identity, spec.seed),
            needs=self.learner.needs,
            device=self._device,
            on_progress=lambda fraction, text: self._report(0.98 * fraction, text),
        )
        started, worked = time.perf_counter(), time.process_time()
        self.learner.fit(self._source, generator_of("learner", spec.seed))
        self._spent = {
            "seconds": time.perf_counter() - started,
            "cpu_seconds": time.process_time() - worked,
        }
        rows: list[HistoryRow] = self._source.history
        frame = pd.DataFrame([asdict(row) for row in rows]) if rows else empty(HISTORY_TYPES)
        self.history = frame.astype(HISTORY_TYPES)

    def _take_over(self, trained: Path) -> None:
        """Learner, history and spending of a trial that has trained the same."""
        state = torch.load(trained / "learner.pt", map_location="cpu", weights_only=True)
        self.learner.load_state(state)
        self.history = pd.read_parquet(trained / "history.parquet").astype(HISTORY_TYPES)
        spent = read_json(trained / "trial.json")["spending"]
        self._spent = {key: spent.get(key, 0) for key in TRAINING_SPENDS}

    def spending(self) -> dict[str, Any]:
        source = self._source
        spent: dict[str, Any] = dict.fromkeys(TRAINING_SPENDS, 0)
        if source is not None:
            spent |= {"tasks": source.tasks, "points": source.points, **source.counts}
            spent |= {"seconds": source.seconds, "peak_memory_mb": _peak_memory(self._device)}
        return {
            **spent,
            **self._spent,
            "evaluate_seconds": self._evaluate_seconds,
            "parameters": self._parameters,
            "adapted_parameters": self._adapted,
        }

    def left_out(self, split: Split) -> dict[str, int]:
        return {str(k): self.family.left_out(split, k) for k in self._spec.protocol.shots}

    def _seed_global_state(self) -> None:
        """Learners get generators; this is for the dependencies that only know global state."""
        seed = seed_of("global", self._spec.seed)
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)


def _on_cpu(value: Any) -> Any:
    """The same nest of values, tensors moved: a checkpoint made on a GPU loads without one."""
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, Mapping):
        return {key: _on_cpu(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_cpu(inner) for inner in value)
    return value


def _count(state: State) -> int:
    """The numbers in all tensors of a learner's state."""
    total = 0
    pending: list[Any] = [state]
    while pending:
        value = pending.pop()
        if isinstance(value, torch.Tensor):
            total += value.numel()
        elif isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
    return total


def _peak_memory(device: str) -> float:
    """In MB: the most this process has held, or has held on the GPU where it ran on one."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
