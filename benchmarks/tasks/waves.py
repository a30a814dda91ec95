"""What families of waves share: amplitude, phase and frequency."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Gt
from jaxtyping import Float
from torch import Tensor

from benchmarks.tasks.curves import Curves, Parameters, uniform


@dataclass(frozen=True)
class Waves(Curves):
    """y = amplitude · wave(frequency · x + phase), the wave having the period 2π and height 1.

    Amplitude is uniform on [0.1, 5], phase on [0, π] and x on [−5, 5], unless fields say
    otherwise. Amplitude and phase are privileged, each of shape (tasks, 1). The frequency is drawn,
    and privileged, only where it varies: at the same seed, tasks of any one frequency have the
    amplitudes, phases and inputs of any other.

    Attributes:
        amplitude_low: the smallest amplitude.
        amplitude_high: the largest.
        phase_low: the smallest phase.
        phase_high: the largest.
        frequency_low: the smallest angular frequency.
        frequency_high: the largest.
    """

    amplitude_low: float = 0.1
    amplitude_high: float = 5.0
    phase_low: float = 0.0
    phase_high: float = math.pi
    frequency_low: Annotated[float, Gt(0)] = 1.0
    frequency_high: Annotated[float, Gt(0)] = 1.0

    @abstractmethod
    def wave(self, angle: Float[Tensor, "tasks points 1"]) -> Float[Tensor, "tasks points 1"]:
        """The wave of height 1 at angles in radians; it is 0 at 0, or jumps up there."""

    def draw(self, n_tasks: int, generator: torch.Generator) -> Parameters:
        shape = n_tasks, 1
        parameters = {
            "amplitude": uniform(self.amplitude_low, self.amplitude_high, shape, generator),
            "phase": uniform(self.phase_low, self.phase_high, shape, generator),
        }
        if self.frequency_low < self.frequency_high:
            low, high = self.frequency_low, self.frequency_high
            parameters["frequency"] = uniform(low, high, shape, generator)
        return parameters

    def curve(
        self, x: Float[Tensor, "tasks points 1"], parameters: Parameters
    ) -> Float[Tensor, "tasks points 1"]:
        amplitude, phase = (parameters[key].unsqueeze(2) for key in ("amplitude", "phase"))
        if "frequency" in parameters:
            x = parameters["frequency"].unsqueeze(2) * x
        else:
            x = self.frequency_low * x
        return amplitude * self.wave(x + phase)
