"""Composing for tasks at test: the composer's own choice, the best of several, or all of them."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.core import Support, task_loss, task_variance
from reml.inner.annealing import DRAWN, anneal
from reml.inner.head import evidence
from reml.inner.network import adapt, believed, run, standard_targets
from reml.inner.partial import PartialNetwork
from reml.inner.pool import LayerPool
from reml.policy.composer import Composer, draw, score, task_noise
from reml.reward import log_nmse_reward
from reml.settings import Combine, Search

NEUTRAL = 0.5
"""The uniform number that makes every option's noise the same: the best-scored one is drawn."""
NOTHING = 1e-4
"""Share of a mixture below which a network counts as the heaviest."""
REMEMBERED = 20_000
"""Tasks whose compositions are kept, the newest ones."""


class Composed(NamedTuple):
    """The networks that are to answer for each task, and what they weigh.

    Attributes:
        compositions: of each task, the heaviest first.
        weight: sums to 1 for each task.
        entropy: of the composer, summed over the decisions that led to the first composition.
    """

    compositions: Int[Tensor, "tasks kept decisions"]
    weight: Float[Tensor, "tasks kept"]
    entropy: Float[Tensor, " tasks"]


@torch.no_grad()
def compose(
    pool: LayerPool,
    composer: Composer,
    support: Support,
    candidates: int,
    max_norm: float,
    combine: Combine = "best",
    search: Search = "sample",
) -> Composed:
    """Compose `candidates` networks for each task, and keep the best one, or weigh them all.

    Where they solve for their last layer, they are weighed by their evidence on the support set:
    the marginal likelihood of its targets, of classes with the noise that makes it largest. Where
    they do not, the best is the one of the lowest support loss, and weights are what a Gaussian
    likelihood with the best noise would say. In classification that is the loss after one
    adaptation step, its gradient capped at `max_norm`: before it, no network tells classes apart.

    The first candidate of a greedy composer is its most likely composition, the others are sampled
    with random numbers that depend on the task alone. With `search` by annealing, candidates after
    the first are what is tried on the way from there.
    """
    parts = pool.parts(support)
    composed = [
        _compose(pool, composer, part, candidates, max_norm, combine, search) for part in parts
    ]
    return Composed(*(torch.cat(column) for column in zip(*composed, strict=True)))


def _compose(
    pool: LayerPool,
    composer: Composer,
    support: Support,
    candidates: int,
    max_norm: float,
    combine: Combine,
    search: Search,
) -> Composed:
    if search == "anneal" and candidates > 1:
        return _anneal(pool, composer, support, candidates, max_norm, combine)
    choices = pool.choices
    shape = (candidates, len(choices), max(choices))
    targets = support.y if pool.kind == "regression" else support.y[..., :0]
    noise = task_noise(support.x, targets, shape).flatten(0, 1)
    if composer.greedy:
        noise.view(-1, *shape)[:, 0] = NEUTRAL
    index = torch.arange(len(support), device=support.x.device)
    repeated = support.rows(index.repeat_interleave(candidates))
    partial, memory = (
        PartialNetwork(pool, repeated, watched=composer.watches, episodes=candidates),
        None,
    )
    entropy = torch.zeros_like(repeated.x[:, 0, 0])
    for decision, size in enumerate(choices):
        logits, memory = score(composer, partial.observation, memory)
        log_probs = logits.log_softmax(1)
        entropy -= (log_probs.exp() * log_probs).sum(1)
        partial.add(draw(logits, noise[:, decision, :size]))
    compositions = partial.composition.view(len(support), candidates, -1)
    if pool.solves and pool.beliefs.log_share is not None:
        return _mixed(pool, compositions, support, max_norm, entropy.view(-1, candidates), combine)
    if candidates == 1:
        return Composed(compositions, torch.ones_like(support.x[:, :1, 0]), entropy)
    suits = _suits(pool, compositions.flatten(0, 1), repeated, max_norm).view(-1, candidates)
    return _weighed(compositions, suits, entropy.view(-1, candidates), combine)


def _anneal(
    pool: LayerPool,
    composer: Composer,
    support: Support,
    candidates: int,
    max_norm: float,
    combine: Combine,
) -> Composed:
    """Tries one less than `candidates` changes of what the composer alone would have chosen."""
    start = _compose(pool, composer, support, 1, max_norm, combine, "sample")
    targets = support.y if pool.kind == "regression" else support.y[..., :0]
    uniform = task_noise(support.x, targets, (candidates - 1, DRAWN))
    tried, suits = anneal(
        pool, start.compositions[:, 0], lambda it: _suits(pool, it, support, max_norm), uniform
    )
    return _weighed(tried, suits, start.entropy.unsqueeze(1).expand_as(suits), combine)


