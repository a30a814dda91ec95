"""The convolutional network that metric learners measure distances with, shared by all tasks."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.core import Problem, Query
from benchmarks.core.errors import MatrixError
from benchmarks.networks import mlp

EPSILON = 1e-5
AT_ONCE = 128  # pictures at test: more would leave the processor's cache


class Block(nn.Module):
    """A 3×3 convolution, batch normalisation, 2×2 max-pooling (or a stride of 2), and ReLU.

    In training the statistics are those of the pictures passed together; in evaluation they are
    running averages over training, and the whole normalisation is folded into the convolution.
    Pooling before the ReLU gives the same as after it, for a quarter of the work.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self, channels: int, filters: int, pooling: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        bound = 1 / math.sqrt(9 * channels)  # as torch.nn.Conv2d
        kernel = (torch.rand(filters, channels, 3, 3, generator=generator) * 2 - 1) * bound
        self.kernel = nn.Parameter(kernel.contiguous(memory_format=torch.channels_last))
        self.scale = nn.Parameter(torch.ones(filters))
        self.shift = nn.Parameter(torch.zeros(filters))
        self.register_buffer("mean", torch.zeros(filters))
        self.register_buffer("variance", torch.ones(filters))
        self.pools = pooling == "max"
        self.stride = 1 if self.pools else 2

    def forward(self, x: Float[Tensor, "pictures channels height width"]) -> Tensor:
        if self.training:
            z = functional.conv2d(x, self.kernel, stride=self.stride, padding=1)
            z = functional.batch_norm(
                z, self.mean, self.variance, self.scale, self.shift, training=True, eps=EPSILON
            )
        else:
            scale = self.scale / (self.variance + EPSILON).sqrt()
            kernel, shift = self.kernel * scale.view(-1, 1, 1, 1), self.shift - self.mean * scale
            z = functional.conv2d(x, kernel, shift, stride=self.stride, padding=1)
        if self.pools and min(z.shape[2:]) > 1:
            z = functional.max_pool2d(z, 2)
        return functional.relu(z, inplace=True)


def embedded(network: nn.Module, points: Query) -> Float[Tensor, "tasks points numbers"]:
    """What a network makes of all points together; padding has no part in its statistics."""
    real = network(points.x[points.mask])
    z = real.new_zeros(*points.mask.shape, real.shape[1])
    z[points.mask] = real
    return z


@torch.no_grad()
def embedded_alone(
    network: nn.Module, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points numbers"]:
    """What a network in evaluation, whose points do not touch, makes of each."""
    parts = [network(part) for part in x.flatten(0, 1).split(AT_ONCE)]
    return torch.cat(parts).unflatten(0, x.shape[:2])


def embedding(
    name: str,
    network: Literal["cnn4", "mlp"],
    problem: Problem,
    hidden: Sequence[int],
    filters: int,
    pooling: Literal["max", "stride"],
    generator: torch.Generator,
) -> nn.Module:
    """A `CNN4`, or a perceptron whose last layer is the embedding, for the learner of that name.

    Raises:
        MatrixError: `network` is "cnn4" and inputs are no pictures.
    """
    if network == "mlp":
        return mlp(problem.features, hidden[:-1], hidden[-1], generator)
    if problem.image is None:
        raise MatrixError(f'{name}: network "cnn4" needs pictures; for other inputs there is "mlp"')
    return CNN4(problem.image, filters, pooling, generator)


class CNN4(nn.Module):
    """Four blocks: 28×28 pixels become `filters` numbers, as in Snell et al. (2017, section 3).

    Pictures too small to be halved four times are halved as often as they can be. With
    `pooling="stride"` (MAML's network) the mean over what positions are left comes out.
    """

    def __init__(
        self,
        image: tuple[int, int, int],
        filters: int,
        pooling: Literal["max", "stride"],
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.image = image
        self.pooling = pooling
        channels = (image[0], *[filters] * 4)
        blocks = [Block(*pair, pooling, generator) for pair in pairwise(channels)]
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Float[Tensor, "pictures pixels"]) -> Float[Tensor, "pictures numbers"]:
        """Embed pictures whose pixels are flattened as channels, height, width."""
        z = x.unflatten(1, self.image).contiguous(memory_format=torch.channels_last)
        z = self.blocks(z)
        return z.flatten(1) if self.pooling == "max" else z.mean((2, 3))
