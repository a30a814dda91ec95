"""The networks of the suite, drawn from a generator."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from benchmarks.networks.layers import (
    Convolution,
    Linear,
    Mean,
    Network,
    Normalise,
    NormalisedConvolution,
    Picture,
    Pool,
)


def mlp(
    features: int,
    hidden: Sequence[int],
    outputs: int | None,
    generator: torch.Generator,
    *,
    batch_norm: bool = False,
) -> Network:
    """A ReLU network with the given hidden widths and a linear output (none for None).

    With `batch_norm` each hidden layer is normalised before its ReLU, as is the network of widths
    256, 128, 64, 64 that Finn, Abbeel & Levine (2017, section 5.2) use on Omniglot; it then has no
    bias but the shift of that.
    """
    layers: list[nn.Module] = []
    width = features
    for size in hidden:
        layers.append(Linear(width, size, generator, bias=not batch_norm))
        layers += [Normalise(size), nn.ReLU()] if batch_norm else [nn.ReLU()]
        width = size
    if outputs is not None:
        layers.append(Linear(width, outputs, generator))
    return Network(*layers)


def cnn4(
    image: tuple[int, int, int],
    filters: int,
    outputs: int | None,
    generator: torch.Generator,
    *,
    pooling: Literal["stride", "max"] = "stride",
    batch_norm: bool | Literal["shared"] = True,
) -> Network:
    """Four blocks of a 3×3 convolution, batch normalisation and ReLU, and a linear output.

    With `pooling="stride"`, convolutions have stride 2 and the mean over positions comes out, as in
    MAML (Finn, Abbeel & Levine, 2017, section 5.2). With "max", stride is 1, each block ends in
    2×2 max-pooling and its last pixels come out side by side, as in ProtoNets (Snell, Swersky &
    Zemel, 2017, section 3). `outputs=None` leaves the linear output away.

    Each task is normalised by itself, or, with `batch_norm="shared"`, the points of all tasks
    together, and in evaluation by running averages.
    """
    layers: list[nn.Module] = [Picture(image)]
    channels, *sides = image
    for _ in range(4):
        stride = 2 if pooling == "stride" else 1
        sizes = channels, filters, generator
        if batch_norm == "shared":
            layers.append(NormalisedConvolution(*sizes, stride=stride))
        else:
            layers.append(Convolution(*sizes, stride=stride, bias=not batch_norm))
            layers += [Normalise(filters)] if batch_norm else []
        channels = filters
        if pooling == "max":
            layers.append(Pool())
            sides = [side // 2 for side in sides] if min(sides) > 1 else sides
        layers.append(nn.ReLU())
    layers.append(Mean() if pooling == "stride" else nn.Flatten(2))
    if outputs is not None:
        width = filters if pooling == "stride" else filters * sides[0] * sides[1]
        layers.append(Linear(width, outputs, generator))
    return Network(*layers)


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
