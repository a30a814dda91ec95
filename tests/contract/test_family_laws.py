"""Each law catches a family that breaks it."""

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from benchmarks.core import Problem, Query, Support, TaskBatch, generator_of
from benchmarks.core.errors import DataError
from benchmarks.testing import check_family
from benchmarks.testing.class_laws import CLASS_LAWS
from benchmarks.testing.families import LAWS


@dataclass(frozen=True)
class Good:
    """Twelve fixed tasks of 4 to 12 points, four a split."""

    name = "good"
    version = 1
    fingerprint = ""
    problem = Problem(features=1, outputs=1)
    folds: ClassVar = {"train": range(4), "validation": range(4, 8), "test": range(8, 12)}

    def points(self, task):
        rows = torch.rand(4 + task % 3 * 4, 2, generator=generator_of("points", task))
        return rows[:, :1], rows[:, 1:]

    def tasks(self, split, shots):
        return [task for task in self.folds[split] if len(self.points(task)[0]) > shots]

    def size(self, split, shots):
        return len(self.tasks(split, shots))

    def left_out(self, split, shots):
        return len(self.folds[split]) - self.size(split, shots)

    def sample(self, n_tasks, split, generator, *, shots=10, queries=10):
        tasks = self.tasks(split, shots)
        if not tasks:
            raise DataError(f"no task has more than {shots} points")
        order = [i for _ in range(n_tasks) for i in self.shuffled(len(tasks), generator)]
        drawn = [self.points(tasks[i]) for i in order[:n_tasks]]
        width = max(min(queries, len(x) - shots) for x, _ in drawn)
        parts = []
        for x, y in drawn:
            rows = self.shuffled(len(x), generator)
            real = len(rows) - shots
            query = [rows[shots + (i if i < real else 0)] for i in range(width)]
            mask = torch.arange(width) < real
            parts.append((x[rows[:shots]], y[rows[:shots]], x[query], y[query], mask))
        sx, sy, qx, qy, mask = (torch.stack(part) for part in zip(*parts, strict=True))
        return TaskBatch(Support(sx, sy), Query(qx, qy, mask))

    def shuffled(self, n, generator):
        return torch.randperm(n, generator=generator).tolist()


class Changed(Good):
    """A good family whose batches are tampered with."""

    def sample(self, n_tasks, split, generator, **sizes):
        return self.tamper(super().sample(n_tasks, split, generator, **sizes))

    def tamper(self, batch):
        raise NotImplementedError


def replace(batch, *, support=None, query=None):
    return TaskBatch(
        dataclasses.replace(batch.support, **(support or {})),
        dataclasses.replace(batch.query, **(query or {})),
    )


class ReadsWhenConstructed(Good):
    def __init__(self):
        with Path(__file__).open() as file:
            file.read(1)


class KeepsWhatItRead(Good):
    def __init__(self):
        self.__dict__["data"] = torch.zeros(3)


class ChangesItsFingerprint(Good):
    @property
    def fingerprint(self):
        return str(id(self))


class NamesTooFewInputs(Good):
    problem = Problem(features=2, outputs=1)


class SaysTwoOutputs(Good):
    problem = Problem(features=1, outputs=2)


class GivesDoubles(Changed):
    def tamper(self, batch):
        return replace(batch, support={"y": batch.support.y.double()})


class HoldsNaN(Changed):
    def tamper(self, batch):
        return replace(batch, query={"y": batch.query.y / 0 * 0})


class MasksWithZeros(Changed):
    def tamper(self, batch):
        return replace(batch, query={"x": batch.query.x * batch.query.mask.unsqueeze(2)})


class HasNoQueryPoint(Changed):
    def tamper(self, batch):
        return replace(batch, query={"mask": torch.zeros_like(batch.query.mask)})


class ScoresOnSupportPoints(Changed):
    def tamper(self, batch):
        x, y = batch.query.x.clone(), batch.query.y.clone()
        x[0, 0], y[0, 0] = batch.support.x[0, 0], batch.support.y[0, 0]
        return replace(batch, query={"x": x, "y": y})


