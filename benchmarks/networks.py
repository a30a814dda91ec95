"""Networks whose weights may carry a leading task axis.

One batching doctrine everywhere: a linear layer's weight is (in, out), shared by all tasks, or
(tasks, in, out), one matrix a task; inputs are (tasks, points, in) and a forward pass is one
batched matrix product. Tasks never touch each other.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Linear(nn.Module):
    """A linear layer, shared or with one weight a task; initialised as torch.nn.Linear is."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(_uniform(bound, (inputs, outputs), generator))
        self.bias = nn.Parameter(_uniform(bound, (1, outputs), generator))

    def forward(self, x: Float[Tensor, "*tasks points inputs"]) -> Tensor:
        """Map (tasks, points, inputs) to (tasks, points, outputs)."""
        if self.weight.dim() == 3:
            return torch.baddbmm(self.bias, x, self.weight)
        return x @ self.weight + self.bias


def _uniform(bound: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return (torch.rand(*shape, generator=generator) * 2 - 1) * bound


def mlp(
    features: int, hidden: Sequence[int], outputs: int, generator: torch.Generator
) -> nn.Sequential:
    """A ReLU network with the given hidden widths and a linear output."""
    layers: list[nn.Module] = []
    width = features
    for size in hidden:
        layers += [Linear(width, size, generator), nn.ReLU()]
        width = size
    layers.append(Linear(width, outputs, generator))
    return nn.Sequential(*layers)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
