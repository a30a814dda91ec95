"""One run of meta-training: a budget spent on a family, and what that has cost."""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from typing import Any

import pandas as pd
import torch

from benchmarks.core import Budget, BudgetedSource, TaskFamily, generator_of
from benchmarks.core.budget import HistoryRow
from benchmarks.core.kinds import COUNTERS
from benchmarks.harness.disk.columns import HISTORY_TYPES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.trial.moments import Moments

SPENDS = ("tasks", "points", *COUNTERS, "seconds", "cpu_seconds", "peak_memory_mb")
THEN = " (then)"
"""What follows the name of a metric that was logged while carrying on with a second family."""

Train = Callable[[BudgetedSource, torch.Generator], None]


def import_for(learner: Any) -> None:
    """Import what a learner trains with and imports late, so that no budget is spent on that."""
    for module in getattr(learner, "trains_with", ()):
        import_module(module)


class TrainingRun:
    """A learner's `fit` or `partial_fit` on the training tasks of a family and a seed."""

    def __init__(
        self,
        family: TaskFamily,
        identity: str,
        budget: Budget,
        seed: int,
        *,
        needs: frozenset[str],
        shots: tuple[int, int],
        device: str,
        on_progress: Callable[[float, str], None],
        on_log: Callable[[int, Mapping[str, float]], None],
        on_draw: Callable[[], None] = lambda: None,
        moments: Moments | None = None,
    ) -> None:
        """`moments` gets the states on the way, and that at the end."""
        self._device = device
        self._took: dict[str, float] = {}
        self._moments = moments
        self._paused, self._idled = 0.0, 0.0
        self._source = BudgetedSource(
            family,
            budget,
            generator_of("train", identity, seed),
            needs=needs,
            shots=shots,
            device=device,
            on_progress=on_progress,
            on_log=on_log,
            on_draw=on_draw,
            on_moment=None if moments is None else self._keep,
        )

    def _keep(self) -> None:
        assert self._moments is not None
        started, worked = time.perf_counter(), time.process_time()
        self._moments.keep(self._source.tasks, self._source.seconds)
        self._paused += time.perf_counter() - started
        self._idled += time.process_time() - worked

    def run(self, train: Train, generator: torch.Generator) -> None:
        started, worked = time.perf_counter(), time.process_time()
        train(self._source, generator)
        self._took = {
            "seconds": time.perf_counter() - started - self._paused,
            "cpu_seconds": time.process_time() - worked - self._idled,
        }

    @property
    def spent(self) -> dict[str, Any]:
        """What has been spent so far, also by training that has failed."""
        source = self._source
        return {
            **dict.fromkeys(SPENDS, 0),
            **{"tasks": source.tasks, "points": source.points, **source.counts},
            **{"seconds": source.seconds, "peak_memory_mb": _peak_memory(self._device)},
            **self._took,
        }

    @property
    def rows(self) -> Sequence[HistoryRow]:
        return self._source.history

    @property
    def history(self) -> pd.DataFrame:
        rows = [asdict(row) for row in self.rows]
        frame = pd.DataFrame(rows) if rows else empty(HISTORY_TYPES)
        return frame.astype(HISTORY_TYPES)


def continued(first: pd.DataFrame, then: pd.DataFrame) -> pd.DataFrame:
    """The history of a training that was carried on, whose metrics are called otherwise there."""
    named = then.assign(metric=then["metric"] + THEN)
    return pd.concat([first, named], ignore_index=True).astype(HISTORY_TYPES)


def together(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several runs have spent: the sum, and the most memory that one of them took."""
    total = {name: sum(spent[name] for spent in runs) for name in SPENDS}
    peaks = [spent["peak_memory_mb"] for spent in runs]
    return {**total, "peak_memory_mb": max(peaks, default=0)}


def _peak_memory(device: str) -> float:
    """In MB: the most this process has held, or has held on the GPU where it ran on one."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
