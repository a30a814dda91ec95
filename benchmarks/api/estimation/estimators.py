"""Meta-learners as scikit-learn has estimators: fit on many groups, adapt to a new one."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, TypeVar, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator

from benchmarks.api.classes import Classes
from benchmarks.api.declaring import table_of
from benchmarks.api.estimation.arrays import Arrays
from benchmarks.api.estimation.encoding import inputs_of, numbers_in, taken_from
from benchmarks.api.fitted import Adapted, FittedLearner
from benchmarks.api.frames import is_frame, prepared
from benchmarks.core import Budget, BudgetedSource, Kind, MetaLearner, Problem, generator_of
from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import line, message
from benchmarks.harness.plan.fields import as_plain, build, field_names
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import Checkpoint
from benchmarks.harness.predict.reading import columns_of
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
            X: numbers, of shape (points, features); or a DataFrame, whose columns may also hold
                dates and names.
            y: the targets: numbers, of shape (points,) or (points, targets); or any names of
                classes. Of a DataFrame names of columns will do.
            groups: which task each point is of, or the column that says so.

        Raises:
            UserError: a parameter is wrong, or the learner is not for this kind of task.
            DataError: the data cannot be used.
        """
        if groups is None:
            raise DataError("groups: is missing; fit(X, y, groups) takes the task of each point")
        for name, least in (("budget", 0), ("seed", 0), ("shots", 1), ("steps", 0)):
            _demand_whole(name, getattr(self, name), least)
        given = X
        if is_frame(X):
            given = prepared(X, "X")
            y, groups = taken_from(given, y), taken_from(given, groups)
            own = [
                *getattr(y, "columns", [getattr(y, "name", None)]),
                getattr(groups, "name", None),
            ]
            given = given.drop(columns=[it for it in own if it in given])
            found = inputs_of(given)
        else:
            found = numbers_in(*numbers_of(X))
        task = _codes(groups, "groups", len(found.values))
        if int(task.max()) + 1 < LEAST_GROUPS:
            raise DataError(f"groups: name 1 task; expected at least {LEAST_GROUPS} to learn from")
        problem = Problem(outputs=1, **found.described())
        family = self._family(problem, torch.from_numpy(found.standard), y, task)
        learner = self._built()
        source = BudgetedSource(
            family,
            Budget(tasks=self.budget),
            generator_of("train", "arrays", self.seed),
            shots=(self.shots, self.shots),
        )
        with kept_state():
            learner.fit(source, generator_of("learner", self.seed))
        self.fitted_ = FittedLearner(Checkpoint(learner, family.problem, self.steps))
        self.n_features_in_ = len(self.fitted_.columns)
        self.__dict__.pop("feature_names_in_", None)
        if is_frame(X):
            self.feature_names_in_ = np.array(self.fitted_.columns, object)
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
        return self.fitted_.adapt(self._plain(X), taken_from(X, y) if is_frame(X) else y)

    def adapt_predict(self, X_support: Any, y_support: Any, X_query: Any) -> np.ndarray:  # noqa: N803
        """Adapt to the points of a new task, and predict others of it.

        Raises:
            UserError: `fit` was not called, or the points cannot be used.
        """
        adapted = self.adapt(X_support, y_support)
        return cast(np.ndarray, adapted.predict(self._plain(X_query)))

    def _plain(self, given: Any) -> Any:
        if hasattr(self, "feature_names_in_"):
            return given
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
        targets, names = numbers_of(y, "y")
        if len(targets) != len(x):
            raise DataError(f"y: has the shape {np.shape(y)}; expected ({len(x)},)")
        found = numbers_in(targets, _called(y, names, problem.inputs))
        known = torch.from_numpy(found.standard)
        scales, offsets = tuple(found.scale.tolist()), tuple(found.offset.tolist())
        if len(scales) == 1:
            (name,), (scale,), (offset,) = found.names, scales, offsets
            told = {"target": name, "target_scale": scale, "target_offset": offset}
            return Arrays(replace(problem, metric="rmse", **told), x, known, task)
        of_several = replace(
            problem,
            metric="nmse",
            outputs=len(scales),
            target=", ".join(found.names),
            targets=found.names,
            units=("",) * len(scales),
            target_scales=scales,
            target_offsets=offsets,
        )
        return Arrays(of_several, x, known, task)


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


def _called(y: Any, names: tuple[str, ...], inputs: tuple[str, ...]) -> tuple[str, ...]:
    """What the targets are called, unlike any input."""
    known = getattr(y, "name", None)
    if len(names) == 1 and not hasattr(y, "columns"):
        names = (known if isinstance(known, str) else "y",)
    elif not hasattr(y, "columns"):
        names = tuple(f"y{it}" for it in range(len(names)))
    taken = {*inputs, *columns_of(Problem(features=1, outputs=1, inputs=inputs))}
    return tuple(f"{it} (target)" if it in taken else it for it in names)


def _demand_whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise UserError(
            f"{name}: expected a whole number from {least} on, got {line(repr(value), 80)}"
        )
