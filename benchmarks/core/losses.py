"""Per-task losses. Every function returns one number a task: aggregation is somebody else's job."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core.types import Kind

VARIANCE_FLOOR = 1e-3
CONSTANT = 1e-6
"""A task whose targets vary by less than this share of what is typical has a constant target."""


def task_mse(
    prediction: Float[Tensor, "tasks points outputs"],
    y: Float[Tensor, "tasks points outputs"],
    mask: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, " tasks"]:
    """Mean squared error of each task over its (unmasked) points and outputs."""
    _same_shape(prediction, y)
    return _over_points(((prediction - y) ** 2).mean(2), mask)


def task_cross_entropy(
    logits: Float[Tensor, "tasks points classes"],
    y: Float[Tensor, "tasks points classes"],
    mask: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, " tasks"]:
    """Mean cross-entropy of each task over its (unmasked) points, in nats; `y` is one-hot."""
    _same_shape(logits, y)
    return _over_points(-(logits.log_softmax(2) * y).sum(2), mask)


def task_accuracy(
    logits: Float[Tensor, "tasks points classes"],
    y: Float[Tensor, "tasks points classes"],
    mask: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, " tasks"]:
    """The share of each task's (unmasked) points whose class has the largest logit.

    Where several classes share the largest, the point counts as one over their number: no class is
    favoured for the number it has.
    """
    _same_shape(logits, y)
    best = (logits == logits.amax(2, keepdim=True)).to(y.dtype)
    return _over_points((best * y).sum(2) / best.sum(2), mask)


def task_loss(kind: Kind) -> Callable[..., Float[Tensor, " tasks"]]:
    """What learners descend: `task_mse` in regression, `task_cross_entropy` in classification."""
    return task_cross_entropy if kind == "classification" else task_mse


def _same_shape(prediction: Tensor, y: Tensor) -> None:
    if prediction.shape != y.shape:
        raise ValueError(
            f"expected predictions of shape {tuple(y.shape)}, got {tuple(prediction.shape)}"
        )


def _over_points(
    values: Float[Tensor, "tasks points"], mask: Bool[Tensor, "tasks points"] | None
) -> Float[Tensor, " tasks"]:
    """The mean of each task over its (unmasked) points."""
    if mask is None:
        return values.mean(1)
    weight = mask.to(values.dtype)
    return (values * weight).sum(1) / weight.sum(1)


def task_variance(
    y: Float[Tensor, "tasks points outputs"],
    mask: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, " tasks"]:
    """Variance of each task's targets over its (unmasked) points, averaged over outputs."""
    if mask is None:
        mask = torch.ones(y.shape[:2], dtype=torch.bool, device=y.device)
    weight = mask.to(y.dtype).unsqueeze(2)
    count = weight.sum(1, keepdim=True)
    mean = (y * weight).sum(1, keepdim=True) / count
    return (((y - mean) ** 2 * weight).sum(1) / count.squeeze(1)).mean(1)


def task_nmse(
    mse: Float[Tensor, " tasks"],
    variance: Float[Tensor, " tasks"],
    scale: float = 1.0,
) -> Float[Tensor, " tasks"]:
    """MSE divided by the task's own variance, so that families can be averaged.

    `scale` is the family's typical target variance. Predicting the task's true mean scores 1. A
    variance under `VARIANCE_FLOOR` × `scale` counts as that floor. One under `CONSTANT` × `scale`
    is that of a constant target, which has no variance to be measured by: `scale` stands in, or
    such a task would weigh as much as a thousand others in their mean.
    """
    floor = torch.where(variance < CONSTANT * scale, scale, VARIANCE_FLOOR * scale)
    return mse / variance.maximum(floor)


def variance_scale(variance: Float[Tensor, " tasks"], least: float = 0.0) -> float:
    """The typical target variance of some tasks; 1 where none varies by more than `least`.

    That is their mean, unless few of them vary so much more than the others that it tells nothing
    of those: never more than 100 times the median of the tasks that vary.
    """
    varied = variance[variance > least]
    if not len(varied):
        return 1.0
    return min(float(variance.mean()), 100 * float(varied.median()))
