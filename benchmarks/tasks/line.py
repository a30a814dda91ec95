"""Straight lines, to be unrelated to sinusoids."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.curves import Curves, Parameters, uniform


@final
@dataclass(frozen=True)
class Line(Curves):
    """y = slope · x + intercept, one slope and intercept a task; both are privileged.

    By default the slope is uniform on [−1, 1] and the intercept on [−2, 2]. The mean of y² is then
    1/3 · 25/3 + 4/3 = 4.1, and the sinusoid's 4.2. The other fields are those of `Curves`.

    Attributes:
        slope_low: the smallest slope.
        slope_high: the largest.
        intercept_low: the smallest y at x = 0.
        intercept_high: the largest.
    """

    slope_low: float = -1.0
    slope_high: float = 1.0
    intercept_low: float = -2.0
    intercept_high: float = 2.0

    name: ClassVar[str] = "line"
    version: ClassVar[int] = 1

    def draw(self, n_tasks: int, generator: torch.Generator) -> Parameters:
        shape = n_tasks, 1
        return {
            "slope": uniform(self.slope_low, self.slope_high, shape, generator),
            "intercept": uniform(self.intercept_low, self.intercept_high, shape, generator),
        }

    def curve(
        self, x: Float[Tensor, "tasks points 1"], parameters: Parameters
    ) -> Float[Tensor, "tasks points 1"]:
        slope, intercept = (parameters[key].unsqueeze(2) for key in ("slope", "intercept"))
        return slope * x + intercept
