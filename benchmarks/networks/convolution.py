"""Task-batched 3×3 convolutions of pictures (tasks, points, height, width, channels).

They are `patches`, then one batched matrix product. On one CPU thread and in the second-order MAML
iteration that `benchmarks/speed/test_cnn.py` times, grouped `conv2d` and `torch.func.vmap` of it
took 1.4 times as long.
"""

from functools import cache
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

AT_ONCE = 8_000_000
"""Numbers in the patches of as many tasks as are convolved together: more would be slower."""


ALONE, WIDE = 250_000, 16
"""From so many numbers in the patches of one task on, and so many channels, torch's own convolution
of one task after the other beats the product with patches, up to 2.7 to one."""


class _Patches(torch.autograd.Function):
    """Every 3×3 window, padded with zeros. Linear, so that its gradient is `_Fold` and back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: int) -> Tensor:
        ctx.shape, ctx.stride = x.shape, stride
        tasks, points, height, width, channels = x.shape
        padded = functional.pad(x, (0, 0, 1, 1, 1, 1)).flatten(0, 1).flatten(1, 2)
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
        padded = windows.new_zeros(tasks * points, (height + 2) * (width + 2), channels)
        index = _windows(height, width, stride, windows.device)
        windows = windows.flatten(0, 1).unflatten(3, (9, channels)).flatten(1, 3)
        padded.index_add_(1, index, windows)
        padded = padded.view(tasks, points, height + 2, width + 2, channels)
        return padded[:, :, 1:-1, 1:-1].contiguous()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Patches.apply(gradients[0], ctx.stride), None, None  # type: ignore[no-untyped-call]


class _Product(torch.autograd.Function):
    """`x @ weight`, one matrix a task, whose gradients are again laid out row by row.

    Torch's own second derivatives come transposed, which takes as long to add up as to compute.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.bmm(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _ProductBackward.apply(*gradients, *ctx.saved_tensors)  # type: ignore[no-untyped-call]


class _ProductBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, g: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(g, x, weight)
        return torch.bmm(g, weight.mT), torch.bmm(x.mT, g)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        to_x, to_weight = gradients
        g, x, weight = ctx.saved_tensors
        to_g = torch.bmm(to_x, weight).baddbmm_(x, to_weight)
        return to_g, torch.bmm(g, to_weight.mT), torch.bmm(to_x.mT, g)


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


def convolve(
    x: Float[Tensor, "tasks points height width channels"],
    weight: Float[Tensor, "*tasks window filters"],
    stride: int = 1,
) -> Float[Tensor, "tasks points rows columns filters"]:
    """A 3×3 convolution padded with zeros; `weight` is shared, or one matrix a task.

    A shared one is torch's own convolution, and so is one a task where each has much to convolve.
    """
    tasks, points, _, _, channels = x.shape
    if weight.dim() == 2:
        kernel = weight.view(3, 3, channels, -1).permute(3, 2, 0, 1)
        z = functional.conv2d(as_torch(x), kernel, stride=stride, padding=1)
        return z.permute(0, 2, 3, 1).unflatten(0, (tasks, points))
    numbers = max(1, 9 * x.shape[1:].numel() // stride**2)
    if numbers >= ALONE and channels >= WIDE:
        each = zip(x.split(1), weight, strict=True)
        return torch.cat([convolve(one, matrix, stride) for one, matrix in each])
    at_once = max(1, AT_ONCE // numbers)
    if at_once < tasks:
        parts = zip(x.split(at_once), weight.split(at_once), strict=True)
        return torch.cat([convolve(*part, stride) for part in parts])
    windows = patches(x, stride)
    flat, size = windows.flatten(1, 3), windows.shape[1:4]
    if not (flat.requires_grad and weight.requires_grad):
        return (flat @ weight).unflatten(1, size)
    return _Product.apply(flat, weight).unflatten(1, size)  # type: ignore[no-untyped-call]


def fold(
    windows: Float[Tensor, "tasks points rows columns window"], shape: torch.Size, stride: int
) -> Float[Tensor, "tasks points height width channels"]:
    """The transpose of `patches`: each pixel gets the sum of what windows say of it."""
    return _Fold.apply(windows, shape, stride)  # type: ignore[no-untyped-call]


def pool(
    x: Float[Tensor, "tasks points height width channels"],
) -> Float[Tensor, "tasks points rows columns channels"]:
    """The largest of every 2×2 pixels; nothing where a side is only one pixel long."""
    if min(x.shape[2:4]) == 1:
        return x
    largest = functional.max_pool2d(as_torch(x), 2)
    return largest.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


def as_torch(x: Float[Tensor, "tasks points height width channels"]) -> Tensor:
    """(pictures, channels, height, width), which torch knows to be channels-last."""
    return x.flatten(0, 1).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
