"""Layers of one shape, side by side: how they start, and how they take in adapted copies."""

import math
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor


@runtime_checkable
class HasLayers(Protocol):
    """Layers of one shape: weight (layers, inputs, outputs) and bias (layers, 1, outputs)."""

    @property
    def weight(self) -> Tensor: ...

    @property
    def bias(self) -> Tensor: ...


def glorot(
    layers: int, inputs: int, outputs: int, generator: torch.Generator
) -> Float[Tensor, "layers inputs outputs"]:
    """Weights of so many layers, Glorot uniform (Glorot & Bengio, 2010)."""
    bound = math.sqrt(6 / (inputs + outputs))
    return (torch.rand(layers, inputs, outputs, generator=generator) * 2 - 1) * bound


@torch.no_grad()
def absorb(
    kept: Float[Tensor, "layers inputs outputs"],
    chosen: Int[Tensor, " copies"],
    copies: Float[Tensor, "copies inputs outputs"],
    share: float,
) -> None:
    """Move each layer in `chosen` by `share` of the way to the mean of its copies; others stay.

    Args:
        kept: changed in place.
        chosen: which layer each copy is of.
        copies: what became of them.
        share: 1 puts the mean in the layer's place.
    """
    count = torch.bincount(chosen, minlength=len(kept)).view(-1, 1, 1)
    total = torch.zeros_like(kept).index_add_(0, chosen, copies)
    kept.lerp_(torch.where(count > 0, total / count.clamp_min(1), kept), share)


def network_size(first: HasLayers, between: HasLayers, last: HasLayers, depth: int) -> int:
    """How many weights and biases a network has that is composed of `depth` layers of these."""
    sizes = [bank.weight[0].numel() + bank.bias[0].numel() for bank in (first, between, last)]
    return sizes[0] + (depth - 2) * sizes[1] + sizes[2]
