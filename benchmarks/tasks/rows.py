"""The rows of one split of a table, and tasks drawn from them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from benchmarks.core import Query, Split, Support, TaskBatch
from benchmarks.core.errors import DataError


@runtime_checkable
class Drawn(Protocol):
    """What tasks are drawn from."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tasks."""
        ...

    @property
    def groups(self) -> tuple[str, ...]:
        """Of the tasks."""
        ...

    def usable(self, shots: int, ways: int | None) -> Bool[Tensor, " tasks"]:
        """Which tasks have room for so many shots, of so many classes, and a query point."""
        ...

    def demand(self, shots: int, ways: int | None, path: str, split: Split) -> None:
        """Some task has.

        Raises:
            DataError: none has.
        """
        ...

    def points(
        self,
        tasks: Int[Tensor, " tasks"],
        shots: int,
        queries: int,
        ways: int | None,
        generator: torch.Generator,
    ) -> tuple[Support, Query]:
        """Rows of these tasks, without replacement."""
        ...


def draw(
    rows: Drawn,
    n_tasks: int,
    shots: int,
    queries: int,
    generator: torch.Generator,
    *,
    ways: int | None = None,
    draws: int = 1,
) -> TaskBatch:
    """Draw tasks, and their rows; there are usable ones.

    The same generator visits the tasks in the same order for every k, apart from those that k
    leaves out.
    """
    usable = rows.usable(shots, ways)
    drawn: list[Tensor] = []
    while sum(map(len, drawn)) < n_tasks:
        order = torch.randperm(len(usable), generator=generator)
        drawn.append(order[usable[order]])
    tasks = torch.cat(drawn)[:n_tasks].repeat(draws)
    support, query = rows.points(tasks, shots, queries, ways, generator)
    names, groups = (
        tuple(words[task] for task in tasks.tolist()) for words in (rows.names, rows.groups)
    )
    return TaskBatch(support, query, names, groups)


@dataclass(frozen=True)
class Rows:
    """For regression. Task after task: row i of task t is row `first[t] + i`."""

    x: Float[Tensor, "rows features"]  # standardised
    y: Float[Tensor, "rows outputs"]  # standardised
    first: Int[Tensor, " tasks"]
    count: Int[Tensor, " tasks"]
    names: tuple[str, ...]
    groups: tuple[str, ...]

    def usable(self, shots: int, ways: int | None) -> Bool[Tensor, " tasks"]:
        return self.count > shots

    def demand(self, shots: int, ways: int | None, path: str, split: Split) -> None:
        if not bool(self.usable(shots, ways).any()):
            raise DataError(
                f"{path}: {shots} shots need tasks of at least {shots + 1} rows, "
                f"but the largest {split} task has {int(self.count.max())}"
            )

    def points(
        self,
        tasks: Int[Tensor, " tasks"],
        shots: int,
        queries: int,
        ways: int | None,
        generator: torch.Generator,
    ) -> tuple[Support, Query]:
        count = self.count[tasks].unsqueeze(1)
        order = _shuffled(count, generator)[:, : shots + queries]
        mask = torch.arange(shots, order.shape[1]) < count
        order[:, shots:][~mask] = order[:, shots : shots + 1].expand_as(mask)[~mask]
        index = self.first[tasks].unsqueeze(1) + order
        x, y = self.x[index], self.y[index]
        return Support(x[:, :shots], y[:, :shots]), Query(x[:, shots:], y[:, shots:], mask)


