"""Groups of points in memory as a family of tasks, all of them for training."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from benchmarks.core import Kind, Problem, Query, Split, Support, TaskBatch
from benchmarks.core.errors import DataError


@dataclass(frozen=True, eq=False)
class Arrays:
    """One task for each group.

    In classification `y` are the numbers of classes, and a task is `ways` of a group's classes.

    Attributes:
        x: (points, features), standardised.
        y: (points, outputs), standardised; or (points,), the classes' numbers.
        groups: (points,), from 0 on.
    """

    problem: Problem
    x: Tensor
    y: Tensor
    groups: np.ndarray

    name: ClassVar[str] = "arrays"
    version: ClassVar[int] = 1

    @property
    def fingerprint(self) -> str:
        return ""

    @property
    def kind(self) -> Kind:
        return self.problem.kind

    def size(self, split: Split, shots: int) -> int | None:
        return len(self._possible(shots)) if split == "train" else 0

    def left_out(self, split: Split, shots: int) -> int:
        return self._count() - len(self._possible(shots)) if split == "train" else 0

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
        """See `TaskFamily.sample`."""
        ways = ways or self.problem.outputs
        possible = self._possible(shots, ways)
        if split != "train" or not possible:
            each = " of each of its classes" if self.kind == "classification" else ""
            raise DataError(
                f"groups: none has more than {shots} points{each}; give fewer shots, or more points"
            )
        chosen = [
            possible[n]
            for _ in range(-(-n_tasks // len(possible)))
            for n in torch.randperm(len(possible), generator=generator).tolist()
        ][:n_tasks]
        if self.kind == "classification":
            return self._classes(chosen, generator, shots, queries, ways)
        width = shots + min(queries, max(len(self._rows[group]) for group in chosen) - shots)
        places, real = [], []
        for group in chosen:
            order = self._drawn(self._rows[group], width, generator)
            real.append(torch.arange(width) < len(order))
            places.append(torch.cat([order, order[shots].expand(width - len(order))]))
        index, mask = torch.stack(places), torch.stack(real)[:, shots:]
        x, y = self.x[index], self.y[index]
        return TaskBatch(
            Support(x[:, :shots], y[:, :shots]), Query(x[:, shots:], y[:, shots:], mask)
        )

    def _classes(
        self, chosen: list[int], generator: torch.Generator, shots: int, queries: int, ways: int
    ) -> TaskBatch:
        drawn = []
        for group in chosen:
            classes = [it for it in self._by_class[group].values() if len(it) > shots]
            order = torch.randperm(len(classes), generator=generator)[:ways].tolist()
            drawn.append([classes[n] for n in order])
        fewest = min(len(rows) for classes in drawn for rows in classes)
        each = shots + min(max(1, queries // ways), fewest - shots)
        index = torch.stack(
            [
                torch.stack([self._drawn(rows, each, generator) for rows in classes])
                for classes in drawn
            ]
        )
        codes = torch.eye(ways).unsqueeze(1).expand(ways, each, ways)

        def shuffled(part: slice) -> tuple[Tensor, Tensor]:
            x, y = self.x[index[:, :, part]].flatten(1, 2), codes[:, part].flatten(0, 1)
            order = torch.rand(x.shape[:2], generator=generator).argsort(1)
            return x[torch.arange(len(x)).unsqueeze(1), order], y[order]

        x, y = shuffled(slice(shots, None))
        mask = torch.ones(x.shape[:2], dtype=torch.bool)
        return TaskBatch(Support(*shuffled(slice(shots))), Query(x, y, mask))

    @staticmethod
    def _drawn(rows: Tensor, most: int, generator: torch.Generator) -> Tensor:
        return rows[torch.randperm(len(rows), generator=generator)[:most]]

    @cached_property
    def _rows(self) -> list[Tensor]:
        return [torch.from_numpy(np.flatnonzero(self.groups == it)) for it in range(self._count())]

    @cached_property
    def _by_class(self) -> list[dict[int, Tensor]]:
        return [{int(c): it[self.y[it] == c] for c in self.y[it].unique()} for it in self._rows]

    def _count(self) -> int:
        return int(self.groups.max()) + 1

    def _possible(self, shots: int, ways: int | None = None) -> list[int]:
        """The groups that allow so many shots."""
        if self.kind == "regression":
            return [n for n, rows in enumerate(self._rows) if len(rows) > shots]
        least = ways or self.problem.outputs
        return [
            n
            for n, classes in enumerate(self._by_class)
            if sum(len(rows) > shots for rows in classes.values()) >= least
        ]
