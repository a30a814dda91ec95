"""A family with known answers, small enough to run every law on."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from benchmarks.core import Problem, Query, Split, Support, TaskBatch


@dataclass(frozen=True)
class Toy:
    """y = slope · x + intercept, one slope (a matrix) and intercept a task.

    Attributes:
        features: how many inputs.
        outputs: how many targets.
        ragged: tasks have query sets of different sizes, so that some query rows are masked.
        wild: what is added to the targets of masked rows, which nobody may look at.
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
        y[:, shots:] += self.wild * ~mask.unsqueeze(2)
        support = Support(
            x[:, :shots], y[:, :shots], dict.fromkeys(self.reveals, intercept[:, 0, :1])
        )
        return TaskBatch(support, Query(x[:, shots:], y[:, shots:], mask))
