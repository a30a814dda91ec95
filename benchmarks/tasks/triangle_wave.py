"""Triangle waves, to be unrelated to sinusoids of the same amplitude, phase and period."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.waves import Waves


@final
@dataclass(frozen=True)
class TriangleWave(Waves):
    """y = amplitude · triangle(x + phase), with the zeros, peaks and troughs of the sinusoid.

    Between them it is straight. The fields are those of `Waves` and `Curves`, with the sinusoid's
    defaults; the mean of y² is then 2.8, and the sinusoid's 4.2.
    """

    name: ClassVar[str] = "triangle_wave"
    version: ClassVar[int] = 1

    def wave(self, angle: Float[Tensor, "tasks points 1"]) -> Float[Tensor, "tasks points 1"]:
        since_trough = (angle / (2 * math.pi) + 0.25).remainder(1)  # in periods
        return 1 - 4 * (since_trough - 0.5).abs()
