"""Square waves, to be unrelated to sinusoids of the same amplitude, phase and period."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.waves import Waves


@final
@dataclass(frozen=True)
class SquareWave(Waves):
    """y = amplitude · square(x + phase), the sign of the sinusoid that has the same parameters.

    Where the sine is 0, y is the amplitude. The fields are those of `Waves` and `Curves`, with the
    sinusoid's defaults; the mean of y² is then 8.5, and the sinusoid's 4.2.
    """

    name: ClassVar[str] = "square_wave"
    version: ClassVar[int] = 1

    def wave(self, angle: Float[Tensor, "tasks points 1"]) -> Float[Tensor, "tasks points 1"]:
        return torch.where(torch.sin(angle) < 0, -1.0, 1.0)
