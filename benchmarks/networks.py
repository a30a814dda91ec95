"""Networks whose weights may carry a leading task axis.

One batching doctrine everywhere: a linear layer's weight is (in, out), shared by all tasks, or
(tasks, in, out), one matrix a task; inputs are (tasks, points, in) and a forward pass is one
batched matrix product. Tasks never touch each other. Pictures are (tasks, points, height, width,
channels); a 3×3 convolution is `patches`, then the same matrix product.
"""

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5


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


class _Patches(torch.autograd.Function):
    """Every 3×3 window, padded with zeros. Linear, so that its gradient is `_Fold` and back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: int) -> Tensor:
        ctx.shape, ctx.stride = x.shape, stride
        tasks, points, height, width, channels = x.shape
        padded = functional.pad(x, (0, 0, 1, 1, 1, 1)).view(tasks * points, -1, channels)
        index = _windows(height, width, stride, x.device)
        out = (tasks, points, -(-height // stride), -(-width // stride), 9 * channels)
        return padded.index_select(1, index).view(out)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Fold.apply(gradients[0], ctx.shape, ctx.stride), None  # type: ignore[no-untyped-call]


class _Fold(torch.autograd.Function):
    """The transpose of `_Patches`: every pixel gets the sum of what windows say of it."""

    @staticmethod
    def forward(ctx: Any, windows: Tensor, shape: torch.Size, stride: int) -> Tensor:
        ctx.stride = stride
        tasks, points, height, width, channels = shape
        rows, columns = windows.shape[2:4]
        windows = windows.reshape(tasks, points, rows, columns, 9, channels)
        padded = windows.new_zeros(tasks, points, height + 2, width + 2, channels)
        down, right = stride * (rows - 1) + 1, stride * (columns - 1) + 1
        for at in range(9):
            i, j = divmod(at, 3)
            padded[:, :, i : i + down : stride, j : j + right : stride] += windows[..., at, :]
        return padded[:, :, 1:-1, 1:-1].contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Patches.apply(gradients[0], ctx.stride), None, None  # type: ignore[no-untyped-call]


@cache
def _windows(height: int, width: int, stride: int, device: torch.device) -> Int[Tensor, " pixels"]:
    """Where the nine pixels of each window lie in the padded and flattened picture."""
    row = torch.arange(0, height, stride).view(-1, 1, 1, 1) + torch.arange(3).view(3, 1)
    column = torch.arange(0, width, stride).view(-1, 1, 1) + torch.arange(3)
    return (row * (width + 2) + column).flatten().to(device)


def patches(
    x: Float[Tensor, "tasks points height width channels"], stride: int = 1
) -> Float[Tensor, "tasks points rows columns window"]:
    """The 3×3 windows around every `stride`-th pixel, padded with zeros, flattened.

    A window is its pixels row by row, the channels of each together: a weight of torch's
    `conv2d`, (filters, channels, 3, 3), is here
    `weight.permute(2, 3, 1, 0).reshape(9 * channels, filters)`.
    """
    return _Patches.apply(x, stride)  # type: ignore[no-untyped-call]


def normalise(
    z: Float[Tensor, "tasks points *positions channels"], reference: int = 0
) -> Float[Tensor, "tasks points *positions channels"]:
    """Batch normalisation (Ioffe & Szegedy, 2015) of each task and channel by itself.

    Mean and variance are over points and positions, of the first `reference` points where that is
    not 0. There is no running average, and no scale or shift.
    """
    known = z[:, :reference] if reference else z
    variance, mean = torch.var_mean(known, tuple(range(1, z.dim() - 1)), correction=0, keepdim=True)
    return (z - mean) * torch.rsqrt(variance + EPSILON)


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
