"""Meta-learners as scikit-learn has estimators: fit on many groups, adapt to a new one."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator

from benchmarks.api.arrays import Arrays
from benchmarks.api.classes import Classes
from benchmarks.api.declaring import table_of
from benchmarks.api.fitted import Adapted, FittedLearner
from benchmarks.core import Budget, BudgetedSource, Kind, MetaLearner, Problem, generator_of
from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import line, message
from benchmarks.harness.plan.fields import as_plain, build, field_names
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import Checkpoint
from benchmarks.harness.trial.surroundings import kept_state

STEPS = 10
LEAST_GROUPS = 2
Estimator = TypeVar("Estimator", bound="_Estimator")


class _Estimator(BaseEstimator, ABC):  # type: ignore[misc]
    """What both have; each parameter is stored as it is given.

    Args:
        learner: a name, a class, an instance, or a table as in a matrix
            (`{"name": "maml", "inner_lr": 0.1}`).
        budget: how many training tasks to draw.
        seed: of everything random.
        shots: points of a training task to adapt on (of each class, in classification), for
            learners that have `train_shots`.
        steps: adaptation steps on a new task.
    """

    kind: ClassVar[Kind]

    def __init__(
        self,
        learner: Any = "reml",
        budget: int = 10_000,
        seed: int = 0,
        shots: int = 5,
        steps: int = STEPS,
    ) -> None:
        self.learner = learner
        self.budget = budget
        self.seed = seed
        self.shots = shots
        self.steps = steps

    def fit(self: Estimator, X: Any, y: Any, groups: Any = None) -> Estimator:  # noqa: N803
        """Meta-train on many tasks.

        Args:
            X: numbers, of shape (points, features).
            y: the targets: numbers, or any names of classes.
            groups: which task each point is of.

        Raises:
            UserError: a parameter is wrong, or the learner is not for this kind of task.
            DataError: the data cannot be used.
        """
        if groups is None:
            raise DataError("groups: is missing; fit(X, y, groups) takes the task of each point")
        for name, least in (("budget", 0), ("seed", 0), ("shots", 1), ("steps", 0)):
            _demand_whole(name, getattr(self, name), least)
        x, names = numbers_of(X)
        task = _codes(groups, "groups", len(x))
        if int(task.max()) + 1 < LEAST_GROUPS:
            raise DataError(f"groups: name 1 task; expected at least {LEAST_GROUPS} to learn from")
        offset, scale = _moments(x)
        problem = Problem(
            features=x.shape[1],
            outputs=1,
            inputs=names,
            input_offset=tuple(offset.tolist()),
            input_scale=tuple(scale.tolist()),
        )
        standard = torch.from_numpy(((x - offset) / scale).astype(np.float32))
        family = self._family(problem, standard, y, task)
        learner = self._built()
        source = BudgetedSource(
            family,
            Budget(tasks=self.budget),
            generator_of("train", "arrays", self.seed),
            shots=(self.shots, self.shots),
        )
        with kept_state():
            learner.fit(source, generator_of("learner", self.seed))
        self.n_features_in_ = x.shape[1]
        self.fitted_ = FittedLearner(Checkpoint(learner, family.problem, self.steps))
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "regressor" if self.kind == "regression" else "classifier"
        return tags

    @abstractmethod
    def _family(self, problem: Problem, x: torch.Tensor, y: Any, task: np.ndarray) -> Arrays:
        """The tasks to train on."""

    def adapt(self, X: Any, y: Any) -> Adapted:  # noqa: N803
        """A predictor for the task that these points are of.

        Raises:
            UserError: `fit` was not called, or the points cannot be used.
        """
        if not hasattr(self, "fitted_"):
            raise UserError(f"{type(self).__name__}: is not fitted; call fit(X, y, groups) first")
        return self.fitted_.adapt(self._plain(X), y)

    def adapt_predict(self, X_support: Any, y_support: Any, X_query: Any) -> np.ndarray:  # noqa: N803
        """Adapt to the points of a new task, and predict others of it.

        Raises:
            UserError: `fit` was not called, or the points cannot be used.
        """
        adapted = self.adapt(X_support, y_support)
        return cast(np.ndarray, adapted.predict(self._plain(X_query)))

    def _plain(self, given: Any) -> np.ndarray:
        values, _ = numbers_of(given)
        if values.shape[1] != self.n_features_in_:
            raise DataError(
                f"X: has {values.shape[1]} columns; expected {self.n_features_in_}, as in fit"
            )
        return values

    def _built(self) -> MetaLearner:
        classes = Classes(Registry())
        table = table_of(self.learner, "learner", classes)
        name = str(table.pop("name", ""))
        found = classes.registry.find("learner", name, "learner")
        if self.kind not in getattr(found.cls, "kinds", frozenset({"regression"})):
            raise UserError(f"learner: {name!r} is not for {self.kind}")
        if "train_shots" in field_names(found.cls) and "train_shots" not in table:
            table["train_shots"] = self.shots
        built = build(found.cls, found.preset, as_plain(table), f"learner {name!r}")
        if built.needs:
            raise UserError(f"learner: {name!r} also needs {', '.join(sorted(built.needs))}")
        return cast(MetaLearner, built)


class MetaRegressor(_Estimator):
    """Regression on many small groups of points that are alike."""

    kind = "regression"

    def _family(self, problem: Problem, x: torch.Tensor, y: Any, task: np.ndarray) -> Arrays:
        targets, _ = numbers_of(y, "y")
        if len(targets) != len(x) or targets.shape[1] != 1:
            raise DataError(f"y: has the shape {np.shape(y)}; expected ({len(x)},)")
        offset, scale = _moments(targets)
        known = torch.from_numpy(((targets - offset) / scale).astype(np.float32))
        return Arrays(
            replace(
                problem, metric="rmse", target_offset=float(offset[0]), target_scale=float(scale[0])
            ),
            x,
            known,
            task,
        )


class MetaClassifier(_Estimator):
    """Classification with few points of each class; groups may have different classes.

    A new task has as many classes as the groups have that have fewest.
    """

    kind = "classification"

    def _family(self, problem: Problem, x: torch.Tensor, y: Any, task: np.ndarray) -> Arrays:
        codes = _codes(y, "y", len(x))
        ways = min(len(set(codes[task == it].tolist())) for it in range(int(task.max()) + 1))
        if ways < 2:
            raise DataError("y: a group has 1 class; expected at least 2 in each")
        of_classes = replace(problem, metric="accuracy", outputs=ways)
        return Arrays(of_classes, x, torch.from_numpy(codes), task)


def numbers_of(given: Any, name: str = "X") -> tuple[np.ndarray, tuple[str, ...]]:
    """Of shape (points, columns), finite, and what the columns are called.

    Raises:
        DataError: they are no such thing.
    """
    try:
        values = np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: expected numbers ({message(error)})") from None
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.size:
        raise DataError(f"{name}: has the shape {values.shape}; expected (points, features)")
    if not np.isfinite(values).all():
        raise DataError(f"{name}: holds numbers that are not finite; expected none")
    columns = getattr(given, "columns", range(values.shape[1]))
    return values, tuple(f"{it}" if isinstance(it, str) else f"x{it}" for it in columns)


def _codes(given: Any, name: str, points: int) -> np.ndarray:
    values = np.asarray(given)
    if values.shape != (points,):
        raise DataError(f"{name}: has the shape {values.shape}; expected ({points},)")
    if any(it is None or it != it for it in values.tolist()):
        raise DataError(f"{name}: lacks a value; expected one for each point")
    try:
        return np.unique(values, return_inverse=True)[1]
    except TypeError:  # numbers and texts
        return np.unique([str(it) for it in values], return_inverse=True)[1]


def _moments(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = values.std(0)
    return values.mean(0), np.where(scale > 0, scale, 1.0)


def _demand_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UserError(
            f"{name}: expected a whole number from {least} on, got {line(repr(value), 80)}"
        )
