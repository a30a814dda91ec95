"""From a file of rows to what it seems to hold, in words, and a matrix for it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.core import Split
from benchmarks.core.errors import DataError
from benchmarks.core.text import count, line
from benchmarks.harness.plan.checks.folding import FEW_GROUPS as FEW_TESTED
from benchmarks.start.contenders import (
    Contender,
    curve_budget,
    for_classes,
    for_curves,
)
from benchmarks.start.draft import drafted, name_from, relative
from benchmarks.start.holding import Column, columns_of, joined, sizes
from benchmarks.start.parts import Roles, Wanted, ordered, units_of
from benchmarks.start.roles import guess
from benchmarks.start.sketch import curves_for
from benchmarks.start.targets import shots_of_classes, ways_of
from benchmarks.tasks.columns import Sheet, read_sheet
from benchmarks.tasks.forms import delimiter_of, form_of
from benchmarks.tasks.names import plain
from benchmarks.tasks.sniffing import sniff
from benchmarks.tasks.splitting import SPLITS
from benchmarks.tasks.table import Table

FEW_GROUPS = 20
"""Of all splits together; fewer of the test are too few for a verdict, so all are left out once."""
MOST_SHOTS = (5, 10)
SHOWN = 4
MOST_LEFT = 12
WORDS = {"train": "to train on", "validation": "to validate", "test": "to test"}
FEW_TEST_TASKS, DRAWS = 100, 10
FOLDS = 5
WIDE = 2.5
"""Orders of magnitude from which on logarithms of a target are proposed."""
ROOM = 0.8
"""So many tasks of a split have more points than are shown, at the least."""


@dataclass(frozen=True)
class Survey:
    """A file that was read, with the role of each column."""

    path: Path
    sheet: Sheet
    roles: Roles
    unreadable: Mapping[str, str]
    unit: str = ""

    @cached_property
    def family(self) -> Table:
        return Table(str(self.path), **self.fields)

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The keys of the family `table`, its path aside."""
        roles = self.roles
        assert roles.split_by is not None
        categories = tuple(it.name for it in roles.x if it.kind == "text")
        targets = tuple(it.name for it in roles.y)
        usual = form_of({})
        usual = usual._replace(delimiter=delimiter_of(str(self.path)))
        form = self.sheet.form._replace(missing=self.missing)._asdict()
        fields: dict[str, Any] = {
            "task": tuple(it.name for it in roles.task),
            "x": tuple(it.name for it in roles.x),
            "y": targets[0] if len(targets) == 1 else targets,
            "split_by": roles.split_by.name,
        }
        dates = tuple(it.name for it in roles.x if it.kind == "dates")
        if dates:
            fields["dates"] = dates
        if categories:
            fields["categorical"] = categories
        if self.unit:
            fields["unit"] = units_of(str(self.path), self.unit, len(roles.y))
        if roles.classes:
            fields["ways"] = ways_of(roles.y[0], self.task)
        if not roles.whole.all():
            fields["drop_missing"] = True
        return fields | {key: it for key, it in form.items() if it != getattr(usual, key)}

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The texts that mean no value, of those in columns used."""
        cells = {plain(it) for column in self.roles.used for it in self._raw(column).dropna()}
        return tuple(it for it in self.sheet.form.missing if plain(it) in cells)

    def _raw(self, column: Column) -> "pd.Series[str]":
        return self.sheet.cells(column.place)

    @cached_property
    def task(self) -> np.ndarray:
        """The number of each row's task; −1 where the row is not used."""
        return np.where(self.roles.whole, joined(self.roles.task), -1)

    @cached_property
    def points(self) -> np.ndarray:
        """How many each task has."""
        points = sizes(self.task)
        return points[points > 0]

    @cached_property
    def shots(self) -> tuple[int, ...]:
        """A third and a half of the points of a task, as far as nearly all tasks have more.

        In classification they are of each class.

        Raises:
            DataError: no two tasks in three have two points.
        """
        points = self.points
        if self.roles.classes:
            points = shots_of_classes(self.roles.y[0], self.task, self.fields["ways"])
            points = points[points > 1] if (points > 1).any() else np.array([2])
        half = int(np.median(points)) // 2
        third = round(int(np.median(points)) / 3)
        few, most = (max(1, min(*pair)) for pair in zip((third, half), MOST_SHOTS, strict=True))
        possible = [k for k in range(1, most + 1) if self._room(k)]
        if not possible and self.roles.classes:
            raise DataError(
                f"{self.path}: most tasks of {ordered(self.roles.task)} have no two classes of "
                f"{ordered(self.roles.y)} in two rows each, so none can be learnt; give fewer "
                "columns with --task"
            )
        if not possible:
            raise DataError(
                f"{self.path}: most tasks of {ordered(self.roles.task)} have one row, so nothing "
                "is left to predict; give fewer columns with --task"
            )
        most = min(most, possible[-1])
        few = min(few, most)
        return (few, most) if most - few >= 2 else (most,)

    def _room(self, shots: int) -> bool:
        """Whether nearly all tasks that are trained or tested on have more points."""
        splits: tuple[Split, ...] = ("train", "test")
        return all(self._size(it, shots) >= max(1, ROOM * self._size(it, 0)) for it in splits)

    def _size(self, split: Split, shots: int) -> int:
        return self.family.size(split, shots) or 0

    def said(self) -> list[str]:
        """What was seen, line by line."""
        roles, family = self.roles, self.family
        assert roles.split_by is not None
        low, middle, high = np.quantile(self.points, [0, 0.5, 1])
        used = int((self.task >= 0).sum())
        without = self.sheet.rows - used
        lost = f"; {count(without, 'row')} left out, as a cell is empty" if without else ""
        rows = [
            ("task", roles.task, roles.why["task"]),
            *(("x", (it,), roles.why[it.name]) for it in roles.x),
            ("y", roles.y, roles.why["y"]),
            ("split by", (roles.split_by,), roles.why["split_by"]),
        ]
        shown = [(what, line(ordered(it), 40), why) for what, it, why in rows]
        left = [(name, why) for name, why in {**roles.left_out, **self.unreadable}.items()]
        shown += [("left out", line(name, 40), line(why, 200)) for name, why in left[:MOST_LEFT]]
        width = max(len(name) for _, name, _ in shown)
        splits = ", ".join(f"{len(family.groups(it))} {WORDS[it]}" for it in SPLITS)
        more = [f"  left out  {len(left) - MOST_LEFT:,} more columns"] * (len(left) > MOST_LEFT)
        groups = f"{count(roles.split_by.distinct, 'group')} of {line(roles.split_by.name, 40)}"
        shape = f"{count(self.sheet.rows, 'row')} of {count(len(self.sheet.names), 'column')}"
        return [
            f"{self.path}: {shape}",
            *self._form(),
            *(f"  {what:8}  {name:{width}}  {why}" for what, name, why in shown),
            *more,
            f"{count(len(self.points), 'task')} of {middle:g} points ({low:g} to {high:g}){lost}",
            f"{groups}: {splits}",
            *self._warnings(),
        ]

    def _form(self) -> list[str]:
        """How the file is written, if it is not as its suffix says."""
        words = {
            "delimiter": "fields are between {!r}",
            "decimal": "decimals follow {!r}",
            "encoding": "the encoding is {}",
            "missing": "no value is {}",
        }
        known = {**self.fields, "missing": " or ".join(map(repr, self.missing))}
        said = [words[key].format(it) for key, it in known.items() if it and key in words]
        return [f"  written   {'; '.join(said)}"] if said else []

    def _warnings(self) -> list[str]:
        few = f"note: {self.groups} groups are few to learn from and to tell learners apart by"
        notes = [f"note: {it}" for it in self.family.notes()[1:]]
        if wide := self._wide:
            names, verb = ", ".join(wide), "spans" if len(wide) == 1 else "span"
            notes.append(f"note: {names} {verb} orders of magnitude; see log in the matrix")
        return [few] * (self.groups < FEW_GROUPS) + notes

    @property
    def _wide(self) -> tuple[str, ...]:
        """Targets of several orders of magnitude, for whose logarithms the matrix has a key."""
        return tuple(it.name for it in self.roles.y if it.orders >= WIDE and not self.roles.classes)

    def picture(self) -> str:
        """Some tasks, y against the first input that is no category."""
        roles = self.roles
        x = next((it for it in roles.x if it.kind != "text"), None)
        if x is None or roles.classes:
            return ""
        y, tasks = roles.y[0], []
        numbers = np.argsort(-sizes(self.task), kind="stable")[:200]
        for number in sorted(numbers[:: max(1, len(numbers) // SHOWN)][:SHOWN]):
            rows = np.flatnonzero(self.task == number)
            name = ", ".join(str(self._raw(it).iloc[rows[0]]) for it in roles.task)
            tasks.append((name, x.numbers[rows], y.numbers[rows]))
        axes = f"{line(y.name, 30)} against {line(x.name, 30)}"
        return f"  {axes}, in {len(tasks)} of the tasks\n{curves_for(sys.stdout.encoding, tasks)}"

    @property
    def groups(self) -> int:
        return sum(len(self.family.groups(it)) for it in SPLITS)

    @property
    def folds(self) -> int | str:
        """In how many parts groups are left out by turns; 0 where enough are tested anyway."""
        if len(self.family.groups("test")) >= FEW_TESTED:
            return 0
        return FOLDS if self.groups > FOLDS + 1 else "leave-one-group-out"

    @property
    def contenders(self) -> list[Contender]:
        return for_classes() if self.roles.classes else for_curves()

    def matrix(self, out: Path) -> str:
        """The text of a matrix for it, to be written to `out`."""
        shots, tasks = self.shots, self._size("train", 1)
        test = self._size("test", max(shots))
        protocol: dict[str, Any] = {
            "kind": "few_shot",
            "shots": shots,
            "steps": (0, 1, 5, 10),
            "queries": int(min(100, max(1, self.points.max() - min(shots)))),
        }
        if self.folds:
            protocol["folds"], test = self.folds, len(self.points)
        if test < FEW_TEST_TASKS:
            protocol["draws"] = DRAWS
        remarks = {}
        if self.roles.classes:
            remarks["shots"] = "rows of each class that learners are shown; they name others"
            remarks["y"] = "its values are classes"
        elif len(self.roles.y) > 1:
            remarks["y"] = "the targets; each is scored in its own unit, too"
        if "drop_missing" in self.fields:
            lost = int((self.task < 0).sum())
            remarks["drop_missing"] = f"{count(lost, 'row')} with an empty cell"
        return drafted(
            f"Made by `reml init`: {count(len(self.points), 'task')} of about "
            f"{int(np.median(self.points))} points.",
            name_from(self.path),
            curve_budget(tasks),
            protocol,
            {"name": "table", "path": relative(self.path, out), **self.fields},
            self.contenders,
            remarks,
            {"log": (self._wide, "without #, errors are factors, not amounts")}
            if self._wide
            else {},
        )


def survey(path: Path, wanted: Wanted, unit: str = "") -> Survey:
    """Read a file, and give its columns their roles.

    Raises:
        DataError: it cannot be read, or the roles cannot be told.
        UnknownName: a column that is wanted isn't there.
    """
    sheet = read_sheet(str(path), (), wanted.task, sniff(str(path)))
    columns, unreadable = columns_of(sheet)
    return Survey(path, sheet, guess(str(path), columns, wanted), unreadable, unit)
