"""Per-task losses. Every function returns one number a task: aggregation is somebody else's job."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

VARIANCE_FLOOR = 1e-3


def task_mse(
    prediction: Float[Tensor, "tasks points outputs"],
    y: Float[Tensor, "tasks points outputs"],
    mask: Bool[Tensor, "tasks points"] | None = None,
) -> Float[Tensor, " tasks"]:
    """Mean squared error of each task over its (unmasked) points and outputs."""
    if prediction.shape != y.shape:
        raise ValueError(
            f"expected predictions of shape {tuple(y.shape)}, got {tuple(prediction.shape)}"
        )
    error = ((prediction - y) ** 2).mean(2)
    if mask is None:
        return error.mean(1)
    weight = mask.to(error.dtype)
    return (error * weight).sum(1) / weight.sum(1)


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

    Predicting the task's true mean scores 1. A variance under `VARIANCE_FLOOR` × `scale` counts as
    that floor, so that a constant task gives a finite number; `scale` is the family's typical
    target variance.
    """
    return mse / variance.clamp_min(VARIANCE_FLOOR * scale)