def _mixed(
    pool: LayerPool,
    compositions: Int[Tensor, "tasks tried decisions"],
    support: Support,
    max_norm: float,
    entropy: Float[Tensor, "tasks tried"],
    combine: Combine,
) -> Composed:
    """All last layers that there are behind the networks that were composed; see `reml.mixing`.

    Each counts as often as its network was composed, times its share, times its evidence. Where
    none was composed that has any, it is the network of most tasks. No more of them are kept than
    there were networks, or than there are last layers.
    """
    log_share, owner, last = pool.beliefs.log_share, pool.beliefs.owner, pool.menu.last
    assert log_share is not None
    assert owner is not None
    bodies = compositions.clone()
    bodies[..., last] = 0
    known = (bodies.unsqueeze(2) == owner).all(3).any(2)
    bodies[~known.any(1)] = owner[0]
    same = (bodies.unsqueeze(1) == bodies.unsqueeze(2)).all(3)
    first = ~(same & torch.ones_like(same[0]).tril(-1)).any(2)
    every = bodies.unsqueeze(2).repeat(1, 1, len(log_share), 1)
    every[..., last] = torch.arange(len(log_share), device=owner.device)
    suits = torch.full(every.shape[:3], -math.inf, dtype=torch.float64, device=owner.device)
    for head, share in enumerate(log_share):
        task, place = (first & (bodies == owner[head]).all(2)).nonzero(as_tuple=True)
        if len(task):
            nats = _suits(pool, every[task, place, head], support.rows(task), max_norm)
            suits[task, place, head] = nats + share
    suits += same.sum(2, keepdim=True).log()
    entropy = entropy.unsqueeze(2).expand(-1, -1, len(log_share))
    most = max(compositions.shape[1], len(log_share))
    found = _weighed(every.flatten(1, 2), suits.flatten(1), entropy.flatten(1), combine, most)
    # what weighs nothing is not run
    tiny = (found.weight < NOTHING).unsqueeze(2)
    kept = torch.where(tiny, found.compositions[:, :1], found.compositions)
    return found._replace(compositions=kept)


def _weighed(
    compositions: Int[Tensor, "tasks tried decisions"],
    suits: Float[Tensor, "tasks tried"],
    entropy: Float[Tensor, "tasks tried"],
    combine: Combine,
    most: int | None = None,
) -> Composed:
    """The best of each task's compositions, or all with their weights, the best one first."""
    kept = 1 if combine == "best" else (most or suits.shape[1])
    order = (-suits).argsort(dim=1, stable=True)[:, :kept]
    compositions = compositions.gather(1, order.unsqueeze(2).expand(-1, -1, compositions.shape[2]))
    weight = torch.softmax(suits.gather(1, order), 1).to(entropy.dtype)
    first = entropy.gather(1, order[:, :1]).squeeze(1)
    return Composed(compositions, weight, first)


def _suits(
    pool: LayerPool, compositions: Int[Tensor, "rows decisions"], support: Support, max_norm: float
) -> Float[Tensor, " rows"]:
    """How well each composition explains its support set, in nats."""
    network, x, y = pool.gather(compositions), support.x, support.y
    if network.prior is not None and network.solves is None:
        mean, psi = believed(network, x)
        noise = network.prior.noise if pool.kind == "regression" else None
        return evidence(psi, standard_targets(network, y) - mean, noise)
    if pool.kind == "classification":
        network = adapt(network, x, y, max_norm=max_norm, differentiable=False)
        return -support.points * task_loss(pool.kind)(run(network, x), y)
    loss = task_loss(pool.kind)(run(network, x), y)
    return log_nmse_reward(loss, task_variance(y)) * support.points / 2


class Memo:
    """What was composed for which task, so that nothing is composed twice.

    A task is known by the bits of its support set, and what was composed for it holds as long as
    `state` is the same: everything else that the composition depends on.
    """

    def __init__(self) -> None:
        self._state: object = None
        self._known: dict[bytes, tuple[Tensor, ...]] = {}

    def rows(self, support: Support, state: object) -> "Lookup":
        """What is known of these tasks, and which of them are unknown."""
        if state != self._state:
            self._state, self._known = state, {}
        return Lookup(self._known, list(_keys(support)))


class Lookup:
    """The tasks of one support set, as a `Memo` knows them."""

    def __init__(self, known: dict[bytes, tuple[Tensor, ...]], keys: list[bytes]) -> None:
        self._known, self._keys = known, keys
        self.unknown = [row for row, key in enumerate(keys) if key not in known]

    def learn(self, composed: Composed) -> None:
        """Keep what was composed for the unknown tasks."""
        for row, parts in zip(self.unknown, zip(*composed, strict=True), strict=True):
            self._known[self._keys[row]] = parts
        for key in list(self._known)[: len(self._known) - max(REMEMBERED, len(self._keys))]:
            del self._known[key]

    def all(self) -> Composed:
        """What was composed for all the tasks, in their order."""
        rows = [self._known[key] for key in self._keys]
        return Composed(*(torch.stack(column) for column in zip(*rows, strict=True)))


def digest(tensors: Iterable[Tensor]) -> bytes:
    """A hash of their bits. Counts of changes would not do: Adam's fused steps leave them alone."""
    hashed = hashlib.sha256()
    for tensor in tensors:
        hashed.update(repr((tensor.shape, tensor.dtype)).encode())
        hashed.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return hashed.digest()


def _keys(support: Support) -> Iterator[bytes]:
    for x, y in zip(support.x.cpu(), support.y.cpu(), strict=True):
        yield digest((x, y))
