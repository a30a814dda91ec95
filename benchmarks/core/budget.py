"""What meta-training may spend, and the only door through which training tasks come."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from benchmarks.core.errors import BudgetSpent, ContractError, Diverged
from benchmarks.core.family import TaskFamily
from benchmarks.core.kinds import COUNTERS, Budget
from benchmarks.core.types import Problem, TaskBatch

HISTORY_ROWS = 200
NEARLY_ALL = 0.9
USUAL_SHOTS = (5, 10)
MOMENTS = 10
"""So many times in a training, evenly over its budget, the learner is at a moment to be kept."""


TrainShots = Annotated[int, Ge(1)] | tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)]] | None
"""Support points of a training task: always so many, fewest and most, or None as in the test."""


def check_shots(shots: TrainShots) -> None:
    """Make sure that a range of shots is one.

    Raises:
        ValueError: it is not.
    """
    if isinstance(shots, tuple) and shots[0] > shots[1]:
        raise ValueError(f"expected train_shots = [fewest, most], got {list(shots)}")


def shot_range(shots: TrainShots, tested: tuple[int, int]) -> tuple[int, int]:
    """The fewest and the most, where `tested` are those of the test."""
    if shots is None:
        return tested
    return (shots, shots) if isinstance(shots, int) else shots


def allowed_shots(family: TaskFamily, wanted: int) -> int:
    """See `BudgetedSource.train_shots`."""
    most = family.size("train", 1)
    if most is None:
        return wanted
    for shots in range(wanted, 1, -1):
        size = family.size("train", shots)
        if size is not None and size >= NEARLY_ALL * most:
            return shots
    return 1


def drawn(span: tuple[int, int], generator: torch.Generator) -> int:
    """A number from the first to the last, each as likely."""
    fewest, most = span
    if fewest == most:
        return fewest
    return int(torch.randint(fewest, most + 1, (), generator=generator))


@dataclass(frozen=True)
class HistoryRow:
    """The mean of one logged quantity over a stretch of training that ended here."""

    tasks: int
    seconds: float
    metric: str
    value: float


class BudgetedSource:
    """Hands out training tasks, meters them, and stops when the budget is spent.

    Privileged information is removed unless `needs` names it. Learners report their training
    curve with `log` and their work with `count`. `shots` are the fewest and the most of the test,
    for learners that are not told what to train with. `on_moment` is called before tasks are drawn,
    once a tenth of the budget is spent and then another, `on_rest` whenever a learner asks whether
    the budget is `exhausted`, and it is not; the time that either takes is not training.
    `on_draw` is called whenever tasks were drawn.
    """

    def __init__(
        self,
        family: TaskFamily,
        budget: Budget,
        generator: torch.Generator,
        *,
        needs: frozenset[str] = frozenset(),
        shots: tuple[int, int] = USUAL_SHOTS,
        device: torch.device | str = "cpu",
        on_progress: Callable[[float, str], None] | None = None,
        on_log: Callable[[int, Mapping[str, float]], None] | None = None,
        on_moment: Callable[[], None] | None = None,
        on_draw: Callable[[], None] = lambda: None,
        on_rest: Callable[[], None] | None = None,
    ) -> None:
        self.problem: Problem = family.problem
        self.shots = shots
        self.device = torch.device(device)
        self.tasks = 0
        self.points = 0
        self.counts = dict.fromkeys(COUNTERS, 0)
        self.history: list[HistoryRow] = []
        self._family = family
        self._budget = budget
        self._generator = generator
        self._needs = needs
        self._on_progress = on_progress
        self._on_log = on_log
        self._on_moment = on_moment
        self._on_draw = on_draw
        self._on_rest = on_rest
        self._moments = 0
        self._promised = False
        self._started = time.perf_counter()
        self._sums: dict[str, tuple[Tensor | float, int]] = {}
        self._flushed = 0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    @property
    def progress(self) -> float:
        """The fraction of the budget that is spent, in [0, 1]; schedules follow it."""
        if self._budget.tasks is not None:
            return min(1.0, self.tasks / self._budget.tasks) if self._budget.tasks else 1.0
        assert self._budget.seconds is not None
        return min(1.0, self.seconds / self._budget.seconds) if self._budget.seconds else 1.0

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left; where it says no, the next draw is granted, however late."""
        if self._on_rest is not None and self.progress < 1.0:
            self._aside(self._on_rest)
        return not self._promise()

    def _promise(self) -> bool:
        self._promised = self.progress < 1.0
        return self._promised

    def train_shots(self, wanted: int) -> int:
        """`wanted`, or the most shots that nearly all training tasks allow where that is fewer.

        Nearly all means `NEARLY_ALL` of those that allow one shot: a few large tasks among many
        small ones must not become the whole of meta-training.
        """
        return allowed_shots(self._family, wanted)

    def shot_range(self, wanted: TrainShots) -> tuple[int, int]:
        """The fewest and the most shots of a training task, where the field `train_shots` says so.

        None is those of the test. Both are as small as `train_shots` makes them.
        """
        fewest, most = shot_range(wanted, self.shots)
        return self.train_shots(fewest), self.train_shots(most)

    def sample(
        self, n_tasks: int, *, shots: int, queries: int, ways: int | None = None
    ) -> TaskBatch:
        """Draw `n_tasks` training tasks; fewer where the budget ends first.

        `ways` is for classification: how many classes each has, if not those of the problem.

        Raises:
            BudgetSpent: nothing is left.
            DataError: no training task has more than `shots` points.
        """
        promised, self._promised = self._promised, False
        if not promised and self.progress >= 1.0:
            raise BudgetSpent(f"the budget of {self._budget} is spent")
        self._pause()
        if self._budget.tasks is not None:
            n_tasks = min(n_tasks, self._budget.tasks - self.tasks)
        other: dict[str, int] = {} if ways is None else {"ways": ways}
        batch = self._family.sample(
            n_tasks, "train", self._generator, shots=shots, queries=queries, **other
        ).showing(self._needs)
        self.tasks += n_tasks
        self.points += n_tasks * batch.support.points + int(batch.query.mask.sum())
        self._on_draw()
        if self.problem.within_tasks:
            batch = batch.within()
        return batch.nameless().to(self.device)

    def _pause(self) -> None:
        """Let somebody look at the learner, if it has come to the next moment."""
        moments = math.floor(self.progress * MOMENTS + 1e-9)
        if self._on_moment is None or moments <= self._moments:
            return
        self._moments = moments
        self._aside(self._on_moment)

    def _aside(self, look: Callable[[], None]) -> None:
        started = time.perf_counter()
        look()
        self._started += time.perf_counter() - started

    def position(self) -> dict[str, Any]:
        """How far it has come: a nest that loads with `weights_only=True`."""
        return {
            "tasks": self.tasks,
            "points": self.points,
            "counts": dict(self.counts),
            "seconds": self.seconds,
            "moments": self._moments,
            "flushed": self._flushed,
            "sums": dict(self._sums),
            "history": [astuple(row) for row in self.history],
            "generator": self._generator.get_state(),
        }

    def go_to(self, position: Mapping[str, Any]) -> None:
        """Go on where a source of the same family, budget and shots was at that `position`."""
        self.tasks, self.points = position["tasks"], position["points"]
        self.counts = dict(position["counts"])
        self._started = time.perf_counter() - position["seconds"]
        self._moments, self._flushed = position["moments"], position["flushed"]
        sums = position["sums"].items()
        self._sums = {
            name: (total.to(self.device) if isinstance(total, Tensor) else total, n)
            for name, (total, n) in sums
        }
        self.history = [HistoryRow(*row) for row in position["history"]]
        self._generator.set_state(position["generator"])

    def count(self, **work: int) -> None:
        """Add to the counters named in `COUNTERS`; a gradient of one task's loss counts as one."""
        for name, amount in work.items():
            if name not in self.counts:
                raise ContractError(f"unknown counter {name!r}; known: {', '.join(COUNTERS)}")
            self.counts[name] += amount

    def log(self, **metrics: Tensor | float) -> None:
        """Report scalars of this iteration; their means are kept about `HISTORY_ROWS` times a run.

        Raises:
            Diverged: a mean is not finite.
        """
        for name, value in metrics.items():
            total, n = self._sums.get(name, (0.0, 0))
            value = value.detach() if isinstance(value, Tensor) else value
            self._sums[name] = (total + value, n + 1)
        stretch = math.floor(self.progress * HISTORY_ROWS) if self._promise() else HISTORY_ROWS
        if stretch > self._flushed:
            self._flushed = stretch
            self._flush()

    def _flush(self) -> None:
        values = {name: float(total) / n for name, (total, n) in self._sums.items()}
        self._sums.clear()
        for name, value in values.items():
            if not math.isfinite(value):
                raise Diverged(f"{name} became {value} after {self.tasks:,} training tasks")
            self.history.append(HistoryRow(self.tasks, self.seconds, name, value))
        if self._on_log is not None and values:
            self._on_log(self.tasks, values)
        if self._on_progress is not None:
            text = "  ".join(f"{name} {value:.3g}" for name, value in values.items())
            self._on_progress(self.progress, text)
