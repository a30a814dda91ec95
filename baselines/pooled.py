"""One model for all groups: gradient boosting on the rows of all tasks, and what a group's say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from baselines._episodic import Count
from baselines._kept import Fit, Keeper, Tasks
from benchmarks.core import BudgetedSource, Kind, Predictor, State, Support
from benchmarks.core.budget import TrainShots, check_shots
from benchmarks.core.search import LogUniform, Space, Whole

MOST_SPLITS = 10
"""How often a task is split in support rows and others, where there is room for more rows."""
MOST_NUMBERS = 20_000_000
"""In all rows to learn from: of wide ones there are fewer."""
Rows = tuple[np.ndarray, np.ndarray]
"""Inputs of shape (rows, inputs) and targets of shape (rows, outputs)."""


@dataclass
class Pooled(Keeper):
    """Scikit-learn's HistGradientBoostingRegressor or -Classifier on rows of all training tasks.

    What a group's own rows are to the model is `own_rows`:

    - `inputs`: each row has, beside its inputs x, further ones that tell of the support rows of its
      task: their mean target and its standard deviation, their mean inputs, how many they are, and
      the target of the nearest of them with its distance (Euclidean; of equally near ones the
      mean). So the model knows a group by what its support rows say, and one model does for all
      groups. In training each kept task is split in two several times, at random: support rows, as
      many as in the test, and rows to learn from. What is learned is the difference of the target
      from the support rows' mean.
    - `rows`: the model sees x alone, and is fitted anew for each group, to all rows of the
      training tasks and to the group's own support rows, each of which counts `weight` times. That
      takes up to a second a group.

    In classification a class is known by its support rows alone, as numbers of classes mean nothing
    across tasks. So the classifier answers, for a row and each class, whether the row is of the
    class: from the row, the mean of the class's support rows, how far the row is from it in each
    input, and how much farther than from the nearest mean of a class. Its log odds are the logits.
    `own_rows` is `inputs` there.

    Adaptation steps change nothing. With several outputs each has a model of its own.

    Attributes:
        own_rows: see above.
        weight: of a support row among `rows`.
        train_shots: support rows of a training task, or fewest and most of them; None is as in the
            test.
        most_tasks: training tasks that are kept, a sample of those drawn.
        most_rows: rows to learn from, at most; in classification there is one for each class.
        train_queries: rows of a training task beside one, at most.
        max_iter: trees.
        learning_rate: what each of them counts.
        max_leaf_nodes: leaves of a tree, at most.
        min_samples_leaf: rows in each, at least.
    """

    most_tasks: Count = 3000
    own_rows: Literal["inputs", "rows"] = "inputs"
    weight: Annotated[float, Gt(0)] = 10.0
    train_shots: TrainShots = None
    most_rows: Count = 30_000
    max_iter: Count = 100
    learning_rate: Annotated[float, Gt(0)] = 0.1
    max_leaf_nodes: Annotated[int, Ge(2)] = 31
    min_samples_leaf: Count = 20

    name: ClassVar[str] = "pooled"
    search: ClassVar[Space] = {
        "max_iter": Whole(20, 400, log=True),
        "learning_rate": LogUniform(0.02, 0.5),
        "max_leaf_nodes": Whole(4, 64, log=True),
        "min_samples_leaf": Whole(5, 100, log=True),
    }
    kinds: ClassVar[frozenset[Kind]] = frozenset({"regression", "classification"})
    all_points_alike: ClassVar[bool] = False
    effort: ClassVar[float] = 1e-4
    test_fields: ClassVar[Mapping[str, Any]] = {"max_iter": 5, "most_rows": 500}

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Forget all tasks, then keep those that `partial_fit` draws, and fit the model."""
        self.classes_ = source.problem.kind == "classification"
        super().fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw tasks until the budget is spent, then fit the model to all that are kept."""
        self.shots_ = source.shot_range(self.train_shots)
        super().partial_fit(source, generator)

    def state(self) -> State:
        return {**super().state(), "shots": self.shots_, "classes": self.classes_}

    def load_state(self, state: State) -> None:
        self.shots_, self.classes_ = tuple(state["shots"]), state["classes"]
        super().load_state(state)

    def _boosting(self) -> "Boosting":
        sizes = self.max_iter, self.learning_rate, self.max_leaf_nodes, self.min_samples_leaf
        return Boosting(self.classes_, *sizes)

    def _fitter(self) -> Fit:
        return Fitter(self._boosting(), self.shots_, self.most_rows, self._anew)

    @property
    def _anew(self) -> bool:
        return self.own_rows == "rows" and not self.classes_

    def _told(self, model: Any, support: Support) -> Predictor:
        known = [_sorted(*it) for it in zip(_numbers(support.x), _numbers(support.y), strict=True)]
        if self._anew:
            x, y = model
            boosting, most = self._boosting(), self.weight
            own = [boosting.fit(*_added(x, y, *it), _weights(len(x), it[0], most)) for it in known]

        def predict(x: Tensor) -> Tensor:
            asked = _numbers(x)
            if self._anew:
                said = [_answer(it, here) for it, here in zip(own, asked, strict=True)]
            elif self.classes_:
                pairs = [compared(*it, here) for it, here in zip(known, asked, strict=True)]
                odds = model[0].decision_function(np.concatenate(pairs))
                said = odds.reshape(len(x), -1, support.y.shape[2])
            else:
                rows = [described(*it, here) for it, here in zip(known, asked, strict=True)]
                more = _answer(model, np.concatenate(rows)).reshape(*x.shape[:2], -1)
                said = [y.mean(0) + it for (_, y), it in zip(known, more, strict=True)]
            return torch.from_numpy(np.asarray(said)).to(support.y)

        return predict


@dataclass(frozen=True)
class Boosting:
    """Scikit-learn's models with these settings, one for each column of targets."""

    classes: bool
    max_iter: int
    learning_rate: float
    max_leaf_nodes: int
    min_samples_leaf: int

    def fit(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> list[Any]:
        make = HistGradientBoostingClassifier if self.classes else HistGradientBoostingRegressor
        settings = {name: it for name, it in vars(self).items() if name != "classes"}
        return [
            make(early_stopping=False, random_state=0, **settings).fit(x, column, weight)
            for column in y.T
        ]


@dataclass(frozen=True)
class Fitter:
    """What makes the model of tasks; of a model that is fitted anew, the rows."""

    boosting: Boosting
    shots: tuple[int, int]
    most_rows: int
    anew: bool

    def __call__(self, tasks: Tasks) -> Any:
        if self.anew:
            place = np.sort(np.random.default_rng(0).permutation(len(tasks.x))[: self.most_rows])
            return tasks.x[place].astype(float), tasks.y[place].astype(float)
        return self.boosting.fit(*self.rows(tasks))

    def rows(self, tasks: Tasks) -> Rows:
        """What is learned from: the rows that support rows tell of, and their targets."""
        found: list[Rows] = []
        room = float(self.most_rows)
        for (x, y), (asked, answers) in self._splits(tasks):
            if self.boosting.classes:
                rows, targets = compared(x, y, asked), answers.reshape(-1, 1)
            else:
                rows, targets = described(x, y, asked), answers - y.mean(0)
            found.append((rows, targets))
            room = min(room, MOST_NUMBERS / rows.shape[1])
            if sum(len(it) for it, _ in found) >= room:
                break
        x, y = (np.concatenate(it)[: int(room)] for it in zip(*found, strict=True))
        return x, y

    def _splits(self, tasks: Tasks) -> Iterator[tuple[Rows, Rows]]:
        """Each task in support rows and others, then each once more, otherwise."""
        stream = np.random.default_rng(0)
        every = list(tasks.each())
        for _ in range(MOST_SPLITS):
            for place in stream.permutation(len(every)):
                x, y = (it.astype(float) for it in every[place])
                order = stream.permutation(len(x))
                shots = int(stream.integers(self.shots[0], self.shots[1] + 1))
                shown = self._shown(y[order], shots)
                own, rest = order[shown], order[~shown]
                if len(own) and len(rest):
                    yield _sorted(x[own], y[own]), (x[rest], y[rest])

    def _shown(self, y: np.ndarray, shots: int) -> np.ndarray:
        """Which rows are support rows: the first, or the first of each class; one is left."""
        if not self.boosting.classes:
            return np.arange(len(y)) < min(shots, len(y) - 1)
        shots = min(shots, int(y.sum(0).min()) - 1)
        return (y.cumsum(0) * y).sum(1) <= shots


def described(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The rows that are asked about, with what the support rows x, y say beside."""
    squares = ((asked[:, None] - x) ** 2).sum(2)
    least = squares.min(1, keepdims=True)
    near = (squares == least).astype(float)
    told = np.concatenate([y.mean(0), y.std(0), x.mean(0), [len(x)]])
    nearest = near @ y / near.sum(1, keepdims=True)
    return np.hstack([asked, np.tile(told, (len(asked), 1)), nearest, np.sqrt(least)])


def compared(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Each row that is asked about with each class, whose support rows are x where y is 1."""
    centres = y.T @ x / np.maximum(y.sum(0), 1)[:, None]
    gaps = asked[:, None] - centres
    far = np.sqrt((gaps**2).sum(2, keepdims=True))
    more = far - far.min(1, keepdims=True)
    parts = np.broadcast_arrays(asked[:, None], centres[None]), (np.abs(gaps), more)
    return np.concatenate([*parts[0], *parts[1]], 2).reshape(-1, 3 * x.shape[1] + 1)


def _added(x: np.ndarray, y: np.ndarray, own_x: np.ndarray, own_y: np.ndarray) -> Rows:
    return np.concatenate([x, own_x]), np.concatenate([y, own_y])


def _weights(rows: int, own: np.ndarray, weight: float) -> np.ndarray:
    return np.concatenate([np.ones(rows), np.full(len(own), weight)])


def _answer(models: list[Any], x: np.ndarray) -> np.ndarray:
    return np.stack([it.predict(x) for it in models], 1)


def _numbers(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()


def _sorted(x: np.ndarray, y: np.ndarray) -> Rows:
    """The same rows in an order of their own, so that sums have the same bits whatever theirs."""
    order = np.lexsort(np.hstack([x, y]).T)
    return x[order], y[order]
