"""A trained learner in Python: adapt it to a new task, and predict in the data's own units."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.api.frames import as_files, is_frame, prepared, renamed
from benchmarks.core import Predictor, Problem, Support, Uncertain
from benchmarks.core.contract import Explains
from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import count
from benchmarks.harness.evaluation.predictions import adapted
from benchmarks.harness.predict.answering import Answers
from benchmarks.harness.predict.checkpoint import Checkpoint
from benchmarks.harness.predict.classes import balanced
from benchmarks.harness.predict.merging import Moments, moments, probabilities
from benchmarks.harness.predict.reading import Rows, columns_of, odd_in, read_rows


class FittedLearner:
    """A learner that has been trained on many tasks, once or several times.

    What several trainings predict is averaged.

    Attributes:
        columns: the inputs it knows, as its training data called them.
        problem: what all tasks have in common.
        trainings: which trainings they are, in words.
    """

    def __init__(self, *checkpoints: Checkpoint) -> None:
        self._checkpoints = checkpoints
        self.problem: Problem = checkpoints[0].problem
        self.columns = columns_of(self.problem)
        self.trainings = tuple(it.called for it in checkpoints)

    @property
    def name(self) -> str:
        return self._checkpoints[0].learner.name

    def adapt(self, X: Any, y: Any, steps: int | None = None) -> "Adapted":  # noqa: N803
        """Learn a new task from a few of its points.

        Args:
            X: their inputs: a DataFrame with `columns`, or an array of shape (points, columns) in
                that order; pictures of shape (points, height, width), from 0 to 1.
            y: their targets, in their own units; in classification, whatever names their classes.
            steps: adaptation steps; those that validation chose for about as many points, if left
                out, or else the most that its trial was scored after.

        Raises:
            DataError: they cannot be used, or the learner needs to see more than data.
        """
        if needs := self._checkpoints[0].learner.needs:
            raise DataError(f"{self.name}: also needs {' and '.join(sorted(needs))} of a task")
        if steps is not None and (isinstance(steps, bool) or int(steps) != steps or steps < 0):
            raise UserError(f"steps: expected a whole number from 0 on, got {steps!r}")
        classes = None
        if self.problem.kind == "classification":
            inputs = self._inputs(X)
            classes, codes = np.unique(np.asarray(y).ravel(), return_inverse=True)
            if len(classes) != self.problem.outputs:
                raise DataError(
                    f"y: holds {len(classes)} classes; expected "
                    f"{self.problem.outputs}, as tasks that {self.name} was trained for have"
                )
            _demand_as_many(len(inputs[0]), len(codes))
            rows = balanced(codes)
            known = torch.eye(len(classes))[torch.from_numpy(codes[rows])]
            points = [(x[torch.from_numpy(rows)], known) for x in inputs]
            shots = len(rows) // len(classes)
        else:
            points = self._points(X, np.asarray(y))
            shots = len(points[0][0])
        known_by: list[tuple[Support, Predictor]] = []
        for it, (x, known) in zip(self._checkpoints, points, strict=True):
            support = Support(x.unsqueeze(0), known.unsqueeze(0))
            after = it.steps_for(shots) if steps is None else int(steps)
            (predictor,) = adapted(it.learner, support, [after], it.problem)
            known_by.append((support, predictor))
        return Adapted(self, known_by, classes)

    def _points(self, given: Any, targets: np.ndarray) -> list[tuple[Tensor, Tensor]]:
        """Inputs and targets, as each training knows them."""
        names = self.problem.own_targets
        table = self._table(given, "X").drop(columns=names, errors="ignore")
        columns = targets[:, None] if targets.ndim == 1 else targets
        if columns.ndim != 2 or columns.shape[1] != len(names):
            raise DataError(
                f"y: has the shape {targets.shape}; expected ({len(table)}, {len(names)}), the "
                f"columns {', '.join(names)}"
            )
        _demand_as_many(len(table), len(columns))
        told = dict(zip(names, columns.T, strict=True))
        rows = self._read(table.assign(**told), "X or y", names)
        problems = [it.problem for it in self._checkpoints]
        with renamed({rows.path: "X or y"}):
            return [(rows.inputs(it), rows.targets(it)) for it in problems]

    def _inputs(self, given: Any, name: str = "X") -> list[Tensor]:
        """Of shape (points, features), as each training knows them."""
        if self.problem.image is not None:
            return [self._pictures(given, name)] * len(self._checkpoints)
        rows = self._read(self._table(given, name), name, [])
        with renamed({rows.path: name}):
            return [rows.inputs(it.problem) for it in self._checkpoints]

    def _read(self, table: pd.DataFrame, name: str, told: Sequence[str]) -> Rows:
        if table.empty:
            raise DataError(f"{name}: holds no points; expected at least one")
        with as_files(**{name: table}) as paths:
            rows = read_rows(str(paths[name]), self._checkpoints[0], told)
            rows.demand_whole()
        for word in odd_in(rows, [it.problem for it in self._checkpoints]):
            warnings.warn(word.replace(rows.path, name), stacklevel=5)
        return rows

    def _table(self, given: Any, name: str) -> pd.DataFrame:
        if is_frame(given):
            return prepared(given, name)
        if isinstance(given, Mapping):
            return pd.DataFrame({str(key): np.asarray(it) for key, it in given.items()})
        values = np.asarray(given, dtype=None if isinstance(given, np.ndarray) else object)
        if values.ndim == 1 and len(self.columns) == 1:
            values = values[:, None]
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise DataError(
                f"{name}: has the shape {values.shape}; expected (points, {len(self.columns)}), "
                f"the columns {', '.join(self.columns)}"
            )
        table = pd.DataFrame(values, columns=self.columns)
        return table.infer_objects()

    def _pictures(self, given: Any, name: str) -> Tensor:
        channels, height, width = self.problem.image or (0, 0, 0)
        try:
            values = np.asarray(given, dtype=np.float32)
        except (TypeError, ValueError):
            raise DataError(f"{name}: holds no numbers; expected pictures from 0 to 1") from None
        pixels = channels * height * width
        if values.ndim < 2 or values[0].size != pixels:
            raise DataError(
                f"{name}: has the shape {values.shape}; expected (points, {channels}, {height}, "
                f"{width})"
            )
        if not np.isfinite(values).all():
            raise DataError(f"{name}: holds numbers that are not finite")
        return torch.from_numpy(values.reshape(len(values), pixels))

    def __repr__(self) -> str:
        return f"<{self.name}, trained: {self.problem.target} of {', '.join(self.columns)}>"


class Adapted:
    """A learner that has adapted to one task.

    Attributes:
        classes: in classification, what the labels stand for, in the order of `predict_proba`.
    """

    def __init__(
        self,
        fitted: FittedLearner,
        known_by: Sequence[tuple[Support, Predictor]],
        classes: np.ndarray | None,
    ) -> None:
        self._fitted, self._adapted = fitted, known_by
        self.classes = classes

    def predict(
        self,
        X: Any,  # noqa: N803
        return_std: bool = False,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """What other points of the task may have: targets in own units, of shape (points,).

        Of several outputs there is a column for each. In classification they are labels.

        Args:
            X: inputs, as `FittedLearner.adapt` takes them.
            return_std: also return the standard deviation of new observations from it.

        Raises:
            DataError: they cannot be used.
            UserError: the learner does not tell how sure it is.
        """
        if self.classes is not None:
            return self.classes[self.predict_proba(X).argmax(1)]
        found = self._moments(X, return_std)
        if not return_std:
            return _flat(found.mean)
        assert found.std is not None
        return _flat(found.mean), _flat(found.std)

    def disagreement(self, X: Any) -> np.ndarray:  # noqa: N803
        """How far several trainings are apart, as a standard deviation; like `predict`.

        It is less than how far new observations may lie: trainings can be wrong together.

        Raises:
            DataError: X cannot be used.
            UserError: the learner classifies, or there is but one training.
        """
        if self.classes is not None or len(self._adapted) == 1:
            raise UserError(
                f"{self._fitted.name}: nothing to disagree; expected several trainings of a "
                "learner that predicts numbers"
            )
        return _flat(self._moments(X, std=False).apart)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """How probable each of `classes` is: of shape (points, classes).

        Raises:
            DataError: X cannot be used.
            UserError: the learner does not classify.
        """
        if self.classes is None:
            raise UserError(f"{self._fitted.name}: predicts numbers, and no classes")
        return probabilities(self._answers(X, std=False))

    def _moments(self, given: Any, std: bool) -> Moments:
        problems = [it.problem for it in self._fitted._checkpoints]
        return moments([*zip(problems, self._answers(given, std), strict=True)])

    def _answers(self, given: Any, std: bool) -> list[Answers]:
        """What each training says; `std` asks also how sure it is."""
        if std and not isinstance(self._adapted[0][1], Uncertain):
            raise UserError(
                f"{self._fitted.name}: does not tell how sure it is; return_std is for gp, "
                'gp-prior and cnp with loss = "gaussian"'
            )
        found = []
        for x, (_, predictor) in zip(self._fitted._inputs(given), self._adapted, strict=True):
            mean, sure = predictor(x[None])[0], None
            if std and isinstance(predictor, Uncertain):
                sure = predictor.std(x[None])[0].detach().double().cpu().numpy()
            found.append(Answers(mean.detach().double().cpu().numpy(), sure))
        return found

    def explain(self) -> list[str]:
        """What the learner says of its adaptation, if anything (REML: the composition)."""
        said = []
        for it, (support, _) in zip(self._fitted._checkpoints, self._adapted, strict=True):
            if isinstance(it.learner, Explains):
                of = f"{it.called}: " if len(self._adapted) > 1 else ""
                seen = support.within() if it.problem.within_tasks else support
                said += [f"{of}{text}" for text in it.learner.explain(seen)]
        return said


def _flat(values: np.ndarray) -> np.ndarray:
    return values[:, 0] if values.shape[1] == 1 else values


def _demand_as_many(points: int, values: int) -> None:
    if points != values:
        raise DataError(f"y: has {count(values, 'value')}, where X has {count(points, 'point')}")
    if not points:
        raise DataError("X: holds no points; expected at least one to adapt to")
