"""What families read from a table share: groups make splits, and a task is some of the rows."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Annotated, ClassVar, Self

import numpy as np
import torch
from annotated_types import Ge, Gt, Lt

from benchmarks.core import Problem, Split, TaskBatch
from benchmarks.core.errors import DataError
from benchmarks.tasks.folds import Folds, folds_of
from benchmarks.tasks.points import Points, classes_of, features_of, named, standard
from benchmarks.tasks.regular import read_regular
from benchmarks.tasks.rows import Drawn, class_rows_of, draw, rows_of
from benchmarks.tasks.soundness import (
    constant_tasks,
    far_cells,
    in_words,
    outside_rows,
    still_inputs,
    unseen_categories,
)
from benchmarks.tasks.splitting import SPLITS, Group, split_groups

Fraction = Annotated[float, Gt(0), Lt(1)]


@dataclass(frozen=True)
class Data:
    problem: Problem
    splits: Mapping[Split, Drawn]
    classes: tuple[str, ...]
    groups: dict[Split, tuple[str, ...]]
    dropped: int
    notes: list[str]


@dataclass(frozen=True)
class Tabular(ABC):
    """One task for some of the rows of a file; each family says which these are.

    Numeric inputs and the target are standardised with the training split's statistics; categories
    become one 0/1 feature for each value that the training split has (a value it does not have is
    all zeros). Whole groups go to one split, so a task never straddles two.

    Attributes:
        path: a file of text, a `.parquet` or an `.xlsx` file, read on first use.
        train: the groups of the training split; if left out, all that no other split has.
        validation: the groups of the validation split; if left out, a share of the others.
        test: the groups of the test split; if left out, a share of the others.
        validation_fraction: the share of all groups that an unnamed `validation` gets.
        test_fraction: the share of all groups that an unnamed `test` gets.
        split_seed: which groups the shares are; the order of rows in the file does not matter.
    """

    path: str
    _: KW_ONLY
    train: tuple[Group, ...] = ()
    validation: tuple[Group, ...] = ()
    test: tuple[Group, ...] = ()
    validation_fraction: Fraction = 0.15
    test_fraction: Fraction = 0.25
    split_seed: Annotated[int, Ge(0)] = 0

    points_are: ClassVar[str] = "rows"
    """What `notes` calls the points that were read."""

    @property
    @abstractmethod
    def grouped_by(self) -> str:
        """What one group is called."""

    @abstractmethod
    def load(self) -> Points:
        """Read the file.

        Raises:
            DataError: it cannot be used as asked.
        """

    @property
    def problem(self) -> Problem:
        return self._data.problem

    @property
    def dropped_rows(self) -> int:
        """How many rows were left out as something was missing."""
        return self._data.dropped

    def notes(self) -> list[str]:
        """What was read, in words: rows, tasks and groups, and all that was not as it is written.

        Raises:
            DataError: the file cannot be used.
        """
        return self._data.notes

    shared_classes: ClassVar[bool] = True
    """Classes are the same in all splits: it is tasks that differ."""

    @property
    def classes(self) -> Mapping[Split, Sequence[str]] | None:
        """The names of the classes; None in regression."""
        return dict.fromkeys(SPLITS, self._data.classes) if self._data.classes else None

    def groups(self, split: Split) -> tuple[str, ...]:
        """The groups that the split holds, sorted."""
        return self._data.groups[split]

    def folds(self, number: Folds) -> Iterator[Self]:
        """The same data once for each fold of the groups: each is a test group in one of them.

        Raises:
            DataError: there are too few groups, or the splits name some.
        """
        if self.train or self.validation or self.test:
            raise DataError(
                f"{self.path}: folds choose the groups of all splits; leave out train, validation "
                "and test"
            )
        points = self._points
        where = f"{self.path}: {points.grouped_by}"
        parts = folds_of(
            set(points.group), number, self.validation_fraction, self.split_seed, where
        )
        for test, validation in parts:
            fold = replace(self, validation=validation, test=test)
            fold.__dict__.update(_points=points, fingerprint=self.fingerprint)  # read once
            yield fold

    @cached_property
    def fingerprint(self) -> str:
        """The SHA-256 of the file's content; another where it once gave other points than now."""
        digest = hashlib.sha256(read_regular(self.path))
        if self._points.reread:
            digest.update(b"read anew")
        return digest.hexdigest()

    def size(self, split: Split, shots: int) -> int | None:
        return int(self._data.splits[split].usable(shots, None).sum())

    def left_out(self, split: Split, shots: int) -> int:
        return int((~self._data.splits[split].usable(shots, None)).sum())

    def sample(
        self,
        n_tasks: int,
        split: Split,
        generator: torch.Generator,
        *,
        shots: int = 10,
        queries: int = 10,
        ways: int | None = None,
        draws: int = 1,
    ) -> TaskBatch:
        """Draw tasks of the split, and their rows without replacement; see `TaskFamily.sample`."""
        rows = self._data.splits[split]
        rows.demand(shots, ways, self.path, split)
        return draw(rows, n_tasks, shots, queries, generator, ways=ways, draws=draws)

    @cached_property
    def _points(self) -> Points:
        return self.load()

    @cached_property
    def _data(self) -> Data:
        points = self._points
        groups = self._split_groups(points)
        split_of = {name: split for split in SPLITS for name in groups[split]}
        # a group may be in no split where all three are named
        split = np.array([split_of.get(name, "") for name in points.group])
        train = split == "train"

        features = features_of(self.path, points, train)
        x = torch.tensor(np.stack([f.values for f in features], 1), dtype=torch.float32)
        problem = Problem(
            features=len(features),
            outputs=1,
            metric="rmse",
            unit=points.unit,
            target=points.target_name,
            inputs=tuple(f.name for f in features),
            input_scale=tuple(f.scale for f in features),
            input_offset=tuple(f.offset for f in features),
            input_low=tuple(f.ends[0] for f in features),
            input_high=tuple(f.ends[1] for f in features),
            logs=points.logs,
            within_tasks=points.within_tasks,
        )
        of = points.task, points.names, points.group
        notes = [*points.notes, *still_inputs(points.inputs, points.task, train, points.group)]
        for column, values in points.inputs.items():
            odd = unseen_categories if values.dtype == object else outside_rows
            notes += odd(column, values, split)
        classes: tuple[str, ...] = ()
        splits: dict[Split, Drawn] = {}
        if points.target.dtype == object:
            classes, label = classes_of(points.target)
            ways = points.ways or len(set(label[train]))
            notes += self._check_ways(points.target_name, ways, classes)
            problem = replace(problem, outputs=ways, metric="accuracy", unit="")
            for name in SPLITS:
                splits[name] = class_rows_of(*of, split == name, x, label, ways)
        else:
            columns = {points.target_name: points.target, **points.others}
            targets = [
                standard(self.path, name, values, points.row, train)
                for name, values in columns.items()
            ]
            y = torch.tensor(np.stack([it.values for it in targets], 1), dtype=torch.float32)
            problem = replace(problem, **named(targets, points.units))
            for column, values in columns.items():
                notes += far_cells(column, values, points.row)
            for name in SPLITS:
                splits[name] = rows = rows_of(*of, split == name, x, y)
                for number, column in enumerate(columns):
                    one = rows.y[:, number : number + 1]
                    notes += constant_tasks(self.path, column, name, one, rows.count)
        counts = {name: (len(splits[name].names), len(groups[name])) for name in SPLITS}
        first = in_words(counts, len(points.task), points.dropped, self.points_are)
        return Data(problem, splits, classes, groups, points.dropped, [first, *notes])

    def _check_ways(self, target: str, ways: int, classes: Sequence[str]) -> list[str]:
        if not 2 <= ways <= len(classes):
            raise DataError(
                f"{self.path}: column {target!r} holds {len(classes):,} classes; "
                + (
                    f"expected at least {ways}, as ways says"
                    if ways > 1
                    else "expected two or more"
                )
            )
        some = ", ".join(it[:40] for it in classes[:10]) + ", …" * (len(classes) > 10)
        return [f"column {target!r} holds {len(classes)} classes ({some}); a task is of {ways}"]

    def _split_groups(self, points: Points) -> dict[Split, tuple[str, ...]]:
        return split_groups(
            sorted(set(points.group)),
            {"train": self.train, "validation": self.validation, "test": self.test},
            {"test": self.test_fraction, "validation": self.validation_fraction},
            self.split_seed,
            self.path,
            points.grouped_by,
        )
