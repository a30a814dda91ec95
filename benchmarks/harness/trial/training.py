"""One run of meta-training: a budget spent on a family, and what that has cost."""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib import import_module
from typing import Any, Literal

import pandas as pd
import torch

from benchmarks.core import Budget, BudgetedSource, MetaLearner, Resumes, TaskFamily, generator_of
from benchmarks.core.budget import HistoryRow
from benchmarks.core.kinds import COUNTERS
from benchmarks.core.seeds import random_state, set_random_state
from benchmarks.core.text import described
from benchmarks.harness.disk.checkpoints import Checkpoint, Kept
from benchmarks.harness.disk.columns import HISTORY_TYPES
from benchmarks.harness.disk.pulse import GOES_ON
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.trial.moments import Moments
from benchmarks.harness.trial.packing import on_cpu
from benchmarks.harness.trial.reporting import Log

SPENDS = ("tasks", "points", *COUNTERS, "seconds", "cpu_seconds", "peak_memory_mb")
LOST = "lost_seconds"
"""What a training that went on had spent, as far as is known, on what had to be done again."""
THEN = " (then)"
"""What follows the name of a metric that was logged while carrying on with a second family."""


def import_for(learner: Any) -> None:
    """Import what a learner trains with and imports late, so that no budget is spent on that."""
    for module in getattr(learner, "trains_with", ()):
        import_module(module)


class TrainingRun:
    """A learner's `fit` or `partial_fit` on the training tasks of a family and a seed.

    Attributes:
        learner: who is trained.
        moments: collects its states on the way and that at the end; None where nobody asks.
        went_on: at which shares of the budget a training that was cut off went on.
        over: whether it has ended well.
    """

    learner: MetaLearner

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
        on_log: Log,
        on_news: Callable[[], None] = lambda: None,
        moments: Callable[[MetaLearner], Moments] | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        def logged(tasks: int, metrics: Mapping[str, float]) -> None:
            on_news()
            on_log(tasks, metrics)

        self._device = device
        self._on_progress = on_progress
        self._checkpoint = checkpoint
        self._collect = moments
        self._seed = "train", identity, seed
        self._begin = partial(
            BudgetedSource,
            family,
            budget,
            needs=needs,
            shots=shots,
            device=device,
            on_progress=on_progress,
            on_log=logged,
            on_draw=on_news,
            on_moment=None if moments is None else self._keep_moment,
            on_rest=None if checkpoint is None else self._rest,
        )
        self._forget()

    def _forget(self) -> None:
        self._source = self._begin(generator_of(*self._seed))
        self._took: dict[str, float] = {}
        self._worked, self._idled = time.process_time(), 0.0
        self._lost = self._former_peak = 0.0
        self.moments: Moments | None = None
        self.went_on: list[float] = []
        self.over = False

    def run(
        self, make: Callable[[], MetaLearner], how: Literal["fit", "partial_fit"], *seed: object
    ) -> None:
        """Train what `make` makes: from where a training was cut off, if one was, or anew."""
        kept = None if self._checkpoint is None else self._checkpoint.read()
        if kept is None or not self._go_on(make(), kept, generator_of(*seed)):
            generator = self._take(make(), generator_of(*seed))
            getattr(self.learner, how)(self._source, generator)
        self.over = True
        self._took = {"seconds": self._source.seconds, "cpu_seconds": self._cpu_seconds()}

    def _take(self, learner: MetaLearner, generator: torch.Generator) -> torch.Generator:
        import_for(learner)
        self._forget()
        self.learner, self._generator = learner, generator
        self.moments = None if self._collect is None else self._collect(learner)
        return generator

    def _go_on(self, learner: MetaLearner, kept: Kept, generator: torch.Generator) -> bool:
        """Whether this could be; not where the learner does not get into its loop."""
        assert self._checkpoint is not None
        if not isinstance(learner, Resumes):
            return False
        self._take(learner, generator)
        state, source, before = kept.state, self._source, random_state()
        self._rested = False
        try:
            source.go_to(state["source"])
            if self.moments is not None:
                self.moments.go_to(state["moments"])
            self._worked -= state["cpu_seconds"]
            self._former_peak, self._lost = state["peak_memory_mb"], state["lost"] + kept.lost
            self.went_on = [*state["went_on"], source.progress]
            print(f"training goes on after {source.tasks:,} tasks", flush=True)
            self._on_progress(source.progress, f"{GOES_ON} {100 * source.progress:.0f} %")
            set_random_state(state["random"])
            generator.set_state(state["generator"])
            learner.resume(state["learner"], source, generator)
        except (MemoryError, OSError):  # of the machine, which may have more another time
            raise
        except Exception as error:
            self._checkpoint.remove()
            if self._rested:
                raise
            set_random_state(before)
            print(f"training begins anew, as it cannot go on: {described(error)}", flush=True)
            return False
        return True

    def _keep_moment(self) -> None:
        assert self.moments is not None
        worked = time.process_time()
        self.moments.keep(self._source.tasks, self._source.seconds)
        self._idled += time.process_time() - worked

    def _rest(self) -> None:
        assert self._checkpoint is not None
        self._rested = True
        if isinstance(self.learner, Resumes) and self._source.tasks and self._checkpoint.due():
            worked = time.process_time()
            self._checkpoint.keep(self._whole)
            self._idled += time.process_time() - worked

    def _whole(self) -> dict[str, Any] | None:
        """All that a training needs to go on; None where the learner cannot."""
        assert isinstance(self.learner, Resumes)
        position, random = self._source.position(), random_state()
        learner = self.learner.checkpoint()
        if learner is None:
            return None
        return {
            "learner": on_cpu(learner),
            "source": on_cpu(position),
            "generator": self._generator.get_state(),
            "random": random,
            "moments": None if self.moments is None else self.moments.position(),
            "cpu_seconds": self._cpu_seconds(),
            "peak_memory_mb": self._peak_memory(),
            "lost": self._lost,
            "went_on": self.went_on,
        }

    def _cpu_seconds(self) -> float:
        return time.process_time() - self._worked - self._idled

    def _peak_memory(self) -> float:
        return max(self._former_peak, peak_memory(self._device))

    @property
    def spent(self) -> dict[str, Any]:
        """What has been spent so far, also by training that has failed."""
        source = self._source
        return {
            **dict.fromkeys(SPENDS, 0),
            **{"tasks": source.tasks, "points": source.points, **source.counts},
            **{"seconds": source.seconds, "cpu_seconds": self._cpu_seconds()},
            **{"peak_memory_mb": self._peak_memory()},
            **self._took,
            **({LOST: self._lost} if self.went_on else {}),
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


def naming_then(log: Log) -> Log:
    """Tells `log` of what is logged while carrying on."""
    return lambda tasks, metrics: log(tasks, {f"{k}{THEN}": v for k, v in metrics.items()})


def together(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several runs have spent: the sum, and the most memory that one of them took."""
    if len(runs) == 1:
        return {**dict.fromkeys(SPENDS, 0), **runs[0]}
    names = dict.fromkeys([*SPENDS, *(name for spent in runs for name in spent)])
    total = {name: sum(spent.get(name, 0) for spent in runs) for name in names}
    peaks = [spent["peak_memory_mb"] for spent in runs]
    return {**total, "peak_memory_mb": max(peaks, default=0)}


def peak_memory(device: str) -> float:
    """In MB: the most this process has held, or has held on the GPU where it ran on one."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
