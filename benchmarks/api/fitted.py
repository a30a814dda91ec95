"""A trained learner in Python: adapt it to a new task, and predict in the data's own units."""

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.api.frames import is_frame, prepared, write_frame
from benchmarks.core import Predictor, Problem, Support, Uncertain
from benchmarks.core.contract import Explains
from benchmarks.core.errors import DataError, UserError
from benchmarks.core.text import count
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.new_task import Checkpoint, columns_of, load_checkpoint, read_points


class FittedLearner:
    """A learner that has been trained on many tasks.

    Attributes:
        columns: the inputs it knows, as its training data called them.
        problem: what all tasks have in common.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self.problem: Problem = checkpoint.problem
        self.columns = columns_of(checkpoint.problem)

    @classmethod
    def load(cls, place: Path, registry: Registry) -> "FittedLearner":
        """That of a trial's folder.

        Raises:
            StoreError: there is none, or it is damaged.
        """
        return cls(load_checkpoint(place, registry))

    @property
    def name(self) -> str:
        return self._checkpoint.learner.name

    def adapt(self, X: Any, y: Any, steps: int | None = None) -> "Adapted":  # noqa: N803
        """Learn a new task from a few of its points.

        Args:
            X: their inputs: a DataFrame with `columns`, or an array of shape (points, columns) in
                that order; pictures of shape (points, height, width), from 0 to 1.
            y: their targets, in their own units; in classification, whatever names their classes.
            steps: adaptation steps; the most that its trial was scored after, if left out.

        Raises:
            DataError: they cannot be used, or the learner needs to see more than data.
        """
        learner = self._checkpoint.learner
        if learner.needs:
            raise DataError(
                f"{self.name}: also needs {' and '.join(sorted(learner.needs))} of a task"
            )
        if steps is not None and (isinstance(steps, bool) or int(steps) != steps or steps < 0):
            raise UserError(f"steps: expected a whole number from 0 on, got {steps!r}")
        if self.problem.kind == "classification":
            x = self._inputs(X)
            classes, codes = np.unique(np.asarray(y).ravel(), return_inverse=True)
            if len(classes) != self.problem.outputs:
                raise DataError(
                    f"y: holds {len(classes)} classes; expected "
                    f"{self.problem.outputs}, as tasks that {self.name} was trained for have"
                )
            known = torch.eye(len(classes))[torch.from_numpy(codes)].unsqueeze(0)
        else:
            classes = None
            x, known = self._points(X, np.asarray(y))
        _demand_as_many(x, known)
        support = Support(x, known)
        (predictor,) = learner.adapt(support, [self._checkpoint.steps if steps is None else steps])
        return Adapted(self, support, predictor, classes)

    def _points(self, given: Any, targets: np.ndarray) -> tuple[Tensor, Tensor]:
        names = [name for name, *_ in self.problem.columns]
        table = self._table(given, "X").drop(columns=names, errors="ignore")
        columns = targets[:, None] if targets.ndim == 1 else targets
        if columns.ndim != 2 or columns.shape[1] != len(names):
            raise DataError(
                f"y: has the shape {targets.shape}; expected ({len(table)}, {len(names)}), the "
                f"columns {', '.join(names)}"
            )
        if len(table) != len(columns):
            raise DataError(
                f"y: has {count(len(columns), 'value')}, where X has {count(len(table), 'point')}"
            )
        told = dict(zip(names, columns.T, strict=True))
        x, y = self._read(table.assign(**told), "X or y", targets=True)
        assert y is not None
        return x, y

    def _inputs(self, given: Any, name: str = "X") -> Tensor:
        """Of shape (1, points, features), as the learner knows them."""
        if self.problem.image is not None:
            return self._pictures(given, name)
        return self._read(self._table(given, name), name, targets=False)[0]

    def _read(self, table: pd.DataFrame, name: str, targets: bool) -> tuple[Tensor, Tensor | None]:
        with _as_file(table, name) as path:
            x, y, words = read_points(path, self._checkpoint, targets)
        for word in words:
            warnings.warn(word.replace(str(path), name), stacklevel=4)
        return x, y

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
        return torch.from_numpy(values.reshape(1, len(values), pixels))

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
        support: Support,
        predictor: Predictor,
        classes: np.ndarray | None,
    ) -> None:
        self._fitted, self._support, self._predictor = fitted, support, predictor
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
        problem = self._fitted.problem
        predictor = self._predictor
        if return_std and not isinstance(predictor, Uncertain):
            raise UserError(
                f"{self._fitted.name}: does not tell how sure it is; return_std is for gp, "
                'gp-prior and cnp with loss = "gaussian"'
            )
        x = self._fitted._inputs(X)
        predicted = predictor(x)[0].double().cpu().numpy()
        if self.classes is not None:
            return self.classes[predicted.argmax(1)]
        scale = np.array([it for _, it, _ in problem.columns])
        values = _flat(predicted * scale + np.array([it for *_, it in problem.columns]))
        if not isinstance(predictor, Uncertain) or not return_std:
            return values
        return values, _flat(predictor.std(x)[0].double().cpu().numpy() * scale)

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """How probable each of `classes` is: of shape (points, classes).

        Raises:
            DataError: X cannot be used.
            UserError: the learner does not classify.
        """
        if self.classes is None:
            raise UserError(f"{self._fitted.name}: predicts numbers, and no classes")
        return self._predictor(self._fitted._inputs(X))[0].double().softmax(1).cpu().numpy()

    def explain(self) -> list[str]:
        """What the learner says of its adaptation, if anything (REML: the composition)."""
        learner = self._fitted._checkpoint.learner
        return learner.explain(self._support) if isinstance(learner, Explains) else []


def _flat(values: np.ndarray) -> np.ndarray:
    return values[:, 0] if values.shape[1] == 1 else values


def _demand_as_many(x: Tensor, y: Tensor) -> None:
    if x.shape[1] != y.shape[1]:
        raise DataError(
            f"y: has {count(y.shape[1], 'value')}, where X has {count(x.shape[1], 'point')}"
        )
    if not x.shape[1]:
        raise DataError("X: holds no points; expected at least one to adapt to")


@contextmanager
def _as_file(table: pd.DataFrame, name: str) -> Iterator[Path]:
    """A file of the rows, so that they are read as those were that the learner was trained on.

    Raises:
        DataError: as whoever reads it, with the table's name in place of the file's.
    """
    if table.empty:
        raise DataError(f"{name}: holds no points; expected at least one")
    with tempfile.TemporaryDirectory(prefix="reml-") as folder:
        path = Path(folder) / "points.parquet"
        write_frame(table, path, name)
        try:
            yield path
        except DataError as error:
            raise DataError(str(error).replace(str(path), name)) from None
