"""NewFamily: curves with one bump, to be found from a few points.

It works as it is: `reml run MATRIX --plugin new_family.py` where MATRIX has

    [[family]]
    name = "new_family"
"""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.curves import Curves, Parameters, uniform


@final
@dataclass(frozen=True)
class NewFamily(Curves):
    """y = height · exp(−((x − place) / width)² / 2), one height and place a task.

    The range of x, noise on the support points and so on are fields of `Curves`.

    Attributes:
        height_low: the smallest height.
        height_high: the largest.
        width: of the bump, the same for all tasks.
    """

    height_low: float = 0.5
    height_high: float = 2.0
    width: float = 1.0

    name: ClassVar[str] = "new_family"
    version: ClassVar[int] = 1  # another one whenever the same seed gives other tasks

    def draw(self, n_tasks: int, generator: torch.Generator) -> Parameters:
        """What tells tasks apart, each of shape (tasks, 1); hidden from learners."""
        low, high = self.x_centre - self.x_range, self.x_centre + self.x_range
        return {
            "height": uniform(self.height_low, self.height_high, (n_tasks, 1), generator),
            "place": uniform(low, high, (n_tasks, 1), generator),
        }

    def curve(
        self, x: Float[Tensor, "tasks points 1"], parameters: Parameters
    ) -> Float[Tensor, "tasks points 1"]:
        height, place = (parameters[key].unsqueeze(2) for key in ("height", "place"))
        return height * torch.exp(-(((x - place) / self.width) ** 2) / 2)
