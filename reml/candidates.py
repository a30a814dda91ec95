"""Composing for tasks at test: the composer's own choice, or the best of several."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.core import Support, task_loss
from reml.inner.network import adapt, run
from reml.inner.partial import PartialNetwork
from reml.inner.pool import LayerPool
from reml.policy.composer import Composer, draw, score, task_noise

NEUTRAL = 0.5
"""The uniform number that makes every option's noise the same: the best-scored one is drawn."""


class Composed(NamedTuple):
    """Compositions, and the entropy of the composer summed over the decisions that led to them."""

    composition: Int[Tensor, "tasks decisions"]
    entropy: Float[Tensor, " tasks"]


@torch.no_grad()
def compose(
    pool: LayerPool, composer: Composer, support: Support, candidates: int, max_norm: float
) -> Composed:
    """Compose `candidates` networks for each task, and keep the one with the lowest support loss.

    In classification that is the loss after one adaptation step, its gradient capped at `max_norm`:
    before it, no network tells classes apart.

    The first candidate of a greedy composer is its most likely composition, the others are sampled
    with random numbers that depend on the task alone.
    """
    parts = pool.parts(support)
    composed = [_compose(pool, composer, part, candidates, max_norm) for part in parts]
    return Composed(*(torch.cat(column) for column in zip(*composed, strict=True)))


def _compose(
    pool: LayerPool, composer: Composer, support: Support, candidates: int, max_norm: float
) -> Composed:
    choices = pool.choices
    shape = (candidates, len(choices), max(choices))
    targets = support.y if pool.kind == "regression" else support.y[..., :0]
    noise = task_noise(support.x, targets, shape).flatten(0, 1)
    if composer.greedy:
        noise.view(-1, *shape)[:, 0] = NEUTRAL
    index = torch.arange(len(support), device=support.x.device)
    repeated = support.rows(index.repeat_interleave(candidates))
    partial, memory = PartialNetwork(pool, repeated), None
    entropy = torch.zeros_like(repeated.x[:, 0, 0])
    for decision, size in enumerate(choices):
        logits, memory = score(composer, partial.observation, memory)
        log_probs = logits.log_softmax(1)
        entropy -= (log_probs.exp() * log_probs).sum(1)
        partial.add(draw(logits, noise[:, decision, :size]))
    if candidates == 1:
        return Composed(partial.composition, entropy)
    network, x, y = pool.gather(partial.composition), repeated.x, repeated.y
    if pool.kind == "classification":
        network = adapt(network, x, y, max_norm=max_norm, differentiable=False)
    loss = task_loss(pool.kind)(run(network, x), y)
    best = index, loss.view(-1, candidates).argmin(1)
    compositions = partial.composition.view(len(support), candidates, -1)
    return Composed(compositions[best], entropy.view(-1, candidates)[best])
