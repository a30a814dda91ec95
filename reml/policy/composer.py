"""Who decides: the composer protocol, its two controls, and how a choice is drawn."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reml.inner.observation import Observation

Memory = Any
"""Whatever a composer carries from one decision to the next; None at the first."""

IMPOSSIBLE = -1e9
"""The logit of an option that there is not."""


@runtime_checkable
class Composer(Protocol):
    """Scores the layers that the next decision may choose, for all tasks at once.

    `greedy` says whether the best-scored choice is meant when no randomness is wanted, `watches`
    whether it looks at what the partial network makes of the support set.
    """

    greedy: bool
    watches: bool

    def logits(
        self, observation: Observation, memory: Memory
    ) -> tuple[Float[Tensor, "tasks choices"], Memory]: ...


class RandomComposer:
    """The control that knows nothing: every layer is as likely as any other."""

    greedy = False
    watches = False

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices = tuple(choices)

    def logits(
        self, observation: Observation, memory: Memory
    ) -> tuple[Float[Tensor, "tasks choices"], Memory]:
        points = observation.points
        return points.new_zeros(len(points), self.choices[observation.decision]), None


class FixedComposer:
    """The control that always builds the same network: MAML with REML's inner training.

    Args:
        choices: how many options each decision has.
        composition: the option that is always taken.
    """

    greedy = True
    watches = False

    def __init__(self, choices: Sequence[int], composition: Sequence[int]) -> None:
        self.choices = tuple(choices)
        self.composition = tuple(composition)

    def logits(
        self, observation: Observation, memory: Memory
    ) -> tuple[Float[Tensor, "tasks choices"], Memory]:
        points, decision = observation.points, observation.decision
        logits = points.new_full((len(points), self.choices[decision]), IMPOSSIBLE)
        logits[:, self.composition[decision]] = 0.0
        return logits, None


def score(
    composer: Composer, observation: Observation, memory: Memory
) -> tuple[Float[Tensor, "tasks choices"], Memory]:
    """The composer's logits, with options that there are not pushed out of reach."""
    logits, memory = composer.logits(observation, memory)
    if observation.allowed is not None:
        logits = logits.masked_fill(~observation.allowed, IMPOSSIBLE)
    return logits, memory


def draw(
    logits: Float[Tensor, "tasks choices"], uniform: Float[Tensor, "tasks choices"]
) -> Int[Tensor, " tasks"]:
    """Sample from softmax(logits), given uniform numbers in [0, 1) (the Gumbel trick)."""
    return (logits + gumbel(uniform)).argmax(1)


def gumbel(uniform: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """What makes the largest of logits a sample of their softmax when it is added to them."""
    return -torch.log(-torch.log(uniform.clamp(1e-12, 1 - 1e-7)))


def task_noise(
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
    shape: Sequence[int],
) -> Float[Tensor, "tasks ..."]:
    """Uniform numbers that depend on a task's support points alone, not on their order.

    Without outputs in `y`, on their inputs alone, and so not on how classes are numbered.

    What a task gets is then the same alone or in any batch, and the same every time.
    """
    bits = torch.cat([x, y], 2).cpu().contiguous().view(torch.int32).long()
    mixed = torch.zeros_like(bits[..., 0])
    for column in bits.unbind(2):
        mixed = (mixed ^ column) * 0x9E3779B1 & 0x7FFFFFFFFFFF
        mixed = mixed ^ (mixed >> 17)
    seeds = (mixed * mixed & 0x7FFFFFFFFFFF).sum(1).tolist()
    rows = [torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(rows).to(x.device)
