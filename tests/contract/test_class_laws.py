"""Each law of classification catches a family that breaks it."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from benchmarks.core import Problem, Query, Support, TaskBatch, generator_of
from benchmarks.core.errors import DataError
from benchmarks.testing import ToyClasses, check_family
from benchmarks.testing.checks import run_laws
from benchmarks.testing.class_laws import CLASS_LAWS
from benchmarks.testing.families import LAWS
from benchmarks.testing.family_cases import Case

EXAMPLES = torch.rand(12, 10, 2, generator=generator_of("examples"))
"""Ten of each class."""


@dataclass(frozen=True)
class Good:
    """Twelve classes of 10 examples, four a split; the tasks have three of them."""

    name = "good"
    version = 1
    fingerprint = ""
    problem = Problem(features=2, outputs=3, metric="accuracy", inputs=("a", "b"))
    problem = dataclasses.replace(problem, input_scale=(1.0, 1.0), input_offset=(0.0, 0.0))
    folds: ClassVar = {"train": range(4), "validation": range(4, 8), "test": range(8, 12)}

    @property
    def classes(self):
        return {split: [f"class {i}" for i in fold] for split, fold in self.folds.items()}

    def size(self, split, shots):
        return None if shots < 10 else 0

    def left_out(self, split, shots):
        return 0 if shots < 10 else 4

    def sample(self, n_tasks, split, generator, *, shots=10, queries=10, ways=None):
        fold, ways = self.folds[split], 3 if ways is None else ways
        if ways > len(fold) or shots >= 10:
            raise DataError("too many ways or shots")
        each = min(self.each(queries, ways), 10 - shots)
        ids = self.number(self.shuffled(n_tasks, len(fold), generator)[:, :ways])
        rows = torch.stack([self.shuffled(n_tasks, 10, generator) for _ in range(ways)], 1)
        support = self.points(fold, ids, rows[..., :shots], generator)
        query = self.points(fold, ids, rows[..., shots : shots + each], generator)
        mask = torch.ones(n_tasks, ways * each, dtype=torch.bool)
        return TaskBatch(Support(*support, {"class": ids}), Query(*query, mask))

    def each(self, queries, ways):
        return max(1, queries // ways)

    def points(self, fold, ids, rows, generator):
        n_tasks, ways, each = rows.shape
        x = EXAMPLES[torch.tensor(fold)[ids].unsqueeze(2), rows].flatten(1, 2)
        y = torch.eye(ways).repeat_interleave(each, 0)
        order = self.order(n_tasks, ways * each, generator)
        return x.gather(1, order.unsqueeze(2).expand(-1, -1, 2)), y[order]

    def number(self, ids):
        return ids

    def order(self, n_tasks, points, generator):
        return self.shuffled(n_tasks, points, generator)

    def shuffled(self, n_tasks, n, generator):
        return torch.rand(n_tasks, n, generator=generator).argsort(1)


class Changed(Good):
    """A good family whose batches are tampered with."""

    def sample(self, n_tasks, split, generator, **sizes):
        return self.tamper(super().sample(n_tasks, split, generator, **sizes))

    def tamper(self, batch):
        raise NotImplementedError


class GivesScores(Changed):
    def tamper(self, batch):
        support = dataclasses.replace(batch.support, y=batch.support.y * 2)
        return dataclasses.replace(batch, support=support)


class ShowsOneClassMore(Changed):
    def tamper(self, batch):
        y = batch.support.y.clone()
        y[:, 0] = y[:, 1]
        return dataclasses.replace(batch, support=dataclasses.replace(batch.support, y=y))


class AsksForMore(Good):
    def each(self, queries, ways):
        return super().each(queries, ways) + 1


class AsksOneClassMore(Changed):
    def tamper(self, batch):
        y = batch.query.y.clone()
        y[:, 0] = y[:, 1]
        return dataclasses.replace(batch, query=dataclasses.replace(batch.query, y=y))


class MasksAQuery(Changed):
    def tamper(self, batch):
        mask = batch.query.mask.clone()
        mask[:, -1] = False
        query = batch.query
        repeated = [torch.cat([t[:, :-1], t[:, :1]], 1) for t in (query.x, query.y)]
        return dataclasses.replace(batch, query=Query(*repeated, mask))


class HasItsOwnWays(Good):
    def sample(self, n_tasks, split, generator, *, ways=None, **sizes):
        if ways is not None and ways > 4:
            raise DataError("too many ways")
        return super().sample(n_tasks, split, generator, **sizes)


class MakesDoWithFewerWays(Good):
    def sample(self, n_tasks, split, generator, *, ways=None, **sizes):
        ways = None if ways is None else min(ways, 4)
        return super().sample(n_tasks, split, generator, ways=ways, **sizes)


class NumbersInOrder(Good):
    def number(self, ids):
        return ids.sort(1).values


class HasAFirstClass(Good):
    def number(self, ids):
        first = ids.new_ones(len(ids), 1)
        others = torch.tensor([0, 2, 3])[ids[:, :3].argsort(1)]
        return torch.cat([first, others], 1)[:, : ids.shape[1]]


class SortsByClass(Good):
    def order(self, n_tasks, points, generator):
        return torch.arange(points).repeat(n_tasks, 1)


class StartsAnywhereInOrder(Good):
    def order(self, n_tasks, points, generator):
        start = torch.randint(points, (n_tasks, 1), generator=generator)
        return (torch.arange(points) + start) % points


class AsksInTheOrderOfTheSupport(Changed):
    def tamper(self, batch):
        query = batch.query
        number = query.y.argmax(2) - batch.support.y[:, :1].argmax(2)
        first = number.ne(0).int().argsort(1, stable=True)[:, :1]  # of the first support's class
        order = torch.cat([first, torch.arange(query.y.shape[1]).expand_as(number)], 1)
        keep = (order != first) | (torch.arange(order.shape[1]) == 0)
        order = order[keep].view_as(number).unsqueeze(2)
        x, y = (t.gather(1, order.expand(-1, -1, t.shape[2])) for t in (query.x, query.y))
        return dataclasses.replace(batch, query=Query(x, y, query.mask))


class NamesAClassTwice(Good):
    @property
    def classes(self):
        return {**super().classes, "test": super().classes["train"]}


class LeaksAClass(Good):
    folds: ClassVar = {"train": range(5), "validation": range(4, 8), "test": range(8, 12)}

    @property
    def classes(self):
        return {split: [f"{split} {i}" for i in fold] for split, fold in self.folds.items()}


class NumbersClassesWrongly(Changed):
    def tamper(self, batch):
        ids = batch.support.privileged["class"].roll(1, 1)
        return dataclasses.replace(
            batch, support=dataclasses.replace(batch.support, privileged={"class": ids})
        )


class NumbersUnknownClasses(Changed):
    def tamper(self, batch):
        ids = batch.support.privileged["class"] + 7
        return dataclasses.replace(
            batch, support=dataclasses.replace(batch.support, privileged={"class": ids})
        )


class DrawsAClassTwice(Good):
    def number(self, ids):
        return torch.cat([ids[:, :1], ids[:, :-1]], 1)


class CountsTasks(Good):
    def size(self, split, shots):
        return 4 if shots < 10 else 0


class HasMoreWithMoreShots(Good):
    def size(self, split, shots):
        return 0 if shots == 2 else super().size(split, shots)


class LeavesOutFewer(Good):
    def left_out(self, split, shots):
        return 4 if shots < 10 else 0


OFFENDERS = {
    "targets are one hot": [
        GivesScores,
        ShowsOneClassMore,
        AsksForMore,
        AsksOneClassMore,
        MasksAQuery,
    ],
    "ways can be chosen": [HasItsOwnWays, MakesDoWithFewerWays],
    "numbers are drawn anew": [
        NumbersInOrder,
        HasAFirstClass,
        SortsByClass,
        StartsAnywhereInOrder,
        AsksInTheOrderOfTheSupport,
    ],
    "classes stay in their split": [
        NamesAClassTwice,
        LeaksAClass,
        NumbersClassesWrongly,
        NumbersUnknownClasses,
        DrawsAClassTwice,
    ],
}
OF_ALL_FAMILIES = {"sizes add up": [CountsTasks, HasMoreWithMoreShots, LeavesOutFewer]}


def broken(make):
    return {check.name: check.message for check in check_family(make) if not check.passed}


@pytest.mark.parametrize(
    "make", [Good, ToyClasses, lambda: ToyClasses(ways=2, image=None)], ids=["good", "toy", "two"]
)
def test_a_good_family_passes(make):
    assert not broken(make)


def test_every_law_has_an_offender():
    assert {law.__name__.replace("_", " ") for law in CLASS_LAWS} == set(OFFENDERS)


@pytest.mark.parametrize(
    ("law", "offender"),
    [
        (law, offender)
        for law, offenders in (OFFENDERS | OF_ALL_FAMILIES).items()
        for offender in offenders
    ],
)
def test_an_offender_is_caught(law, offender):
    laws = [one for one in LAWS if one.__name__.replace("_", " ") == law]
    (check,) = run_laws(laws, Case(offender))
    assert not check.passed


def test_what_broke_is_said():
    assert broken(SortsByClass) == {
        "numbers are drawn anew": "train: the first support point is 0 in 100% of the tasks, "
        "where 33% was expected"
    }
    assert broken(LeaksAClass) == {
        "classes stay in their split": "an example is in both train and validation"
    }
