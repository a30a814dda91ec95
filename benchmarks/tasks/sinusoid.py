"""Sinusoid regression (Finn, Abbeel & Levine, 2017, section 5.1)."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Problem, Query, Split, Support, TaskBatch, generator_of


@dataclass(frozen=True)
class Sinusoid:
    """y = amplitude · sin(x + phase), one amplitude and phase a task.

    Amplitude is uniform on [0.1, 5], phase on [0, π] and x on [−5, 5]; support and query points
    are independent draws. Every split has the same distribution, and as it is continuous no task
    comes twice. Amplitude and phase are privileged, each of shape (tasks, 1). Tasks are drawn
    before points: the same generator gives the same tasks at every number of shots.

    Attributes:
        train_tasks: the train split is that many fixed tasks, drawn without replacement as long
            as they last; the other splits stay the whole distribution, so all their tasks are new.
        task_seed: which fixed tasks; without `train_tasks` it means nothing.
        grid: support points are drawn, each at most once, from that many evenly spaced ones that
            include both ends of the range; where more are asked for than the grid has, the others
            are uniform draws. Query points are uniform draws always.
    """

    amplitude_low: float = 0.1
    amplitude_high: float = 5.0
    phase_low: float = 0.0
    phase_high: float = math.pi
    x_range: Annotated[float, Gt(0)] = 5.0
    noise: Annotated[float, Ge(0)] = 0.0
    train_tasks: Annotated[int, Ge(1)] | None = None
    task_seed: int = 0
    grid: Annotated[int, Ge(2)] | None = None

    def __post_init__(self) -> None:
        for what in ("amplitude", "phase"):
            low, high = getattr(self, f"{what}_low"), getattr(self, f"{what}_high")
            if not low <= high:
                raise ValueError(f"expected {what}_low <= {what}_high, got {low} and {high}")

    name: ClassVar[str] = "sinusoid"
    version: ClassVar[int] = 1

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
    ) -> TaskBatch:
        """Draw `n_tasks` sinusoids; see `TaskFamily.sample`."""
        amplitude, phase = self._waves(n_tasks, split, generator)
        x = _uniform(-self.x_range, self.x_range, (n_tasks, shots + queries, 1), generator)
        if self.grid is not None:
            on_grid = min(shots, self.grid)
            x[:, :on_grid] = self._grid_points(n_tasks, on_grid, generator)
        y = amplitude.unsqueeze(2) * torch.sin(x + phase.unsqueeze(2))
        if self.noise:
            y[:, :shots] += self.noise * torch.randn(n_tasks, shots, 1, generator=generator)
        support = Support(x[:, :shots], y[:, :shots], {"amplitude": amplitude, "phase": phase})
        mask = torch.ones(n_tasks, queries, dtype=torch.bool)
        return TaskBatch(support, Query(x[:, shots:], y[:, shots:], mask))

    def _waves(
        self, n_tasks: int, split: Split, generator: torch.Generator
    ) -> tuple[Float[Tensor, "tasks 1"], Float[Tensor, "tasks 1"]]:
        """Amplitude and phase of each task."""
        fixed = self.train_tasks if split == "train" else None
        n_waves = n_tasks if fixed is None else fixed
        stream = generator if fixed is None else generator_of("sinusoid", self.task_seed)
        amplitude = _uniform(self.amplitude_low, self.amplitude_high, (n_waves, 1), stream)
        phase = _uniform(self.phase_low, self.phase_high, (n_waves, 1), stream)
        if fixed is None:
            return amplitude, phase
        rounds = math.ceil(n_tasks / fixed)
        drawn = _shuffled(rounds, fixed, generator).flatten()[:n_tasks]
        return amplitude[drawn], phase[drawn]

    def _grid_points(
        self, n_tasks: int, shots: int, generator: torch.Generator
    ) -> Float[Tensor, "tasks shots 1"]:
        """`shots` of the grid's points for each task, in random order."""
        assert self.grid is not None
        grid = torch.linspace(-self.x_range, self.x_range, self.grid)
        return grid[_shuffled(n_tasks, self.grid, generator)[:, :shots]].unsqueeze(2)


def _uniform(
    low: float, high: float, shape: tuple[int, ...], generator: torch.Generator
) -> torch.Tensor:
    return torch.rand(*shape, generator=generator) * (high - low) + low


def _shuffled(rows: int, size: int, generator: torch.Generator) -> Tensor:
    """`rows` permutations of 0 to `size` - 1."""
    return torch.rand(rows, size, generator=generator).argsort(1)
