"""Families with known answers, small enough to run every law on."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.core import Problem, Query, Split, Support, TaskBatch, generator_of

CLASSES = 20
"""How many there are where tasks tell which they have."""


@dataclass(frozen=True)
class Toy:
    """y = slope · x + intercept, one slope (a matrix) and intercept a task.

    Attributes:
        features: how many inputs.
        outputs: how many targets.
        ragged: tasks have query sets of different sizes, so that some query rows are masked.
        wild: how much noise is added to masked rows, which nobody may look at.
        reveals: names of the privileged fields, each (tasks, 1) and holding the first intercept.
    """

    features: int = 1
    outputs: int = 1
    ragged: bool = False
    wild: float = 0.0
    reveals: tuple[str, ...] = ("intercept",)

    name: ClassVar[str] = "toy"
    version: ClassVar[int] = 1

    @property
    def problem(self) -> Problem:
        return Problem(
            self.features,
            self.outputs,
            inputs=tuple(f"x{i}" for i in range(self.features)),
            input_scale=(1.0,) * self.features,
            input_offset=(0.0,) * self.features,
        )

    @property
    def fingerprint(self) -> str:
        return ""

    def size(self, split: Split, shots: int) -> int | None:
        return None

    def left_out(self, split: Split, shots: int) -> int:
        return 0

    def sample(
        self,
        n_tasks: int,
        split: Split,
        generator: torch.Generator,
        *,
        shots: int = 10,
        queries: int = 10,
    ) -> TaskBatch:
        """Draw `n_tasks` lines or planes; see `TaskFamily.sample`."""
        slope = torch.randn(n_tasks, self.features, self.outputs, generator=generator)
        intercept = torch.randn(n_tasks, 1, self.outputs, generator=generator)
        count = torch.full((n_tasks, 1), queries)
        if self.ragged:
            count = torch.randint(1, queries + 1, (n_tasks, 1), generator=generator)
        x = torch.randn(n_tasks, shots + queries, self.features, generator=generator)
        mask = torch.arange(queries) < count
        x[:, shots:] = torch.where(mask.unsqueeze(2), x[:, shots:], x[:, shots : shots + 1])
        y = x @ slope + intercept
        _shake(x[:, shots:], y[:, shots:], mask, self.wild)
        support = Support(
            x[:, :shots], y[:, :shots], dict.fromkeys(self.reveals, intercept[:, 0, :1])
        )
        return TaskBatch(support, Query(x[:, shots:], y[:, shots:], mask))


@dataclass(frozen=True)
class ToyClasses:
    """Classes are points in space, and examples lie around them; every task has classes of its own.

    Attributes:
        ways: classes of a task.
        image: channels, height and width of the inputs; None makes them `features` plain numbers.
        features: how many, where they are no pictures.
        noise: how far examples lie from their class; classes are about 1 apart in every feature.
        ragged, wild: as of `Toy`.
        reveals: names of privileged fields, each (tasks, 1): the first feature of the first class.
            With "class" among them, which is (tasks, ways), all classes are of the same `CLASSES`.
    """

    ways: int = 3
    image: tuple[int, int, int] | None = (1, 8, 8)
    features: int = 2
    noise: float = 0.3
    ragged: bool = False
    wild: float = 0.0
    reveals: tuple[str, ...] = ()

    name: ClassVar[str] = "toy-classes"
    version: ClassVar[int] = 1

    @property
    def problem(self) -> Problem:
        shape = Problem(
            self.features if self.image is None else math.prod(self.image),
            self.ways,
            metric="accuracy",
            target="class",
            image=self.image,
        )
        if self.image is not None:
            return shape
        return replace(
            shape,
            inputs=tuple(f"x{i}" for i in range(self.features)),
            input_scale=(1.0,) * self.features,
            input_offset=(0.0,) * self.features,
        )

    @property
    def fingerprint(self) -> str:
        return ""

    def size(self, split: Split, shots: int) -> int | None:
        return None

    def left_out(self, split: Split, shots: int) -> int:
        return 0

    def sample(
        self,
        n_tasks: int,
        split: Split,
        generator: torch.Generator,
        *,
        shots: int = 10,
        queries: int = 10,
        ways: int | None = None,
    ) -> TaskBatch:
        """Draw `n_tasks` sets of classes; see `TaskFamily.sample`."""
        ways = self.ways if ways is None else ways
        features, each = self.problem.features, max(1, queries // ways)
        known: dict[str, Tensor] = {}
        if "class" in self.reveals:
            all_centres = torch.rand(CLASSES, features, generator=generator_of("toy classes"))
            ids = torch.rand(n_tasks, CLASSES, generator=generator).argsort(1)[:, :ways]
            known, centres = {"class": ids}, all_centres[ids]
        else:
            centres = torch.rand(n_tasks, ways, features, generator=generator)

        def draw(n: int) -> tuple[Tensor, Tensor]:
            order = torch.rand(n_tasks, ways * n, generator=generator).argsort(1)
            label = torch.arange(ways).repeat(n_tasks, n).gather(1, order)
            x = centres.gather(1, label.unsqueeze(2).expand(-1, -1, features))
            x = x + self.noise * torch.randn(x.shape, generator=generator)
            return x, functional.one_hot(label, ways).float()

        told = dict.fromkeys(self.reveals, centres[:, 0, :1])
        support = Support(*draw(shots), {**told, **known})
        x, y = draw(each)
        mask = torch.ones(n_tasks, ways * each, dtype=torch.bool)
        if self.ragged:
            mask &= torch.arange(ways * each) < torch.randint(
                1, ways * each + 1, (n_tasks, 1), generator=generator
            )
            x = torch.where(mask.unsqueeze(2), x, x[:, :1])
            y = torch.where(mask.unsqueeze(2), y, y[:, :1])
            _shake(x, y, mask, self.wild)
        return TaskBatch(support, Query(x, y, mask))


def _shake(x: Tensor, y: Tensor, mask: Tensor, wild: float) -> None:
    """Add so much noise to masked rows, in place."""
    noise = generator_of("wild")
    for values in (x, y):
        drawn = torch.randn(values.shape, generator=noise)
        values += wild * drawn * ~mask.unsqueeze(2)
