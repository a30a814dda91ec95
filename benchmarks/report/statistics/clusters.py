"""How test tasks hang together: tasks in groups, groups in folds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Bool, Float, Int

Names = Sequence[int] | Sequence[str] | np.ndarray | None


@dataclass(frozen=True)
class Clusters:
    """Tasks in groups, groups in folds; a group weighs as much as it has tasks.

    Attributes:
        group: the number of the group of each task; one each where tasks are independent.
        fold: the number of the fold that each group is in; 0 for all where there are no folds.
    """

    group: Int[np.ndarray, " tasks"]
    fold: Int[np.ndarray, " groups"]

    @classmethod
    def of(cls, tasks: int, groups: Names, folds: Names) -> "Clusters":
        """Numbers for names.

        Raises:
            ValueError: names are not as many as the tasks, or a group is in two folds.
        """
        given = [None if it is None else np.asarray(it) for it in (groups, folds)]
        for what, names in zip(("groups", "folds"), given, strict=True):
            if names is not None and len(names) != tasks:
                raise ValueError(f"{tasks} tasks but {len(names)} {what}")
        if any(it is not None and it.dtype.hasobject for it in given):
            return _made(tasks, *given)
        return _known(tasks, *(it if it is None else (it.dtype.str, it.tobytes()) for it in given))

    @property
    def groups(self) -> int:
        return len(self.fold)

    @cached_property
    def folds(self) -> int:
        return int(self.fold.max()) + 1

    @cached_property
    def of_folds(self) -> list[Bool[np.ndarray, " groups"]]:
        """Which groups are of each fold."""
        return [self.fold == f for f in range(self.folds)]

    @cached_property
    def _order(self) -> Int[np.ndarray, " tasks"]:
        return np.argsort(self.group)

    @cached_property
    def weights(self) -> Float[np.ndarray, " groups"]:
        return np.bincount(self.group, minlength=self.groups) / len(self.group)

    @cached_property
    def fold_weights(self) -> Float[np.ndarray, " folds"]:
        return np.bincount(self.fold, weights=self.weights)

    def means(self, rows: Float[np.ndarray, "seeds tasks"]) -> Float[np.ndarray, "seeds groups"]:
        """Each seed's mean in each group."""
        if self.groups == len(self.group):
            return rows.take(self._order, axis=1)  # an index would lay them out seed by seed
        shape = len(rows), self.groups
        flat = np.arange(len(rows))[:, None] * self.groups + self.group
        sums = np.bincount(flat.ravel(), weights=rows.ravel(), minlength=shape[0] * shape[1])
        return sums.reshape(shape) / (self.weights * len(self.group))

    @cached_property
    def correction(self) -> float:
        """What a sum of squared weighted deviations from the mean of all groups falls short by."""
        w = self.weights
        return float(w @ w / (w**2 @ (1 - 2 * w + w @ w)))

    @cached_property
    def freedom(self) -> float:
        """Degrees of freedom of that sum by Satterthwaite: groups − 1 where all weigh the same."""
        w = self.weights
        if np.ptp(w) <= 1e-12:
            return float(self.groups - 1)
        apart = np.eye(self.groups) - w  # deviations from the mean, of groups that vary alike
        form = apart.T @ (w[:, None] ** 2 * apart)
        return float(np.trace(form) ** 2 / (form * form).sum())

    @cached_property
    def fold_corrections(self) -> Float[np.ndarray, " groups"]:
        """As `correction`, of the mean of a group's own fold; 0 where it is alone there."""
        share = self.weights / self.fold_weights[self.fold]
        squares = np.bincount(self.fold, weights=share**2)
        left = np.bincount(self.fold, weights=share**2 * (1 - 2 * share + squares[self.fold]))
        ratio = np.divide(squares, left, out=np.zeros_like(left), where=left > 1e-12)
        return ratio[self.fold]

    @cached_property
    def seen(self) -> float:
        """How much of what differs from training to training shows as differences of groups.

        0 with one training for all groups of a seed; 1 where each group has a training of its own.
        """
        w, v = self.fold_weights, self.weights
        if self.folds == 1:
            return 0.0
        within = np.bincount(self.fold, weights=v**2)
        return float(self.correction * (within @ (1 - 2 * w + w @ w)) / (w @ w))


Held = tuple[str, bytes] | None
"""The type of what an array holds, and what it holds."""


@lru_cache(maxsize=32)
def _known(tasks: int, groups: Held, folds: Held) -> Clusters:
    """Thousands of scores are of the same tasks: what follows from these is found once."""
    arrays = (it if it is None else np.frombuffer(it[1], it[0]) for it in (groups, folds))
    return _made(tasks, *arrays)


def _made(tasks: int, groups: np.ndarray | None, folds: np.ndarray | None) -> Clusters:
    group = np.arange(tasks) if groups is None else _numbered(groups)
    of_task = np.zeros(tasks, int) if folds is None else _numbered(folds)
    fold = np.zeros(group.max(initial=0) + 1, int)
    fold[group] = of_task
    if not np.array_equal(fold[group], of_task):
        raise ValueError("a group of tasks is in two folds")
    return Clusters(group, fold)


def _numbered(names: np.ndarray) -> Int[np.ndarray, " tasks"]:
    return np.unique(names, return_inverse=True)[1].reshape(-1)
