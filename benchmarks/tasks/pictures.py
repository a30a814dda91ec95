"""Pictures by class, in memory as bytes; whole batches of classification tasks are indexed out."""

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from benchmarks.core import Problem, Query, Split, Support, TaskBatch, seed_of
from benchmarks.core.errors import DataError
from benchmarks.core.text import count

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
FEW_SETS = 6
"""Of fewer groups of test tasks nobody can say who is better."""
TURNS = ("", " 90°", " 180°", " 270°")
Rotations = Literal["none", "train", "all"]


@dataclass(frozen=True)
class Pictures:
    """Classes of pictures; picture i of class c is row `first[c] + i` of `pixels`.

    Attributes:
        pixels: every picture, flattened from `image`.
        first: the row of each class's first picture.
        count: how many pictures each class has.
        names: what each class is called.
        image: channels, height and width.
        ink: the byte that stands for 1; 0 stands for 0.
        group_of: tasks whose classes are of the same ones of these are of one group.
    """

    pixels: UInt8[Tensor, "pictures features"]
    first: Int[Tensor, " classes"]
    count: Int[Tensor, " classes"]
    names: tuple[str, ...]
    image: tuple[int, int, int]
    ink: int = 255
    group_of: Callable[[str], str] = str

    @classmethod
    def stacked(
        cls, classes: Mapping[str, np.ndarray], image: tuple[int, int, int], ink: int = 255
    ) -> "Pictures":
        """From an array of bytes (pictures, ...) for each name; kept in the order of the names."""
        names = tuple(sorted(classes))
        count = torch.tensor([len(classes[name]) for name in names])
        pixels = np.concatenate([classes[name] for name in names]).reshape(int(count.sum()), -1)
        return cls(torch.from_numpy(pixels), count.cumsum(0) - count, count, names, image, ink)

    def only(self, names: Sequence[str]) -> "Pictures":
        """These classes, in this order; the pixels are shared."""
        place = {name: number for number, name in enumerate(self.names)}
        index = torch.tensor([place[name] for name in names], dtype=torch.long)
        first, count = self.first[index], self.count[index]
        return replace(self, first=first, count=count, names=tuple(names))

    def turned(self) -> "Pictures":
        """These classes and, as classes of their own, all of them turned by 90°, 180° and 270°."""
        rows = [torch.arange(n) + start for start, n in zip(self.first, self.count, strict=True)]
        upright = self.pixels[torch.cat(rows)].unflatten(1, self.image)
        count = self.count.repeat(len(TURNS))
        return replace(
            self,
            pixels=torch.cat(
                [upright.rot90(turn, (2, 3)).flatten(1) for turn in range(len(TURNS))]
            ),
            first=count.cumsum(0) - count,
            count=count,
            names=turned_names(self.names),
        )

    def digest(self) -> str:
        """The SHA-256 of the pictures and of what their classes are called."""
        digest = hashlib.sha256(self.pixels.numpy().tobytes())
        digest.update(repr((self.names, self.count.tolist(), self.image, self.ink)).encode())
        return digest.hexdigest()

    def tasks(
        self,
        n_tasks: int,
        ways: int,
        shots: int,
        queries: int,
        generator: torch.Generator,
        draws: int = 1,
    ) -> TaskBatch:
        """Draw tasks of `ways` classes that have more than `shots` pictures; there are enough.

        Classes are drawn before pictures: the same generator gives the same classes at every
        number of shots that leaves out the same ones.
        """
        usable = (self.count > shots).nonzero().squeeze(1)
        spare = int(self.count[usable].min()) - shots
        each = min(max(1, queries // ways), spare)
        classes = usable[draw_distinct(torch.full((n_tasks,), len(usable)), ways, generator)]
        classes = classes.repeat(draws, 1)
        rows = draw_distinct(self.count[classes], shots + each, generator)
        rows = rows + self.first[classes].unsqueeze(2)
        support = self._points(rows[..., :shots], generator)
        query = self._points(rows[..., shots:], generator)
        mask = torch.ones(len(classes), ways * each, dtype=torch.bool)
        named = [sorted(self.names[number] for number in task) for task in classes.tolist()]
        return TaskBatch(
            Support(*support, {"class": classes}),
            Query(*query, mask),
            tuple(", ".join(task) for task in named),
            tuple(", ".join(dict.fromkeys(map(self.group_of, task))) for task in named),
        )

    def _points(
        self, rows: Int[Tensor, "tasks ways each"], generator: torch.Generator
    ) -> tuple[Float[Tensor, "tasks points features"], Float[Tensor, "tasks points ways"]]:
        """The pictures of all classes in random order, and their numbers, one-hot."""
        n_tasks, ways, each = rows.shape
        order = torch.rand(n_tasks, ways * each, generator=generator).argsort(1)
        chosen = rows.flatten(1).gather(1, order)
        x = self.pixels.index_select(0, chosen.flatten()).float().div_(self.ink)
        y = ((order // each).unsqueeze(2) == torch.arange(ways)).float()
        return x.unflatten(0, (n_tasks, ways * each)), y


def draw_distinct(
    sizes: Int[Tensor, "*rows"], k: int, generator: torch.Generator
) -> Int[Tensor, "*rows k"]:
    """`k` different numbers below each size, in random order (Floyd's algorithm on all rows)."""
    top = sizes.unsqueeze(-1) - k + torch.arange(k)
    picks = torch.rand(top.shape, dtype=torch.float64, generator=generator)
    picks = (picks * (top + 1)).long()
    for i in range(1, k):
        taken = (picks[..., :i] == picks[..., i : i + 1]).any(-1)
        picks[..., i] = torch.where(taken, top[..., i], picks[..., i])
    order = torch.rand(top.shape, generator=generator).argsort(-1)
    return picks.gather(-1, order)


def turned_names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name + turn for turn in TURNS for name in names)


def shuffled(names: Sequence[str], seed: int) -> list[str]:
    """The names in an order that depends on them and on the seed alone."""
    return sorted(names, key=lambda name: seed_of("classes", seed, name))


def cut(names: Sequence[str], seed: int, sizes: Mapping[Split, int]) -> dict[Split, list[str]]:
    """As many names for each split as `sizes` says, by seed."""
    order = iter(shuffled(names, seed))
    return {split: sorted(next(order) for _ in range(sizes[split])) for split in SPLITS}


class PictureFamily(ABC):
    """What families of pictures share; each says where its pictures and splits come from.

    The fields of those below: `ways`, how many classes a task has, and `rotations`, in which splits
    pictures turned by multiples of 90° make classes of their own.
    """

    ways: int
    rotations: Rotations

    @property
    def grouped_by(self) -> str:
        """What one group is called: tasks of the very same classes are one."""
        return "set of classes"

    def notes(self) -> list[str]:
        """What is to be said before a run: that test tasks are hardly different from each other."""
        n = len(self.classes["test"])
        sets = math.comb(n, self.ways)
        if not 0 < sets < FEW_SETS:
            return []
        return [
            f"{n} test classes make {count(sets, 'set')} of {self.ways}, and tasks of one set are "
            f"one group: {count(sets, 'group')}, too few for a verdict"
        ]

    def group_of(self, name: str) -> str:
        """What of a class's name says which group a task is of."""
        return name

    @property
    @abstractmethod
    def source(self) -> str:
        """What error messages call the data."""

    @property
    @abstractmethod
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of the pictures; reads nothing."""

    @abstractmethod
    def load(self) -> Pictures:
        """All classes, as they are on disk."""

    @abstractmethod
    def assign(self, names: tuple[str, ...]) -> Mapping[Split, Sequence[str]]:
        """The names of each split's classes, before any are turned."""

    @property
    def problem(self) -> Problem:
        channels, height, width = self.image
        return Problem(
            features=channels * height * width,
            outputs=self.ways,
            metric="accuracy",
            target="class",
            inputs=("pixels",),
            image=self.image,
        )

    @property
    def classes(self) -> Mapping[Split, Sequence[str]]:
        """The names of each split's classes, the turned ones included."""
        return {
            split: turned_names(upright.names) if self._turns(split) else upright.names
            for split, upright in self._upright.items()
        }

    def size(self, split: Split, shots: int) -> int | None:
        """None, tasks being endless, or 0 where fewer than `ways` classes are large enough."""
        return None if int((self._counts(split) > shots).sum()) >= self.ways else 0

    def left_out(self, split: Split, shots: int) -> int:
        """How many classes of the split have no more than `shots` pictures."""
        return int((self._counts(split) <= shots).sum())

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
        """Draw tasks; see `TaskFamily.sample`. Every class has as many query points as any other.

        Raises:
            DataError: fewer than `ways` classes of the split have more than `shots` pictures.
        """
        ways = self.ways if ways is None else ways
        self._check(split, ways, shots)
        return self._drawn_from(split).tasks(n_tasks, ways, shots, queries, generator, draws)

    def _check(self, split: Split, ways: int, shots: int) -> None:
        counts = self._counts(split)
        usable = int((counts > shots).sum())
        if len(counts) < ways:
            raise DataError(
                f"{self.source}: {ways} ways need at least {ways} classes, "
                f"but the {split} split has {len(counts)}"
            )
        if usable < ways:
            smallest = int(counts.argmin())
            raise DataError(
                f"{self.source}: {shots} shots need classes of at least {shots + 1} pictures, and "
                f"{ways} ways {ways} such classes, but the {split} split has {usable}; its "
                f"smallest, {self.classes[split][smallest]!r}, has {int(counts[smallest])}"
            )

    def _turns(self, split: Split) -> bool:
        return self.rotations == "all" or (self.rotations == "train" and split == "train")

    def _counts(self, split: Split) -> Int[Tensor, " classes"]:
        count = self._upright[split].count
        return count.repeat(len(TURNS)) if self._turns(split) else count

    def _drawn_from(self, split: Split) -> Pictures:
        """The split's classes; turned copies are made when first drawn from, as they are large."""
        if split not in self._ready:
            upright = self._upright[split]
            self._ready[split] = upright.turned() if self._turns(split) else upright
        return self._ready[split]

    @cached_property
    def _upright(self) -> dict[Split, Pictures]:
        whole = replace(self.load(), group_of=self.group_of)
        assigned = self.assign(whole.names)
        return {split: whole.only(sorted(assigned[split])) for split in SPLITS}

    @cached_property
    def _ready(self) -> dict[Split, Pictures]:
        return {}
