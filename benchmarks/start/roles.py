"""Which column is what: the task, the inputs, the target, the groups; and why."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.core.errors import DataError, UnknownName
from benchmarks.start.holding import Column, depends_on, joined, sizes, varies
from benchmarks.start.naming import combined, likely_names, why_named
from benchmarks.start.parts import Roles, Wanted, ordered
from benchmarks.start.targets import MANY_EMPTY, classes_among, gives_away, names_classes, score
from benchmarks.start.words import INPUTS, TARGETS, example
from benchmarks.tasks.names import plain

LEAST_GROUPS = 4
"""Fewer are only taken where the user says so."""
ENOUGH_GROUPS = 8
MOST_CATEGORIES = 20
WIDE = 8
"""So many columns of numbers, and nothing that repeats, may be one task a row."""


def guess(path: str, columns: Sequence[Column], wanted: Wanted) -> Roles:
    """Give each column its role.

    Raises:
        DataError: that cannot be told; the sentence says what was seen, and what to type.
        UnknownName: a column that is wanted isn't there.
    """
    return _Guess(path, columns, wanted).roles


class _Guess:
    def __init__(self, path: str, columns: Sequence[Column], wanted: Wanted) -> None:
        self.path, self.columns = path, columns
        self.roles = roles = Roles()
        self.by_name = {column.name: column for column in columns}
        self.wanted = wanted = replace(
            wanted,
            task=self._parted(wanted.task),
            x=self._parted(wanted.x),
            y=self._parted(wanted.y),
        )
        self.kept = {*map(plain, (*wanted.task, *wanted.x, *wanted.y, wanted.split_by))}
        self.classes: Column | None = None
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
        taken = {plain(name) for name in (*self.wanted.x, *self.wanted.y)}
        names = likely_names([it for it in self.free if it.name not in taken])
        if not self.wanted.y:
            self.classes = classes_among(self.free, names, taken | {*map(plain, self.wanted.task)})
        elif len(self.wanted.y) == 1 and plain(self.wanted.y[0]) in self.by_name:
            wanted = self.by_name[plain(self.wanted.y[0])]
            self.classes = wanted if wanted.kind == "text" else None
        if (target := self.classes) is None:
            return names
        return [it for it in names if it is not target and not names_classes(it, target)]

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
            roles.y = tuple(self._named(name, "--y") for name in self.wanted.y)
            roles.why["y"] = "as you say"
            self._demand_targets()
            return
        if self.classes is not None and self.classes not in roles.task:
            roles.y, roles.classes = (self.classes,), True
            roles.why["y"] = f"its name, and {self.classes.distinct} values: classes"
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
        best = max(candidates, key=lambda it: (score(it), it.place))
        roles.y = (best,)
        if best.words & TARGETS:
            roles.why["y"] = "its name"
        elif len(candidates) == 1:
            roles.why["y"] = "the only column of numbers that vary within tasks"
        else:
            roles.why["y"] = "the last column of measurements that vary within tasks"
            others = [it for it in candidates if it is not best and not it.words & INPUTS]
            if others:
                roles.why["y"] += f"; --y takes {ordered(others)} instead, or several"

    def _demand_targets(self) -> None:
        """Those that are wanted are different columns of numbers, or one of classes."""
        roles = self.roles
        if len({it.name for it in roles.y}) < len(roles.y):
            raise DataError(f"{self.path}: --y names {ordered(roles.y)}; expected each once")
        odd = [it for it in roles.y if it.kind != "numbers"]
        if not odd:
            return
        (first, *_), several = odd, len(roles.y) > 1
        if several or first.kind != "text" or first.trouble:
            what = first.trouble or f"holds {first.kind}"
            raise DataError(
                f"{self.path}: --y {first.name} {what}; expected numbers"
                + (" in each of several targets" if several else ", or text for classes")
            )
        if first.distinct > first.filled / 2:
            raise DataError(
                f"{self.path}: --y {first.name} holds {first.distinct:,} different texts in "
                f"{first.filled:,} rows; expected a few that come again, as classes do"
            )
        roles.classes = True
        roles.why["y"] = f"as you say: {first.distinct:,} classes"

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
        enough = [it for it in fine if it.distinct >= ENOUGH_GROUPS and it not in roles.y]
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
        if self.wanted.x:
            roles.x = tuple(self._named(name, "--x") for name in self.wanted.x)
            roles.why |= {it.name: "as you say" for it in roles.x}
            return
        keys = {it.name for it in (*roles.task, *y)} | {plain(self.wanted.split_by)}
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
                f"{self.path}: nothing but the target {ordered(y)!r} varies within tasks of "
                f"{ordered(roles.task)}, so there is no input{self._odd()}; give --x, as in "
                f"`{example(self.path, self.columns)}`"
            )

    def _why_not(self, column: Column) -> str:
        """Why a column is no input; empty where it is one."""
        if varies(column, self.task) < 0.1:
            seldom = "" if varies(column, self.task) else "never "
            return f"it {seldom or 'hardly ever '}varies within a task"
        if column.kind == "text" and column.distinct > MOST_CATEGORIES:
            return f"text of {column.distinct:,} values; --x takes it as categories"
        for y in self.roles.y:
            if self.roles.classes and names_classes(column, y):
                return f"it gives the target {y.name} away (each of its values is of one)"
            if column.kind != "text" and (reason := gives_away(column, y, self.task)):
                return reason
        if column.empty_share > MANY_EMPTY:
            return f"it is empty in {column.empty_share:.0%} of the rows"
        return ""


def _why_input(column: Column) -> str:
    what = {"numbers": "numbers", "dates": "dates", "text": "categories"}
    return f"{what.get(column.kind, '')} that vary within tasks"
