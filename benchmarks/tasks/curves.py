"""What families of one-dimensional curves share: how tasks and their points are drawn."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Problem, Query, Split, Support, TaskBatch, generator_of

Parameters = Mapping[str, Tensor]
"""What tells one task from another, each of shape (tasks, 1)."""


@dataclass(frozen=True)
class Curves(ABC):
    """Tasks that are curves y = f(x); a family says which parameters they have, and what f is.

    x is uniform, and support and query points are independent draws. Every split has the same
    distribution, and as it is continuous no task comes twice. Tasks are drawn before points: the
    same generator gives the same tasks at every number of shots.

    Attributes:
        x_range: x is no further than that from `x_centre`.
        noise: standard deviation of what is added to the targets of the support points.
        train_tasks: the train split is that many fixed tasks, drawn without replacement as long
            as they last; the other splits stay the whole distribution, so all their tasks are new.
        task_seed: which fixed tasks; without `train_tasks` it means nothing.
        grid: support points are drawn, each at most once, from that many evenly spaced ones that
            include both ends of the range; where more are asked for than the grid has, the others
            are uniform draws. Query points are uniform draws always.
        x_centre: the middle of the range of x.
    """

    x_range: Annotated[float, Gt(0)] = 5.0
    noise: Annotated[float, Ge(0)] = 0.0
    train_tasks: Annotated[int, Ge(1)] | None = None
    task_seed: int = 0
    grid: Annotated[int, Ge(2)] | None = None
    x_centre: float = 0.0

    name: ClassVar[str]
    version: ClassVar[int]
    shown: ClassVar[frozenset[str] | None] = None
    """Which parameters are privileged; None for all."""

    def __post_init__(self) -> None:
        """Check all fields that are two ends of a range.

        Raises:
            ValueError: a field `..._low` is larger than its `..._high`.
        """
        for field in fields(self):
            if field.name.endswith("_low"):
                what = field.name.removesuffix("_low")
                low, high = getattr(self, f"{what}_low"), getattr(self, f"{what}_high")
                if not low <= high:
                    raise ValueError(f"expected {what}_low <= {what}_high, got {low} and {high}")

    @abstractmethod
    def draw(self, n_tasks: int, generator: torch.Generator) -> Parameters:
        """The parameters of `n_tasks` tasks."""

    @abstractmethod
    def curve(
        self, x: Float[Tensor, "tasks points 1"], parameters: Parameters
    ) -> Float[Tensor, "tasks points 1"]:
        """Each task's y at its own x."""

    @property
    def problem(self) -> Problem:
        return Problem(features=1, outputs=1)

    @property
    def fingerprint(self) -> str:
        return ""

    def size(self, split: Split, shots: int) -> int | None:
        return self.train_tasks if split == "train" else None

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
        draws: int = 1,
    ) -> TaskBatch:
        """Draw `n_tasks` curves; see `TaskFamily.sample`."""
        parameters = self._tasks(n_tasks, split, generator)
        if draws > 1:
            parameters = {name: values.repeat(draws, 1) for name, values in parameters.items()}
            n_tasks *= draws
        low, high = self.x_centre - self.x_range, self.x_centre + self.x_range
        x = uniform(low, high, (n_tasks, shots + queries, 1), generator)
        if self.grid is not None:
            on_grid = min(shots, self.grid)
            order = _shuffled(n_tasks, self.grid, generator)[:, :on_grid]
            x[:, :on_grid] = torch.linspace(low, high, self.grid)[order].unsqueeze(2)
        y = self.curve(x, parameters)
        if self.noise:
            y[:, :shots] += self.noise * torch.randn(n_tasks, shots, 1, generator=generator)
        privileged = {
            name: values
            for name, values in parameters.items()
            if self.shown is None or name in self.shown
        }
        support = Support(x[:, :shots], y[:, :shots], privileged)
        mask = torch.ones(n_tasks, queries, dtype=torch.bool)
        return TaskBatch(support, Query(x[:, shots:], y[:, shots:], mask))

    def _tasks(self, n_tasks: int, split: Split, generator: torch.Generator) -> Parameters:
        fixed = self.train_tasks if split == "train" else None
        if fixed is None:
            return self.draw(n_tasks, generator)
        parameters = self.draw(fixed, generator_of(self.name, self.task_seed))
        rounds = math.ceil(n_tasks / fixed)
        drawn = _shuffled(rounds, fixed, generator).flatten()[:n_tasks]
        return {name: values[drawn] for name, values in parameters.items()}


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.rand(*shape, generator=generator) * (high - low) + low


def _shuffled(rows: int, size: int, generator: torch.Generator) -> Tensor:
    """`rows` permutations of 0 to `size` - 1."""
    return torch.rand(rows, size, generator=generator).argsort(1)
