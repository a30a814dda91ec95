"""What learners that compare query points with class means have in common."""

import torch
from jaxtyping import Float
from torch import Tensor

AT_ONCE = 4_000_000
"""Differences that are held in memory together."""


def class_means(
    x: Float[Tensor, "tasks points numbers"], y: Float[Tensor, "tasks points ways"]
) -> Float[Tensor, "tasks ways numbers"]:
    """The mean support point of each class; `y` is one-hot."""
    return y.mT @ x / y.sum(1).unsqueeze(2)


def distance_scores(
    x: Float[Tensor, "tasks points numbers"], centres: Float[Tensor, "tasks ways numbers"]
) -> Float[Tensor, "tasks points ways"]:
    """Minus the squared Euclidean distance of each point from each centre, as logits.

    The square of a difference, never a² - 2ab + b²: where large points lie close together, nothing
    of that is left in single precision. Portions of points bound the memory.
    """
    tasks, ways, numbers = centres.shape
    if tasks * ways * numbers > AT_ONCE and tasks > 1:
        halves = zip(x.tensor_split(2), centres.tensor_split(2), strict=True)
        return torch.cat([distance_scores(*half) for half in halves])
    portions = x.split(max(1, AT_ONCE // (tasks * ways * numbers)), 1)
    return torch.cat([_scores(portion, centres) for portion in portions], 1)


def _scores(
    x: Float[Tensor, "tasks points numbers"], centres: Float[Tensor, "tasks ways numbers"]
) -> Float[Tensor, "tasks points ways"]:
    squares = (x.unsqueeze(2) - centres.unsqueeze(1)).square()
    return -squares.sum(3, dtype=torch.float64).to(x.dtype)
