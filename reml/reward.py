"""Learning signals for the composer and for the pool."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Loss = Literal["nmse", "log_nmse", "joint", "predictive", "conditional", "auto"]
LIKELIHOODS = frozenset({"joint", "conditional", "predictive", "auto"})
"""Losses that need networks which solve for their last layer; see `reml.inner.head.Likelihood`."""
REWARD_FLOOR = 0.01
LOG_FLOOR = 1e-3
VARIANCE_SHARE = 0.02


def log_nmse_reward(
    loss: Float[Tensor, " tasks"],
    variance: Float[Tensor, " tasks"],
    floor: float = REWARD_FLOOR,
) -> Float[Tensor, " tasks"]:
    """−log(NMSE + `floor`): halving the error is worth the same on every task, up to a floor."""
    return -torch.log(loss / variance.clamp_min(1e-6) + floor)


def pool_losses(
    losses: list[Float[Tensor, " tasks"]],
    variance: Float[Tensor, " tasks"],
    unadapted_weight: float,
) -> Float[Tensor, " tasks"]:
    """What the pool descends: query losses along adaptation, on a scale common to all tasks.

    `losses` are those after 0, 1, ... steps. The first counts `unadapted_weight`, the later ones
    share the rest. Each is divided by its task's variance, kept from zero by a share of the
    batch's mean variance.
    """
    loss = mixed_loss(losses, unadapted_weight)
    return loss / (variance + VARIANCE_SHARE * variance.mean())


def mixed_loss(
    losses: list[Float[Tensor, " tasks"]], unadapted_weight: float
) -> Float[Tensor, " tasks"]:
    """The weighted mean over adaptation steps of each task's query loss."""
    if len(losses) == 1:
        return losses[0]
    later = torch.stack(losses[1:]).mean(0)
    return unadapted_weight * losses[0] + (1 - unadapted_weight) * later


def winner_weights(
    reward: Float[Tensor, " episodes"], each: int, winner: float
) -> Float[Tensor, " episodes"]:
    """How much the pool learns from each episode: softmax(`winner` × reward) within a task.

    `each` episodes in a row are of one task; their weights have a mean of 1.
    """
    return (torch.softmax(winner * reward.view(-1, each), 1) * each).flatten()


def relative_advantage(reward: Float[Tensor, " episodes"], each: int) -> Float[Tensor, " episodes"]:
    """Each episode's reward less the mean of the other episodes of its task."""
    group = reward.view(-1, each)
    others = (group.sum(1, keepdim=True) - group) / (each - 1)
    return (group - others).flatten()