@dataclass(frozen=True)
class ClassRows:
    """For classification. Row i of class c of task t is row `first[t, c] + i`.

    A task is of `ways` of the classes that are large enough in it, drawn anew like their numbers.
    Its classes have as many query points each as its smallest has room for.
    """

    x: Float[Tensor, "rows features"]  # standardised
    first: Int[Tensor, "tasks classes"]
    count: Int[Tensor, "tasks classes"]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    ways: int

    def usable(self, shots: int, ways: int | None) -> Bool[Tensor, " tasks"]:
        return (self.count > shots).sum(1) >= (self.ways if ways is None else ways)

    def demand(self, shots: int, ways: int | None, path: str, split: Split) -> None:
        if not bool(self.usable(shots, ways).any()):
            ways = self.ways if ways is None else ways
            most = int((self.count > shots).sum(1).max())
            raise DataError(
                f"{path}: {shots} shots of {ways} ways need tasks with {ways} classes of at least "
                f"{shots + 1} rows each, but no {split} task has more than {most} such classes"
            )

    def points(
        self,
        tasks: Int[Tensor, " tasks"],
        shots: int,
        queries: int,
        ways: int | None,
        generator: torch.Generator,
    ) -> tuple[Support, Query]:
        ways = self.ways if ways is None else ways
        count, first = self.count[tasks], self.first[tasks]
        key = torch.rand(count.shape, generator=generator)
        key[count <= shots] = 2.0  # after every class that is large enough
        classes = key.argsort(1)[:, :ways]
        count, first = count.gather(1, classes), first.gather(1, classes)
        each = (count.amin(1) - shots).clamp(max=max(1, queries // ways))
        order = _shuffled(count.unsqueeze(2), generator)[..., : shots + int(each.max())]
        index = first.unsqueeze(2) + order
        real = torch.arange(index.shape[2] - shots) < each.view(-1, 1, 1)
        index[..., shots:] = torch.where(real, index[..., shots:], index[..., shots : shots + 1])
        x, y, _ = self._mixed(index[..., :shots], torch.ones_like(index[..., :shots]), generator)
        support = Support(x, y, {"class": classes})
        return support, Query(
            *self._mixed(index[..., shots:], real.expand(-1, ways, -1), generator)
        )

    def _mixed(
        self,
        index: Int[Tensor, "tasks ways each"],
        real: Tensor,
        generator: torch.Generator,
    ) -> tuple[
        Float[Tensor, "tasks points features"],
        Float[Tensor, "tasks points ways"],
        Bool[Tensor, "tasks points"],
    ]:
        """The rows of all classes in random order, but padding last; and their numbers, one-hot."""
        _, ways, each = index.shape
        key = torch.rand(real.flatten(1).shape, generator=generator) + ~real.flatten(1).bool()
        order = key.argsort(1)
        y = ((order // each).unsqueeze(2) == torch.arange(ways)).float()
        return self.x[index.flatten(1).gather(1, order)], y, real.flatten(1).bool().gather(1, order)


def _shuffled(
    count: Int[Tensor, "*tasks 1"], generator: torch.Generator
) -> Int[Tensor, "*tasks n"]:
    """The places of so many rows in random order, then those that no row has."""
    width = int(count.max())
    key = torch.rand((*count.shape[:-1], width), generator=generator)
    key[torch.arange(width) >= count] = 2.0
    return key.argsort(-1)


def rows_of(
    task: np.ndarray,
    names: np.ndarray,
    group: np.ndarray,
    chosen: np.ndarray,
    x: Tensor,
    y: Tensor,
) -> Rows:
    """The chosen rows, for regression."""
    index = np.flatnonzero(chosen)
    index = index[np.argsort(task[index], kind="stable")]
    _, first, count = np.unique(task[index], return_index=True, return_counts=True)
    rows = torch.from_numpy(index)
    called, of = (tuple(map(str, it[index][first])) for it in (names, group))
    return Rows(x[rows], y[rows], torch.from_numpy(first), torch.from_numpy(count), called, of)


def class_rows_of(
    task: np.ndarray,
    names: np.ndarray,
    group: np.ndarray,
    chosen: np.ndarray,
    x: Tensor,
    label: np.ndarray,
    ways: int,
) -> ClassRows:
    """The chosen rows, for classification; `label` is the number of each row's class."""
    index = np.flatnonzero(chosen)
    index = index[np.lexsort((label[index], task[index]))]
    tasks, first, place = np.unique(task[index], return_index=True, return_inverse=True)
    count = np.zeros((len(tasks), int(label.max()) + 1), np.int64)
    np.add.at(count, (place, label[index]), 1)
    start = count.cumsum().reshape(count.shape) - count
    called, of = (tuple(map(str, it[index][first])) for it in (names, group))
    return ClassRows(
        x[torch.from_numpy(index)],
        torch.from_numpy(start),
        torch.from_numpy(count),
        called,
        of,
        ways,
    )