class DrawsAsItPleases(Good):
    def shuffled(self, n, generator):
        return super().shuffled(n, None)


class NeverMovesOn(Good):
    def shuffled(self, n, generator):
        return list(range(n))


class GrowsWithShots(Good):
    def size(self, split, shots):
        return super().size(split, shots) and 3 + min(shots, 7)


class CountsNothingLeftOut(Good):
    def left_out(self, split, shots):
        return 0


class MakesDoWithFewerShots(Good):
    def sample(self, n_tasks, split, generator, *, shots=10, queries=10):
        shots = min(shots, 3)
        return super().sample(n_tasks, split, generator, shots=shots, queries=queries)


class LeaksATask(Good):
    folds: ClassVar = {"train": range(5), "validation": range(4, 8), "test": range(8, 12)}


class DrawsATaskTwice(Good):
    def tasks(self, split, shots):
        tasks = super().tasks(split, shots)
        return tasks[:1] + tasks[:-1]


class NamesOneTooFew(Changed):
    def tamper(self, batch):
        return dataclasses.replace(batch, names=("a",) * (len(batch) - 1))


class NamesAnew(Changed):
    numbers = itertools.count()

    def tamper(self, batch):
        return dataclasses.replace(
            batch, names=tuple(str(next(self.numbers)) for _ in batch.support.x)
        )


class GroupsByNumber(Changed):
    def tamper(self, batch):
        return dataclasses.replace(batch, groups=tuple(f"number {i}" for i in range(len(batch))))


class NamesAllAlike(Good):
    def sample(self, n_tasks, split, generator, **sizes):
        batch = super().sample(n_tasks, split, generator, **sizes)
        groups = tuple(f"{split} {i}" for i in range(len(batch)))
        return dataclasses.replace(batch, names=("a",) * len(batch), groups=groups)


OFFENDERS = {
    "construction only stores": [ReadsWhenConstructed, KeepsWhatItRead],
    "has an identity": [ChangesItsFingerprint],
    "problem fits": [NamesTooFewInputs],
    "shapes fit": [SaysTwoOutputs, GivesDoubles],
    "values are finite": [HoldsNaN],
    "masked rows repeat a point": [MasksWithZeros, HasNoQueryPoint],
    "support and query are apart": [ScoresOnSupportPoints],
    "same generator same tasks": [DrawsAsItPleases],
    "other generator other tasks": [NeverMovesOn],
    "sampling leaves global state alone": [DrawsAsItPleases],
    "sizes add up": [GrowsWithShots, CountsNothingLeftOut],
    "too many shots is an error": [MakesDoWithFewerShots],
    "finite tasks come once": [LeaksATask, DrawsATaskTwice],
    "names go with tasks": [NamesOneTooFew, NamesAnew],
    "groups stay in their split": [GroupsByNumber, NamesAllAlike],
}


def broken(make):
    return {check.name: check.message for check in check_family(make) if not check.passed}


def test_a_good_family_passes():
    assert not broken(Good)


def test_every_law_has_an_offender():
    laws = set(LAWS) - set(CLASS_LAWS)  # those have offenders of their own
    assert {law.__name__.replace("_", " ") for law in laws} == set(OFFENDERS)


@pytest.mark.parametrize(
    ("law", "offender"),
    [(law, offender) for law, offenders in OFFENDERS.items() for offender in offenders],
)
def test_an_offender_is_caught(law, offender):
    assert law in broken(offender)


def test_what_broke_is_said():
    assert broken(GivesDoubles)["shapes fit"] == (
        "1 train tasks at 1 shots: expected support y of shape (1, 1, 1) and torch.float32, "
        "got (1, 1, 1) and torch.float64"
    )
    assert broken(LeaksATask) == {
        "finite tasks come once": "a task is in both train and validation"
    }
