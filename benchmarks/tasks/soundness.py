"""What numbers of the user's have to be like for scores to mean something, and what was read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.core import CONSTANT, Split, variance_scale
from benchmarks.core.errors import DataError

LEAST = 1e-12
FAR = 1e4
OUTSIDE = 0.25
"""Inputs are far outside where they are beyond the training rows by this share of their range."""
SMALLEST = 1e-100
"""Spreads below have squares that underflow."""


def moments(path: str, name: str, values: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation, the latter 1 where values are the same but for rounding.

    Raises:
        DataError: they spread by so little that the squares are 0.
    """
    spread = float(np.ptp(values))
    if spread <= 4 * np.spacing(np.abs(values).max()) and spread < np.abs(values).max():
        return float(values.mean()), 1.0
    if 0 < spread < SMALLEST:
        raise DataError(
            f"{path}: column {name!r} varies by no more than {spread:g} in the training split, "
            "whose square is 0 to a computer; expected another unit"
        )
    return float(values.mean()), float(values.std()) if spread > 0 else 1.0


def check_resolution(
    path: str, name: str, standard: np.ndarray, values: np.ndarray, rows: np.ndarray
) -> None:
    """Standardised in single precision, most rows still differ from those they differed from.

    Numbers count as different where they do in their first twelve digits.

    Raises:
        DataError: more than half of the rows have a value that became another's: a few cells are
            so large that the others are all alike beside them.
    """
    _, place = np.unique(_rounded(values), return_inverse=True)
    single = standard.astype(np.float32)
    merged = np.zeros(len(values), bool)
    order = np.lexsort((place, single))
    same = (np.diff(single[order]) == 0) & (np.diff(place[order]) != 0)
    shared = np.isin(single, single[order][1:][same])
    merged[shared] = True
    if merged.mean() > 0.5:
        odd = int(np.abs(values - np.median(values)).argmax())
        raise DataError(
            f"{path}: column {name!r} holds {values[odd]:g} in row {int(rows[odd]) + 1:,}, beside "
            f"which {int(merged.sum()):,} of {len(values):,} training rows cannot be told apart in "
            "single precision; expected numbers of one magnitude"
        )


def far_cells(name: str, values: np.ndarray, rows: np.ndarray) -> list[str]:
    """A word on the cell that lies `FAR` times as far from the median as a quarter of the rows."""
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    away = np.abs(values - median)
    odd = int(away.argmax())
    if high == low or away[odd] < FAR * (high - low):
        return []
    times = away[odd] / (high - low)
    return [
        f"column {name!r} holds {values[odd]:g} in row {int(rows[odd]) + 1:,}: {times:,.0f} times "
        "as far from the median as the quartiles are apart; it outweighs the others"
    ]


def _rounded(values: np.ndarray) -> np.ndarray:
    """To 40 binary digits, about twelve decimal ones."""
    mantissa, exponent = np.frexp(values)
    rounded: np.ndarray = np.ldexp(np.round(np.ldexp(mantissa, 40)), exponent - 40)
    return rounded


def constant_tasks(path: str, target: str, split: Split, y: Tensor, count: Tensor) -> list[str]:
    """How many tasks have one target throughout, in words: none if no task has.

    `y` is standardised, task after task. A variance below `LEAST` (of the training split's, which
    is 1), or below `CONSTANT` of what is typical of the split's tasks, is none.

    Raises:
        DataError: all tasks of the training or the test split have.
    """
    values, task = y.double().flatten().numpy(), np.repeat(np.arange(len(count)), count.numpy())
    mean = np.bincount(task, values) / count.numpy()
    spread = np.bincount(task, (values - mean[task]) ** 2) / count.numpy()
    variance = spread[count.numpy() > 1]
    if not len(variance):
        return []
    scale = variance_scale(torch.from_numpy(variance), LEAST)
    still = int((variance <= max(LEAST, CONSTANT * scale)).sum())
    if still == len(variance) and split != "validation":
        raise DataError(
            f"{path}: {_of(still, len(variance), split)} a constant target {target!r}; "
            "expected one that varies within tasks"
        )
    return [f"{_of(still, len(variance), split)} a constant target {target!r}"] if still else []


def still_inputs(
    inputs: Mapping[str, np.ndarray], task: np.ndarray, train: np.ndarray, group: np.ndarray
) -> list[str]:
    """A word on each input that no training task varies: it is learnt from as many groups only."""
    tasks, place, count = np.unique(task[train], return_inverse=True, return_counts=True)
    if not len(tasks) or count.max() < 2:
        return []
    groups = len({*group[train]})
    words = []
    for name, values in inputs.items():
        first = values[train][np.unique(place, return_index=True)[1]]
        if (values[train] != first[place]).any():
            continue
        words.append(
            f"input {name!r} is one and the same in all training rows: nothing is learnt from it"
            if (first == first[0]).all()
            else f"input {name!r} is one value within every task: it can only be learnt from "
            f"{groups:,} training group{'' if groups == 1 else 's'}"
        )
    return words


def unseen_categories(name: str, values: np.ndarray, split: np.ndarray) -> list[str]:
    """A word on the categories of other splits that no training row has."""
    known = {*values[split == "train"]}
    words = []
    for other in ("validation", "test"):
        here = values[split == other]
        strange = np.array([it not in known for it in here], bool)
        if strange.any():
            words.append(
                f"column {name!r}: {int(strange.sum()):,} of {len(here):,} {other} rows hold a "
                f"category that no training row has ({str(here[strange][0])[:60]!r}, say): all of "
                "its 0/1 inputs are 0 there"
            )
    return words


def outside_rows(name: str, values: np.ndarray, split: np.ndarray) -> list[str]:
    """A word on the rows of other splits whose input is far outside of what training rows have.

    `values` are numbers or moments.
    """
    known = values[split == "train"]
    low, high = known.min(), known.max()
    room = OUTSIDE * (high - low)
    words = []
    for other in ("validation", "test"):
        here = values[split == other]
        away = np.maximum(low - room - here, here - high - room)
        far = away > np.zeros(1, away.dtype)
        if far.any() and high > low:
            words.append(
                f"column {name!r}: {int(far.sum()):,} of {len(here):,} {other} rows lie far "
                f"outside of what training rows have, {_shown(low)} to {_shown(high)} "
                f"({_shown(here[int(away.argmax())])}, say): what is predicted there is a guess"
            )
    return words


def _shown(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[s]")).replace("T00:00:00", "")
    if isinstance(value, np.timedelta64):
        return f"{value / np.timedelta64(1, 'h'):g} h"
    return f"{value:g}"


def _of(number: int, whole: int, split: Split) -> str:
    tasks = f"{whole:,} {split} task" + ("" if whole == 1 else "s")
    every = f"the only {tasks}" if whole == 1 else f"all {tasks}"
    return (
        f"{every} ha{'s' if whole == 1 else 've'}"
        if number == whole
        else (f"{number:,} of {tasks} ha{'s' if number == 1 else 've'}")
    )


def in_words(counts: Mapping[Split, tuple[int, int]], rows: int, dropped: int, what: str) -> str:
    """Rows, tasks and groups read; `counts` has tasks and groups of each split."""
    tasks = sum(n for n, _ in counts.values())
    each = ", ".join(f"{split} {n:,} (of {groups:,})" for split, (n, groups) in counts.items())
    without = f"; {dropped:,} more left out, as a cell was empty" if dropped else ""
    return f"read {rows:,} {what} in {tasks:,} tasks (of so many groups): {each}{without}"
