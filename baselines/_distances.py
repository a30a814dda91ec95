"""What learners that compare query points with class means have in common."""

from jaxtyping import Float
from torch import Tensor


def class_means(
    x: Float[Tensor, "tasks points numbers"], y: Float[Tensor, "tasks points ways"]
) -> Float[Tensor, "tasks ways numbers"]:
    """The mean support point of each class; `y` is one-hot."""
    return y.mT @ x / y.sum(1).unsqueeze(2)


def distance_scores(
    x: Float[Tensor, "tasks points numbers"], centres: Float[Tensor, "tasks ways numbers"]
) -> Float[Tensor, "tasks points ways"]:
    """Minus the squared Euclidean distance of each point from each centre, as logits."""
    squares = (x**2).sum(2).unsqueeze(2) + (centres**2).sum(2).unsqueeze(1)
    return 2 * x @ centres.mT - squares
