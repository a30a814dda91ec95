"""Sinusoid regression (Finn, Abbeel & Levine, 2017, section 5.1)."""

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Gt

from benchmarks.core import Problem, Query, Split, Support, TaskBatch


@dataclass(frozen=True)
class Sinusoid:
    """y = amplitude · sin(x + phase), one amplitude and phase a task.

    Amplitude is uniform on [0.1, 5], phase on [0, π] and x on [−5, 5]; support and query points
    are independent draws. Every split has the same distribution, and as it is continuous no task
    comes twice. Amplitude and phase are privileged, each of shape (tasks, 1). Tasks are drawn
    before points: the same generator gives the same tasks at every number of shots.
    """

    amplitude_low: float = 0.1
    amplitude_high: float = 5.0
    phase_low: float = 0.0
    phase_high: float = math.pi
    x_range: Annotated[float, Gt(0)] = 5.0
    noise: Annotated[float, Ge(0)] = 0.0

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
        """Draw `n_tasks` sinusoids; see `TaskFamily.sample`."""

        def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
            return torch.rand(*shape, generator=generator) * (high - low) + low

        amplitude = uniform(self.amplitude_low, self.amplitude_high, n_tasks, 1)
        phase = uniform(self.phase_low, self.phase_high, n_tasks, 1)
        x = uniform(-self.x_range, self.x_range, n_tasks, shots + queries, 1)
        y = amplitude.unsqueeze(2) * torch.sin(x + phase.unsqueeze(2))
        if self.noise:
            y[:, :shots] += self.noise * torch.randn(n_tasks, shots, 1, generator=generator)
        support = Support(x[:, :shots], y[:, :shots], {"amplitude": amplitude, "phase": phase})
        mask = torch.ones(n_tasks, queries, dtype=torch.bool)
        return TaskBatch(support, Query(x[:, shots:], y[:, shots:], mask))
