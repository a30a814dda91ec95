"""Batch normalisation of each task by itself."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

EPSILON = 1e-5


def normalise(
    z: Float[Tensor, "tasks points *positions channels"],
    scale: Float[Tensor, "*scaled 1 channels"],
    shift: Float[Tensor, "*shifted 1 channels"],
    reference: int = 0,
    real: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, "tasks points *positions channels"]:
    """Batch normalisation (Ioffe & Szegedy, 2015) of each task and channel by itself.

    Mean and variance are over points and positions, of the first `reference` points where that is
    not 0, else of those that are `real`. There is no running average. Then come a scale and a
    shift, of shape (1, channels), or (tasks, 1, channels).
    """
    scale, shift = (it.expand(len(z), 1, z.shape[-1]) for it in (scale, shift))
    if real is not None and not reference:
        return torch.addcmul(shift, _by_those(z, real).flatten(1, -2), scale).view(z.shape)
    known = z[:, :reference] if reference else z
    y, _, mean, rate = _Normalise.apply(known.flatten(1, -2), scale, shift)  # type: ignore[no-untyped-call]
    if not reference:
        return y.view(z.shape)
    others = (z[:, reference:].flatten(1, -2) - mean) * rate
    return torch.cat([y, torch.addcmul(shift, others, scale)], 1).view(z.shape)


def _by_those(z: Tensor, real: Tensor) -> Tensor:
    flat = z.flatten(2, -2) if z.dim() > 3 else z.unsqueeze(2)
    there = real.view(*real.shape, 1, 1)
    n = real.sum(1).view(-1, 1, 1, 1) * flat.shape[2]
    mean = torch.where(there, flat, 0).sum((1, 2), keepdim=True) / n
    x = flat - mean
    variance = torch.where(there, x, 0).square().sum((1, 2), keepdim=True) / n
    return (x * torch.rsqrt(variance + EPSILON)).view(z.shape)


class _Normalise(torch.autograd.Function):
    """Mean 0 and variance 1 over dimension 1, scaled and shifted; and also not, and what did it.

    Torch derives the gradients of the formula just as well, but in twice as many passes over
    memory, and in MAML most of the time that is not matrix products is spent here.
    """

    @staticmethod
    def forward(ctx: Any, z: Tensor, scale: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        mean = z.mean(1, keepdim=True)
        x = z - mean
        rate = torch.rsqrt((x * x).mean(1, keepdim=True) + EPSILON)
        x.mul_(rate)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, rate, scale)
        return torch.addcmul(shift, x, scale), x, mean, rate

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        g, g_x, *others = gradients
        x, rate, scale = ctx.saved_tensors
        g = torch.zeros_like(x) if g is None else g
        g_mean, g_rate = (torch.zeros_like(rate) if it is None else it for it in others)
        return _NormaliseBackward.apply(g, g_x, g_mean, g_rate, x, rate, scale)  # type: ignore[no-untyped-call]


class _NormaliseBackward(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        g: Tensor,
        g_x: Tensor | None,
        g_mean: Tensor,
        g_rate: Tensor,
        x: Tensor,
        r: Tensor,
        s: Tensor,
    ) -> tuple[Tensor, ...]:
        """G = g · s + g_x: r · (G - mean(G) - x · mean(G · x)) + (g_mean - g_rate · r² · x) / n.

        That is the gradient by z; then come those by scale and shift.
        """
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(g, g_x, g_rate, x, r, s)
        n, total, along = g.shape[1], g.sum(1, keepdim=True), (g * x).sum(1, keepdim=True)
        mean, slope = _means(g_x, x, s, total / n, along / n)
        whole, times = (g, r * s) if g_x is None else (torch.addcmul(g_x, g, s), r)
        constant, slope = g_mean / n - r * mean, r * slope + g_rate * r * r / n
        return _combine(constant, whole, times, x, -slope), along, total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        g, g_x, g_rate, x, r, s = ctx.saved_tensors
        n = g.shape[1]
        u = torch.zeros_like(x) if gradients[0] is None else gradients[0]
        u_scale, u_shift = (torch.zeros_like(r) if it is None else it for it in gradients[1:])
        u_mean, ux, ug = _mean(u), _mean(u * x), _mean(u * g)
        g_total, g_along = _mean(g), _mean(g * x)
        mean, slope = _means(g_x, x, s, g_total, g_along)
        back = u_scale - r * s * ux
        to_g = _combine(u_shift - r * s * u_mean, u, r * s, x, back)
        to_x = (u * -(r * slope + g_rate * r * r / n)).addcmul_(g, back)
        to_r = (s * ug - mean * u_mean - slope * ux) * n - 2 * ux * g_rate * r
        to_s = (ug - u_mean * g_total - ux * g_along) * r * n
        to_g_x = None
        if g_x is not None:
            to_g_x = _combine(-r * u_mean, u, r, x, -r * ux)
            to_x, to_r = to_x.addcmul_(g_x, -r * ux), to_r + (u * g_x).sum(1, keepdim=True)
        return to_g, to_g_x, u_mean, -ux * r * r, to_x, to_r, to_s


def _means(
    g_x: Tensor | None, x: Tensor, s: Tensor, mean: Tensor, along: Tensor
) -> tuple[Tensor, Tensor]:
    """The means of G and G · x, given those of g and g · x."""
    if g_x is None:
        return s * mean, s * along
    return s * mean + _mean(g_x), s * along + _mean(g_x * x)


def _mean(x: Tensor) -> Tensor:
    return x.mean(1, keepdim=True)


def _combine(constant: Tensor, a: Tensor, times: Tensor, b: Tensor, and_times: Tensor) -> Tensor:
    return torch.addcmul(constant, a, times).addcmul_(b, and_times)
