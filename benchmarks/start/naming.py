"""Which columns name tasks: texts and whole numbers that repeat, crossed or within each other."""

from collections.abc import Sequence

import numpy as np

from benchmarks.start.holding import Column, depends_on, joined, sizes, varies
from benchmarks.start.words import IDS, INPUTS, PARTS_OF_A_DAY, PARTS_OF_A_YEAR, TARGETS

LEAST_POINTS = 4
"""Of a task, at the median: a further name that would leave fewer is no part of the task."""
CROSSED = 0.3
"""Of tasks, at least so many have two values of a further name."""
LIKELY = 2


def likely_names(columns: Sequence[Column]) -> list[Column]:
    """What may name tasks, the likeliest first."""
    scored = [(_score(it, columns), it.distinct, it) for it in columns]
    ranked = sorted(scored, key=lambda it: (-it[0], -it[1], it[2].place))
    return [column for score, _, column in ranked if score >= LIKELY]


def combined(
    names: Sequence[Column], columns: Sequence[Column]
) -> tuple[list[Column], list[Column]]:
    """Those that together make tasks of several points, and those of which a task has one value.

    A further name is part of a task where it is called like one, or where without it some other
    column (the months of several years) comes again and again within a task.
    """
    chosen: list[Column] = []
    coarser: list[Column] = []
    for column in names:
        if chosen and depends_on(column, joined(chosen)):
            coarser.append(column)
            continue
        if np.median(sizes(joined([*chosen, column]))) < (LEAST_POINTS if chosen else 2):
            continue
        finer = column.distinct > max([it.distinct for it in chosen], default=0)
        within = [it for it in chosen if finer and depends_on(it, column.codes)]
        if chosen and not within:
            if varies(column, joined(chosen)) < CROSSED:
                continue
            named = bool(column.words & IDS) or _calendar(column, columns)
            others = [it for it in columns if it.kind != "text" and it not in (*chosen, column)]
            if not named and not any(_untangled(it, chosen, column) for it in others):
                continue
        chosen = [*(it for it in chosen if it not in within), column]
        coarser += within
    return chosen, coarser


def why_named(column: Column, columns: Sequence[Column]) -> str:
    """Why a column is part of a task."""
    if _calendar(column, columns):
        part = next((it for it in ("year", "month") if it in column.words), "day")
        return f"a {part} is a curve of its own"
    if column.kind == "text":
        return "text that repeats"
    return "whole numbers that repeat" + ", in blocks" * column.blocks


def _score(column: Column, columns: Sequence[Column]) -> float:
    if column.distinct > column.filled / 2 or column.distinct < 2:
        return 0
    if _calendar(column, columns):
        return LIKELY
    if column.kind == "dates" or (column.kind == "numbers" and not column.whole):
        return 0
    score = 3 * bool(column.words & IDS) - 4 * bool(column.words & (INPUTS | TARGETS))
    return score + (3 if column.kind == "text" else 2 * column.blocks)


def _untangled(column: Column, chosen: Sequence[Column], further: Column) -> bool:
    """Whether the column's values repeat within tasks, but not within those of the further name."""
    return _repeated(column, chosen) > 0.3 and _repeated(column, [*chosen, further]) < 0.05


def _repeated(column: Column, names: Sequence[Column]) -> float:
    """The share of cells whose value their task had before."""
    task = joined(names)
    there = (task >= 0) & (column.codes >= 0)
    pairs = joined([*names, column])[there]
    return 1 - len(np.unique(pairs)) / max(1, len(pairs))


def _calendar(column: Column, columns: Sequence[Column]) -> bool:
    """A year beside months is part of the task, a month beside days, a day beside hours."""
    others = frozenset[str]().union(*(it.words for it in columns if it is not column))
    if "year" in column.words and column.whole:
        return bool(others & PARTS_OF_A_YEAR)
    if "month" in column.words and "year" not in others:
        return "day" in others
    return column.kind == "dates" and bool(others & PARTS_OF_A_DAY)
