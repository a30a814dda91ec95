"""The network that metric learners measure distances with, shared by all tasks."""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.core import Problem, Query
from benchmarks.core.errors import MatrixError
from benchmarks.networks import cnn4, mlp

AT_ONCE = 128  # pictures at test: more would leave the processor's cache


def embedded(network: nn.Module, points: Query) -> Float[Tensor, "tasks points numbers"]:
    """What a network makes of all points together; padding has no part in its statistics."""
    real = network(points.x[points.mask].unsqueeze(0)).squeeze(0)
    z = real.new_zeros(*points.mask.shape, real.shape[1])
    z[points.mask] = real
    return z


@torch.no_grad()
def embedded_alone(
    network: nn.Module, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points numbers"]:
    """What a network in evaluation, whose points do not touch, makes of each."""
    parts = [network(part) for part in x.flatten(0, 1).unsqueeze(0).split(AT_ONCE, 1)]
    return torch.cat(parts, 1).squeeze(0).unflatten(0, x.shape[:2])


def embedding(
    name: str,
    network: Literal["cnn4", "mlp"],
    problem: Problem,
    hidden: Sequence[int],
    filters: int,
    pooling: Literal["max", "stride"],
    generator: torch.Generator,
) -> nn.Module:
    """A `cnn4`, or a perceptron whose last layer is the embedding, for the learner of that name.

    Raises:
        MatrixError: `network` is "cnn4" and inputs are no pictures.
    """
    if network == "mlp":
        return mlp(problem.features, hidden[:-1], hidden[-1], generator)
    if problem.image is None:
        raise MatrixError(f'{name}: network "cnn4" needs pictures; for other inputs there is "mlp"')
    sizes = problem.image, filters, None
    return cnn4(*sizes, generator, pooling=pooling, batch_norm="shared")
