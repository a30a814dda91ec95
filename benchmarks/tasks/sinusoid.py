"""Sinusoid regression (Finn, Abbeel & Levine, 2017, section 5.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.waves import Waves


@final
@dataclass(frozen=True)
class Sinusoid(Waves):
    """y = amplitude · sin(x + phase), one amplitude and phase a task.

    The defaults are the paper's: amplitude is uniform on [0.1, 5], phase on [0, π] and x on
    [−5, 5]. The fields are those of `Waves` and `Curves`: other ranges, other or several
    frequencies, noise, a fixed number of training tasks, support points on a grid.
    """

    name: ClassVar[str] = "sinusoid"
    version: ClassVar[int] = 1
    later: ClassVar[Mapping[str, Any]] = {
        "frequency_low": 1.0,
        "frequency_high": 1.0,
        "x_centre": 0.0,
    }

    def wave(self, angle: Float[Tensor, "tasks points 1"]) -> Float[Tensor, "tasks points 1"]:
        return torch.sin(angle)
