"""What the learners that keep training tasks, and fit a model to them at once, have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch

from baselines._episodic import Count
from benchmarks.core import BudgetedSource, Predictor, State, Support, TaskBatch

AT_ONCE, MANY = 100, 1000
"""Tasks that are drawn together, as long as they are kept and then."""
Fit = Callable[["Tasks"], Any]
"""Of tasks alone, and equal to others that come to the same: no model is worked out twice."""


@dataclass(frozen=True)
class Tasks:
    """All points of some tasks, task after task; equal where their bytes are."""

    x: np.ndarray  # (points, features)
    y: np.ndarray  # (points, outputs)
    count: np.ndarray  # of the points of each task

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tasks) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    @property
    def _bytes(self) -> tuple[bytes, ...]:
        return self.x.tobytes(), self.y.tobytes(), self.count.tobytes()

    @property
    def task(self) -> np.ndarray:
        """The number of each point's task."""
        return np.repeat(np.arange(len(self.count)), self.count)

    def each(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The points of each task."""
        ends = self.count.cumsum()
        for first, last in zip(ends - self.count, ends, strict=True):
            yield self.x[first:last], self.y[first:last]


class Memory:
    """Keeps the first of the tasks it is shown, as many as it may; drawn at random, so are these.

    One that is kept and comes again with all its points is not kept twice: where tasks are so small
    that all points are drawn, no two of those kept are the same.
    """

    def __init__(self, features: int, outputs: int, most: int) -> None:
        self._most = most
        self._shape = features, outputs
        self._rows: dict[bytes, np.ndarray] = {}
        self.met = 0

    @property
    def full(self) -> bool:
        return len(self._rows) >= self._most

    def show(self, batch: TaskBatch) -> None:
        self.met += len(batch)
        points = batch.to("cpu").points()
        rows = torch.cat([points.x, points.y], 2).numpy()
        for row, real in zip(rows, points.mask.numpy(), strict=True):
            if self.full:
                return
            task = _in_order(row[real])
            self._rows.setdefault(task.tobytes(), task)

    def make_room(self) -> None:
        """Forget half of the tasks if there is no room for others."""
        if self.full:
            self._rows = dict([*self._rows.items()][: self._most // 2])

    @property
    def tasks(self) -> Tasks:
        features, outputs = self._shape
        rows = np.concatenate([np.empty((0, features + outputs), np.float32), *self._rows.values()])
        count = np.array([len(it) for it in self._rows.values()], np.int64)
        x, y = rows[:, :features], rows[:, features:]
        return Tasks(np.ascontiguousarray(x), np.ascontiguousarray(y), count)

    def state(self) -> State:
        tasks = self.tasks
        arrays = {"x": tasks.x, "y": tasks.y, "count": tasks.count}
        return {"met": self.met, **{key: torch.from_numpy(it) for key, it in arrays.items()}}

    def load_state(self, state: State) -> None:
        x, y, count = (state[key].numpy() for key in ("x", "y", "count"))
        tasks = [np.hstack(it) for it in Tasks(x, y, count).each()]
        self._rows = {it.tobytes(): it for it in tasks}
        self.met = state["met"]


def _in_order(rows: np.ndarray) -> np.ndarray:
    """The rows in the order of their bytes."""
    whole = np.ascontiguousarray(rows)
    keys = whole.view(np.dtype((np.void, whole.dtype.itemsize * whole.shape[1]))).ravel()
    return whole[np.argsort(keys, kind="stable")]


@dataclass
class Keeper(ABC):
    """Adaptation steps change nothing: a model of training tasks is told the support set."""

    most_tasks: Count = 300
    train_queries: Count = 100

    name: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    adapted_parameters: ClassVar[int] = 0
    all_points_alike: ClassVar[bool] = True

    @abstractmethod
    def _fitter(self) -> Fit:
        """What makes the model of the tasks that are kept."""

    @abstractmethod
    def _told(self, model: Any, support: Support) -> Predictor:
        """What the model says of each task, given its support set."""

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Forget all tasks, then keep some of those that `partial_fit` draws."""
        self._build(source.problem.features, source.problem.outputs)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw tasks until the budget is spent, then fit the model to all that are kept.

        Where there is no room for others, half of those known make it.
        """
        self.memory_.make_room()
        while not source.exhausted:
            full = self.memory_.full
            tasks, queries = (MANY, 1) if full else (AT_ONCE, self.train_queries)
            self.memory_.show(source.sample(tasks, shots=1, queries=queries))
        self._model()

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield the same predictor for each number of steps; see `MetaLearner.adapt`."""
        predict = self._told(self._model(), support)
        for _ in steps:
            yield predict

    def state(self) -> State:
        return {"sizes": self.sizes_, **self.memory_.state()}

    def load_state(self, state: State) -> None:
        self._build(*state["sizes"])
        self.memory_.load_state(state)

    def _build(self, features: int, outputs: int) -> None:
        self.sizes_ = features, outputs
        self.memory_ = Memory(features, outputs, self.most_tasks)

    def _model(self) -> Any:
        return _fitted(self._fitter(), self.memory_.tasks)


@lru_cache(maxsize=4)
def _fitted(fitter: Fit, tasks: Tasks) -> Any:
    return fitter(tasks)
