"""Which column is what: the task, the inputs, the target, the groups; and why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError, UnknownName
from benchmarks.start.holding import Column, depends_on, joined, sizes, varies
from benchmarks.start.naming import combined, likely_names, why_named
from benchmarks.start.words import INPUTS, TARGETS, example
from benchmarks.tasks.names import plain

LEAST_GROUPS = 4
"""Fewer are only taken where the user says so."""
ENOUGH_GROUPS = 8
MOST_CATEGORIES = 20
MANY_EMPTY = 0.2
WIDE = 8
"""So many columns of numbers, and nothing that repeats, may be one task a row."""


@dataclass(frozen=True)
class Wanted:
    """What the user says; empty where that is to be guessed. `a,b` may be two columns."""

    task: tuple[str, ...] = ()
    x: tuple[str, ...] = ()
    y: str = ""
    split_by: str = ""


@dataclass
class Roles:
    """Columns by what they are for.

    Attributes:
        why: of `task`, `y`, `split_by` and each input, the reason.
        left_out: all other columns, each with the reason.
    """

    task: tuple[Column, ...] = ()
    x: tuple[Column, ...] = ()
    y: Column | None = None
    split_by: Column | None = None
    why: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def used(self) -> list[Column]:
        keys = [self.y, self.split_by]
        return [*self.task, *self.x, *(column for column in keys if column is not None)]

    @property
    def whole(self) -> np.ndarray:
        """Which rows have all the columns used."""
        filled = np.stack([column.codes >= 0 for column in self.used], 1)
        return np.asarray(filled.all(1))


def guess(path: str, columns: Sequence[Column], wanted: Wanted) -> Roles:
    """Give each column its role.

    Raises:
        DataError: that cannot be told; the sentence says what was seen, and what to type.
        UnknownName: a column that is wanted isn't there.
    """
    return _Guess(path, columns, wanted).roles


def ordered(columns: Collection[Column]) -> str:
    return ", ".join(column.name for column in sorted(columns, key=lambda it: it.place))


class _Guess:
    def __init__(self, path: str, columns: Sequence[Column], wanted: Wanted) -> None:
        self.path, self.columns = path, columns
        self.roles = roles = Roles()
        self.by_name = {column.name: column for column in columns}
        self.wanted = wanted = replace(
            wanted, task=self._parted(wanted.task), x=self._parted(wanted.x)
        )
        self.kept = {*map(plain, (*wanted.task, *wanted.x, wanted.y, wanted.split_by))}
        self.free = [it for it in columns if it.name in self.kept or not self._useless(it)]
        coarser = self._task()
        self.task = joined(roles.task)
        self._target()
        self._split(coarser)
        self._inputs()

    def _parted(self, given: tuple[str, ...]) -> tuple[str, ...]:
        """`a,b` as two names, unless a column is called so."""
        each = ([it] if plain(it) in self.by_name else it.split(",") for it in given)
        return tuple(name for names in each for name in names)

    def _named(self, name: str, option: str) -> Column:
        if plain(name) not in self.by_name:
            raise UnknownName("column", name, self.by_name, f"{self.path}: {option}")
        return self.by_name[plain(name)]

    def _useless(self, column: Column) -> bool:
        reason = ""
        if column.kind == "nothing":
            reason = "it is empty"
        elif column.distinct == 1:
            reason = "it has the same value in every row"
        elif column.numbers_rows:
            reason = "it numbers the rows"
        elif column.trouble:
            reason = f"it {column.trouble}"
        elif column.kind == "text" and column.distinct == column.filled:
            reason = "its texts are all different"
        if reason:
            self.roles.left_out[column.name] = reason
        return bool(reason)

    # ---- what makes a task

    def _task(self) -> list[Column]:
        """Set the task; returns what it may be split by, the likeliest name first."""
        roles = self.roles
        if self.wanted.task:
            roles.task = tuple(self._named(name, "--task") for name in self.wanted.task)
            roles.why["task"] = "as you say"
            task = joined(roles.task)
            self._demand_points(task)
            ids = self._ids()
            first = next((it for it in ids if it in roles.task), roles.task[0])
            return [first, *(it for it in ids if it is not first and depends_on(it, task))]
        ids = self._ids()
        if not ids:
            self._refuse_without_ids()
        chosen, coarser = combined(ids, self.free)
        if not chosen:
            self._refuse_without_ids()
        roles.task = tuple(sorted(chosen, key=lambda it: it.place))
        self._demand_points(joined(roles.task))
        whys = dict.fromkeys(why_named(it, self.free) for it in roles.task)
        roles.why["task"] = "; ".join(whys)
        for column in coarser:
            roles.left_out[column.name] = "every task has one value of it"
        return [*chosen, *coarser]

    def _ids(self) -> list[Column]:
        taken = {plain(name) for name in (*self.wanted.x, self.wanted.y)}
        return likely_names([it for it in self.free if it.name not in taken])

    def _demand_points(self, task: np.ndarray) -> None:
        if not len(sizes(task)) or np.median(sizes(task)) < 2:
            names = ordered(self.roles.task)
            raise DataError(
                f"{self.path}: a task of {names} is one row, so nothing is left to predict; give "
                f"columns whose values repeat, as in `{example(self.path, self.columns)}`"
            )

    def _refuse_without_ids(self) -> None:
        numbers = [it for it in self.columns if it.kind == "numbers"]
        seen = (
            f"{len(self.columns):,} columns, {len(numbers):,} of numbers, and nothing that names "
            "groups of rows"
        )
        hint = ""
        if any("'algorithm'" in it.name for it in numbers):
            hint = "; a matrix of errors like this is read by the family oboe (`reml help oboe`)"
        elif len(numbers) >= WIDE and len(numbers) > len(self.columns) / 2:
            hint = (
                "; if each row is a task, make it long first, one row for each point (pandas.melt)"
            )
        raise DataError(
            f"{self.path}: cannot tell which columns make a task ({seen}){hint}; say it, as in "
            f"`{example(self.path, self.columns)}`"
        )

    def _odd(self) -> str:
        """The first column that would be of numbers or dates, were it not for something."""
        odd = next((it for it in self.columns if it.trouble), None)
        return f" (column {odd.name!r} {odd.trouble})" if odd else ""

    # ---- the target

    def _target(self) -> None:
        roles = self.roles
        if self.wanted.y:
            roles.y, roles.why["y"] = self._named(self.wanted.y, "--y"), "as you say"
            return
        known = {it.name for it in roles.task} | {*map(plain, self.wanted.x)}
        candidates = [
            it
            for it in self.free
            if it.kind == "numbers"
            and it.name not in (known | {plain(self.wanted.split_by)})
            and varies(it, self.task) >= 0.5
        ]
        if not candidates:
            raise DataError(
                f"{self.path}: no column of numbers varies within tasks of {ordered(roles.task)}, "
                f"so there is no target{self._odd()}; give --task, or --y, as in "
                f"`{example(self.path, self.columns)}`"
            )
        best = max(candidates, key=lambda it: (self._target_score(it), it.place))
        roles.y = best
        if best.words & TARGETS:
            roles.why["y"] = "its name"
        elif len(candidates) == 1:
            roles.why["y"] = "the only column of numbers that vary within tasks"
        else:
            roles.why["y"] = "the last column of measurements that vary within tasks"
            others = [it for it in candidates if it is not best and not it.words & INPUTS]
            if others:
                roles.why["y"] += f"; --y takes {ordered(others)} instead"

    def _target_score(self, column: Column) -> float:
        few = column.whole and column.distinct <= min(10, column.filled / 10)
        return (
            5 * bool(column.words & TARGETS)
            - 4 * bool(column.words & INPUTS)
            - 2 * few
            - 2 * (column.empty_share > MANY_EMPTY)
        )

    # ---- groups

    def _split(self, candidates: Sequence[Column]) -> None:
        roles = self.roles
        if self.wanted.split_by:
            roles.split_by = self._named(self.wanted.split_by, "--split-by")
            roles.why["split_by"] = "as you say"
            if not depends_on(roles.split_by, self.task):
                raise DataError(
                    f"{self.path}: --split-by {roles.split_by.name} has several values within one "
                    f"task of {ordered(roles.task)}; expected one, as splits hold whole tasks"
                )
            return
        first, *others = candidates
        half = first.distinct / 2
        fine = [it for it in others if it.distinct <= half and depends_on(it, first.codes)]
        enough = [it for it in fine if it.distinct >= ENOUGH_GROUPS and it is not roles.y]
        best = min(enough, key=lambda it: (it.distinct, it.place), default=first)
        if best.distinct < (3 if self.wanted.task else LEAST_GROUPS):
            raise DataError(
                f"{self.path}: {best.name} names {best.distinct} groups; expected at least "
                f"{LEAST_GROUPS}, as whole groups are trained on, validated on and tested on; name "
                f"a column of more with --task, as in `{example(self.path, self.columns)}`"
            )
        roles.split_by = best
        roles.why["split_by"] = (
            f"the coarsest name of at least {ENOUGH_GROUPS} that no task has two of"
            if enough
            else "whole groups are held out"
        )
        roles.left_out.pop(best.name, None)

    # ---- inputs

    def _inputs(self) -> None:
        roles, y = self.roles, self.roles.y
        assert y is not None
        if self.wanted.x:
            roles.x = tuple(self._named(name, "--x") for name in self.wanted.x)
            roles.why |= {it.name: "as you say" for it in roles.x}
            return
        keys = {it.name for it in (*roles.task, y)} | {plain(self.wanted.split_by)}
        if roles.split_by is not None:
            keys.add(roles.split_by.name)
        rest = [it for it in self.free if it.name not in {*keys, *roles.left_out}]
        reasons = {it.name: self._why_not(it) for it in rest}
        if all(reasons.values()):  # y = 2x, or an input that is often empty: better than none
            reasons |= {it.name: "" for it in rest if varies(it, self.task) > 0.1}
        roles.x = tuple(it for it in rest if not reasons[it.name])
        roles.left_out |= {name: reason for name, reason in reasons.items() if reason}
        roles.why |= {it.name: _why_input(it) for it in roles.x}
        if not roles.x:
            raise DataError(
                f"{self.path}: nothing but the target {y.name!r} varies within tasks of "
                f"{ordered(roles.task)}, so there is no input{self._odd()}; give --x, as in "
                f"`{example(self.path, self.columns)}`"
            )

    def _why_not(self, column: Column) -> str:
        """Why a column is no input; empty where it is one."""
        y = self.roles.y
        assert y is not None
        if varies(column, self.task) < 0.1:
            seldom = "" if varies(column, self.task) else "never "
            return f"it {seldom or 'hardly ever '}varies within a task"
        if column.kind == "text" and column.distinct > MOST_CATEGORIES:
            return f"text of {column.distinct:,} values; --x takes it as categories"
        if column.kind != "text" and (reason := _gives_away(column, y, self.task)):
            return reason
        if column.empty_share > MANY_EMPTY:
            return f"it is empty in {column.empty_share:.0%} of the rows"
        return ""


def _why_input(column: Column) -> str:
    what = {"numbers": "numbers", "dates": "dates", "text": "categories"}
    return f"{what.get(column.kind, '')} that vary within tasks"


def _gives_away(column: Column, y: Column, task: np.ndarray) -> str:
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
