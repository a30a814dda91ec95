"""Classes of new tasks: which rows to adapt on, so that each class weighs the same."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core.errors import DataError
from benchmarks.core.text import count, line


@dataclass(frozen=True)
class Labelled:
    """The classes of one task.

    Attributes:
        labels: what they are called, in the order of the outputs.
        rows: places of the rows to adapt on, equally many of each class.
        y: their classes, one-hot.
        repeated: whether rows of rarer classes are among them several times.
    """

    labels: tuple[str, ...]
    rows: np.ndarray
    y: Float[Tensor, "points ways"]
    repeated: bool


def labelled(classes: np.ndarray, rows: np.ndarray, ways: int) -> Labelled | str:
    """The classes of a task in these places; or what is wrong with them, in words.

    Learners take equally many rows of each class: those of rarer ones count several times.
    """
    mine = np.array([classes[row] for row in rows], object)
    labels, number = np.unique(mine.astype(str), return_inverse=True)
    if len(labels) != ways:
        return f"holds {len(labels):,} class{'' if len(labels) == 1 else 'es'}"
    picked = balanced(number)
    y = torch.eye(ways)[torch.from_numpy(number[picked])]
    return Labelled(tuple(map(str, labels)), rows[picked], y, len(picked) > len(rows))


def balanced(number: np.ndarray) -> np.ndarray:
    """Places of equally many rows of each class, in order; those of rarer ones come again."""
    most = int(np.bincount(number).max())
    return np.concatenate(
        [np.resize(np.flatnonzero(number == it), most) for it in np.unique(number)]
    )


def demand_ways(path: str, target: str, wrong: dict[str, str], ways: int, some: bool) -> list[str]:
    """Words on tasks of too few or too many classes.

    Raises:
        DataError: all tasks are.
    """
    if not wrong:
        return []
    name, what = next(iter(wrong.items()))
    of = f" of task {line(name, 60)}" if name else ""
    said = f"{path}: column {target!r}{of} {what}, and the learner tells {ways} from each other"
    if not some:
        raise DataError(f"{said}; expected as many")
    others = len(wrong) - 1
    more = f"; so {'does' if others == 1 else 'do'} {count(others, 'more task')}" if others else ""
    return [f"{said}: it is not predicted{more}"]
