"""Layers whose weights are shared by all tasks, or one a task."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.networks.convolution import as_torch, convolve, pool
from benchmarks.networks.normalisation import EPSILON, normalise


class Linear(nn.Module):
    """A linear layer, shared or with one weight a task; initialised as torch.nn.Linear is."""

    def __init__(
        self, inputs: int, outputs: int, generator: torch.Generator, *, bias: bool = True
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(_uniform(bound, (inputs, outputs), generator))
        self.bias = nn.Parameter(_uniform(bound, (1, outputs), generator)) if bias else None

    def forward(self, x: Float[Tensor, "*tasks points inputs"]) -> Tensor:
        """Map (tasks, points, inputs) to (tasks, points, outputs)."""
        if self.bias is None:
            return x @ self.weight
        if self.weight.dim() == 3:
            return torch.baddbmm(self.bias, x, self.weight)
        return x @ self.weight + self.bias


class Convolution(nn.Module):
    """A 3×3 convolution, shared or with one weight a task; initialised as torch.nn.Conv2d is."""

    def __init__(
        self,
        channels: int,
        filters: int,
        generator: torch.Generator,
        *,
        stride: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(9 * channels)
        self.stride = stride
        self.weight = nn.Parameter(_uniform(bound, (9 * channels, filters), generator))
        self.bias = nn.Parameter(_uniform(bound, (1, filters), generator)) if bias else None

    def forward(self, x: Float[Tensor, "tasks points height width channels"]) -> Tensor:
        z = convolve(x, self.weight, self.stride)
        return z if self.bias is None else (z.flatten(1, 3) + self.bias).view(z.shape)


class NormalisedConvolution(nn.Module):
    """A 3×3 convolution, then batch normalisation of the points of all tasks together.

    In training by their own statistics; in evaluation by running averages over training, where the
    whole normalisation is folded into the convolution.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self, channels: int, filters: int, generator: torch.Generator, *, stride: int = 1
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(9 * channels)
        kernel = _uniform(bound, (filters, channels, 3, 3), generator)
        self.kernel = nn.Parameter(kernel.contiguous(memory_format=torch.channels_last))
        self.scale = nn.Parameter(torch.ones(filters))
        self.shift = nn.Parameter(torch.zeros(filters))
        self.register_buffer("mean", torch.zeros(filters))
        self.register_buffer("variance", torch.ones(filters))
        self.stride = stride

    def forward(self, x: Float[Tensor, "tasks points height width channels"]) -> Tensor:
        z = as_torch(x)
        if self.training:
            z = functional.conv2d(z, self.kernel, stride=self.stride, padding=1)
            running = self.mean, self.variance
            z = functional.batch_norm(z, *running, self.scale, self.shift, True, eps=EPSILON)
        else:
            scale = self.scale / (self.variance + EPSILON).sqrt()
            kernel, shift = self.kernel * scale.view(-1, 1, 1, 1), self.shift - self.mean * scale
            z = functional.conv2d(z, kernel, shift, stride=self.stride, padding=1)
        if z.shape[2:] == (1, 1):  # as a view its gradient would be rounded otherwise
            return z.flatten(1).view(*x.shape[:2], 1, 1, -1)
        return z.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


class Normalise(nn.Module):
    """`normalise`, then a scale and a shift for each channel, shared or one a task."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1, channels))
        self.shift = nn.Parameter(torch.zeros(1, channels))

    def forward(
        self,
        z: Float[Tensor, "tasks points *positions channels"],
        reference: int = 0,
        real: Bool[Tensor, "tasks points"] | None = None,
    ) -> Tensor:
        return normalise(z, self.scale, self.shift, reference, real)


class Picture(nn.Module):
    """Pixels flattened as channels, height, width become (height, width, channels).

    One channel is put last by its stride, too: torch would take the pictures, and what comes out of
    the convolution after them, for channels-first, and pool that in ten times the time.
    """

    def __init__(self, image: tuple[int, int, int]) -> None:
        super().__init__()
        self.image = image

    def forward(self, x: Float[Tensor, "tasks points pixels"]) -> Tensor:
        channels, *sides = self.image
        if channels == 1:
            return x.unflatten(2, (*sides, 1))
        return x.unflatten(2, self.image).permute(0, 1, 3, 4, 2)


class Pool(nn.Module):
    """`pool` as a layer."""

    def forward(self, x: Float[Tensor, "tasks points height width channels"]) -> Tensor:
        return pool(x)


class Mean(nn.Module):
    """The mean of each channel over all positions."""

    def forward(self, x: Float[Tensor, "tasks points height width channels"]) -> Tensor:
        return x.mean((2, 3))


MADE_ANEW = (Linear, Convolution, NormalisedConvolution, Normalise)
"""Layers whose outputs are no view of what they are given."""


class Network(nn.Sequential):
    """Layers one after the other. `reference` and `real` are handed to each that normalises."""

    def forward(
        self, x: Tensor, reference: int = 0, real: Bool[Tensor, "tasks points"] | None = None
    ) -> Tensor:
        once, own = not torch.is_grad_enabled(), False  # whose numbers nobody needs again
        for layer in self:
            if once and own and type(layer) is nn.ReLU:
                x = torch.relu_(x)
            else:
                x = layer(x, reference, real) if isinstance(layer, Normalise) else layer(x)
            own = isinstance(layer, MADE_ANEW)
        return x


def _uniform(bound: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return (torch.rand(*shape, generator=generator) * 2 - 1) * bound
