"""Batch normalisation of each task by itself."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

EPSILON = 1e-5


def normalise(
    z: Float[Tensor, "tasks points *positions channels"],
    reference: int = 0,
    real: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, "tasks points *positions channels"]:
    """Batch normalisation (Ioffe & Szegedy, 2015) of each task and channel by itself.

    Mean and variance are over points and positions, of the first `reference` points where that is
    not 0, else of those that are `real`. There is no running average, and no scale or shift.
    """
    if real is not None and not reference:
        return _by_those(z, real)
    known = z[:, :reference] if reference else z
    x, mean, rate = _Standardise.apply(known.flatten(1, -2))  # type: ignore[no-untyped-call]
    if not reference:
        return x.view(z.shape)
    return torch.cat([x, (z[:, reference:].flatten(1, -2) - mean) * rate], 1).view(z.shape)


def _by_those(z: Tensor, real: Tensor) -> Tensor:
    flat = z.flatten(2, -2) if z.dim() > 3 else z.unsqueeze(2)
    there = real.view(*real.shape, 1, 1)
    n = real.sum(1).view(-1, 1, 1, 1) * flat.shape[2]
    mean = torch.where(there, flat, 0).sum((1, 2), keepdim=True) / n
    x = flat - mean
    variance = torch.where(there, x, 0).square().sum((1, 2), keepdim=True) / n
    return (x * torch.rsqrt(variance + EPSILON)).view(z.shape)


class _Standardise(torch.autograd.Function):
    """Mean 0 and variance 1 over dimension 1; also that mean, and 1 / standard deviation.

    Torch derives the gradients of the formula just as well, but in twice as many passes over
    memory, and in MAML most of the time that is not matrix products is spent here.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = z.mean(1, keepdim=True)
        x = z - mean
        rate = torch.rsqrt((x * x).mean(1, keepdim=True) + EPSILON)
        x.mul_(rate)
        ctx.save_for_backward(x, rate)
        return x, mean, rate

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _StandardiseBackward.apply(*gradients, *ctx.saved_tensors)  # type: ignore[no-untyped-call]


class _StandardiseBackward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, g: Tensor, g_mean: Tensor, g_rate: Tensor, x: Tensor, r: Tensor
    ) -> Tensor:
        """Give r · (g - mean(g) - x · mean(g · x)) + (g_mean - g_rate · r² · x) / n."""
        gx = (g * x).mean(1, keepdim=True)
        ctx.save_for_backward(g, g_rate, x, r, gx)
        n = g.shape[1]
        return _combine(
            g_mean / n - r * g.mean(1, keepdim=True), g, r, x, -_slope(r, gx, g_rate, n)
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        u = gradients[0]
        g, g_rate, x, r, gx = ctx.saved_tensors
        n = u.shape[1]
        mean, ux = u.mean(1, keepdim=True), (u * x).mean(1, keepdim=True)
        to_g = _combine(-r * mean, u, r, x, -r * ux)
        to_x = (u * -_slope(r, gx, g_rate, n)).addcmul_(g, -r * ux)
        to_r = ((u * g).mean(1, keepdim=True) - mean * g.mean(1, keepdim=True) - ux * gx) * n
        return to_g, mean, -ux * r * r, to_x, to_r - 2 * ux * g_rate * r


def _slope(r: Tensor, gx: Tensor, g_rate: Tensor, n: int) -> Tensor:
    return r * gx + g_rate * r * r / n


def _combine(constant: Tensor, a: Tensor, times: Tensor, b: Tensor, and_times: Tensor) -> Tensor:
    return torch.addcmul(constant, a, times).addcmul_(b, and_times)
