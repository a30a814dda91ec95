"""Predictions that went astray: which tasks count as diverged, and as how much."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core import Problem, TaskBatch, task_mse
from benchmarks.harness.evaluation.taming import FAR


def limit(batch: TaskBatch) -> float:
    """`FAR` times the MSE of one constant on the query points of all tasks: their variance.

    In the units of the tensors. Where all targets are the same, their square stands for it.
    """
    y, mask = batch.query.y.double(), batch.query.mask
    flat = y[mask]
    for cost in (float(flat.var(0, correction=0).mean()), float(flat.square().mean())):
        if cost > 0:
            return FAR * cost
    return FAR


def mse_of(
    prediction: Float[Tensor, "tasks points outputs"], batch: TaskBatch
) -> tuple[Float[Tensor, " tasks"], Bool[Tensor, " tasks"]]:
    """The MSE of each task, at most `limit`, and which tasks diverged."""
    y, mask = batch.query.y.double(), batch.query.mask
    # rows of padding count for nothing, whatever is predicted there
    mse = task_mse(torch.where(mask.unsqueeze(2), prediction.double(), y), y, mask)
    most = limit(batch)
    diverged = ~(mse <= most)  # nor is NaN
    return mse.masked_fill(diverged, most), diverged


def diverged_in(
    prediction: Float[Tensor, "tasks points outputs"], batch: TaskBatch, problem: Problem
) -> Bool[Tensor, " tasks"]:
    """Which tasks diverged; in classification those with a logit that is not finite."""
    if problem.kind == "regression":
        return mse_of(prediction, batch)[1]
    return ~(prediction.isfinite().all(2) | ~batch.query.mask).all(1)
