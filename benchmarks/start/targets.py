"""What is to be predicted: numbers that are called so or were measured, or classes."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from benchmarks.start.holding import Column, depends_on, joined, sizes, varies
from benchmarks.start.words import CLASSES, INPUTS, NUMBERED_CLASSES, TARGETS

MANY_EMPTY = 0.2
MOST_CLASSES = 20
MOSTLY = 0.8
FINER = 4


def score(column: Column) -> float:
    """How likely a column of numbers is what is to be predicted."""
    few = column.whole and column.distinct <= min(10, column.filled / 10)
    return (
        5 * bool(column.words & TARGETS)
        - 4 * bool(column.words & INPUTS)
        - 2 * few
        - 2 * (column.empty_share > MANY_EMPTY)
    )


def classes_among(
    columns: Sequence[Column], names: Sequence[Column], taken: Collection[str]
) -> Column | None:
    """The column that obviously holds classes to be told, if one does.

    It is called so, has few values and several of them within nearly every task, each several
    times; there are measurements to tell them by, of which none is called a target.

    Args:
        columns: those that may be of use.
        names: those that may name tasks, the likeliest first.
        taken: the names of those that the user has given another role.
    """
    for column in columns:
        called = column.words & CLASSES
        if not called or column.name in taken or not 2 <= column.distinct <= MOST_CLASSES:
            continue
        if column.kind != "text" and not (column.whole and called & NUMBERED_CLASSES):
            continue
        others = [it for it in columns if it is not column]
        measured = [it for it in others if it.kind == "numbers" and it not in names]
        if not measured or any(it.words & TARGETS - CLASSES for it in measured):
            continue
        task = next((joined([it]) for it in names if it is not column), None)
        if task is not None and varies(column, task) >= MOSTLY and _often(column, task):
            return column
    return None


def _often(column: Column, task: np.ndarray) -> bool:
    """Whether within a task each value comes again."""
    there = (task >= 0) & (column.codes >= 0)
    pairs = pd.Series(column.codes[there]).groupby([task[there], column.codes[there]]).size()
    return bool(pairs.median() >= 2)


def shots_of_classes(column: Column, task: np.ndarray, ways: int) -> np.ndarray:
    """Of each task, how many rows the `ways`-th largest of its classes has; 0 where it has none."""
    there = (task >= 0) & (column.codes >= 0)
    table = np.zeros((len(sizes(task)), column.distinct), int)
    np.add.at(table, (task[there], column.codes[there]), 1)
    if ways > column.distinct:
        return np.zeros(len(table), int)
    return np.asarray(np.sort(table, 1)[:, -ways])


def ways_of(column: Column, task: np.ndarray) -> int:
    """As many classes as four tasks in five have, each in two rows at least; two, if fewer do."""
    present = sizes(task) > 0
    fine = [
        ways
        for ways in range(2, column.distinct + 1)
        if (shots_of_classes(column, task, ways)[present] >= 2).mean() >= MOSTLY
    ]
    return max(fine, default=2)


def gives_away(column: Column, y: Column, task: np.ndarray) -> str:
    """Whether the column is the target in other words: equal, in the same order, or scaled."""
    there = np.isfinite(column.numbers) & np.isfinite(y.numbers)
    if there.sum() < 3:
        return ""
    pair = pd.DataFrame({"x": column.numbers[there], "y": y.numbers[there]})
    if pair.nunique().min() < 2:
        return ""
    ranks = abs(pair["x"].rank().corr(pair["y"].rank()))
    if (pair["x"] == pair["y"]).all():
        return f"it is the target {y.name} again"
    if abs(pair["x"].corr(pair["y"])) > 1 - 1e-7 or ranks > 1 - 1e-9:
        return f"it gives the target {y.name} away (correlation 1)"
    if not column.words & INPUTS:
        within = pair - pair.groupby(task[there]).transform("mean")
        sums = within.mul(within["y"], axis=0).groupby(task[there]).sum()
        size = (within["x"] ** 2).groupby(task[there]).sum() * sums["y"]
        clear = (size > 0) & (np.bincount(task[there] + 1)[1:][sums.index] > 2)
        if clear.sum() > 1 and (sums["x"] ** 2 / size)[clear].min() > 1 - 1e-7:
            return f"it gives the target {y.name} away (correlation 1 within each task)"
    return ""


def names_classes(column: Column, y: Column) -> bool:
    """Whether the column is names or whole numbers of few values, each of one class alone."""
    if column.kind not in ("text", "numbers") or (column.kind == "numbers" and not column.whole):
        return False
    return column.distinct <= FINER * y.distinct and depends_on(y, column.codes)
