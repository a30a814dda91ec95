"""Learning signals for the composer and for the pool."""

import torch
from jaxtyping import Float
from torch import Tensor

REWARD_FLOOR = 0.01
VARIANCE_SHARE = 0.02


def log_nmse_reward(
    loss: Float[Tensor, " tasks"], variance: Float[Tensor, " tasks"]
) -> Float[Tensor, " tasks"]:
    """−log(NMSE + 0.01): halving the error is worth the same on every task, up to a floor."""
    return -torch.log(loss / variance.clamp_min(1e-6) + REWARD_FLOOR)


def pool_loss(
    losses: list[Float[Tensor, " tasks"]],
    variance: Float[Tensor, " tasks"],
    unadapted_weight: float,
) -> Float[Tensor, ""]:
    """What the pool descends: query losses along adaptation, on a scale common to all tasks.

    `losses` are those after 0, 1, ... steps. The first counts `unadapted_weight`, the later ones
    share the rest. Each is divided by its task's variance, kept from zero by a share of the
    batch's mean variance.
    """
    loss = mixed_loss(losses, unadapted_weight)
    return (loss / (variance + VARIANCE_SHARE * variance.mean())).mean()


def mixed_loss(
    losses: list[Float[Tensor, " tasks"]], unadapted_weight: float
) -> Float[Tensor, " tasks"]:
    """The weighted mean over adaptation steps of each task's query loss."""
    if len(losses) == 1:
        return losses[0]
    later = torch.stack(losses[1:]).mean(0)
    return unadapted_weight * losses[0] + (1 - unadapted_weight) * later
