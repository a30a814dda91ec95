"""Parabolas, to be unrelated to sinusoids."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.curves import Curves, Parameters, uniform


@final
@dataclass(frozen=True)
class Quadratic(Curves):
    """y = scale · (x − vertex)² + offset, one of each a task; all three are privileged.

    By default the scale is uniform on [−0.2, 0.2], and vertex and offset on [−2, 2]. The mean of y²
    is then 0.2²/3 · (125 + 6 · 25/3 · 4/3 + 16/5) + 4/3 = 3.9, and the sinusoid's 4.2. The other
    fields are those of `Curves`.

    Attributes:
        scale_low: the smallest scale; below 0 the parabola opens downwards.
        scale_high: the largest.
        vertex_low: the smallest x of the vertex.
        vertex_high: the largest.
        offset_low: the smallest y of the vertex.
        offset_high: the largest.
    """

    scale_low: float = -0.2
    scale_high: float = 0.2
    vertex_low: float = -2.0
    vertex_high: float = 2.0
    offset_low: float = -2.0
    offset_high: float = 2.0

    name: ClassVar[str] = "quadratic"
    version: ClassVar[int] = 1

    def draw(self, n_tasks: int, generator: torch.Generator) -> Parameters:
        shape = n_tasks, 1
        return {
            "scale": uniform(self.scale_low, self.scale_high, shape, generator),
            "vertex": uniform(self.vertex_low, self.vertex_high, shape, generator),
            "offset": uniform(self.offset_low, self.offset_high, shape, generator),
        }

    def curve(
        self, x: Float[Tensor, "tasks points 1"], parameters: Parameters
    ) -> Float[Tensor, "tasks points 1"]:
        scale, vertex, offset = (
            parameters[key].unsqueeze(2) for key in ("scale", "vertex", "offset")
        )
        return scale * (x - vertex) ** 2 + offset
