"""The end of a training: the pool's output layers become a mixture of priors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmarks.core import TaskBatch
from reml.candidates import compose
from reml.inner.bank import FASTER, Bank
from reml.inner.head import LEAST_NOISE
from reml.inner.mixture import Points, Priors, fitted
from reml.inner.network import features, standard_targets
from reml.inner.pool import LayerPool
from reml.policy.composer import Composer

MOST = 2_000
"""Tasks that a mixture is fitted to: the last of those that came."""
FEWEST = 20
"""Tasks that a network has to be composed for to have output layers of its own."""


@torch.no_grad()
def mix(
    pool: LayerPool,
    composer: Composer,
    batches: Sequence[TaskBatch],
    max_norm: float,
    generator: torch.Generator,
) -> float:
    """Share the output layers out among the networks that are composed, and fit them.

    What stands before the output layer decides what it reads, so none serves two networks. Each
    network has as many as is its share of the tasks, and their priors are fitted to those.

    Returns:
        How many output layers were fitted.
    """
    beliefs, last = pool.beliefs, pool.menu.last
    beliefs.log_share = beliefs.owner = None  # of an earlier mixture
    composed, points = _read(pool, composer, batches, max_norm)
    chosen, bodies = composed[:, last], composed.clone()
    bodies[:, last] = 0
    known, which, tasks = bodies.unique(dim=0, return_inverse=True, return_counts=True)
    heads = shared_out(tasks.tolist(), len(pool.output.weight))
    if not sum(heads):
        return 0.0
    fits, owners = [], []
    for body in tasks.argsort(descending=True, stable=True).tolist():
        several = heads[body]
        if not several:
            continue
        mine = (which == body).cpu()
        chief = chosen[which == body].bincount().argmax()
        scale = beliefs.root[chief].double().cpu()
        noise = (beliefs.log_noise[chief, 0] * FASTER).double().exp().cpu() + LEAST_NOISE
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        own = Points(points.x[mine] @ scale, points.y[mine], points.real[mine])
        found = fitted(own, noise, several, seed)
        fits.append(found._replace(mean=scale @ found.mean, root=scale @ found.root))
        owners.append(known[body].expand(several, -1))
    found = Priors(*map(torch.cat, zip(*fits, strict=True)))
    _write(pool, found)
    beliefs.owner = torch.cat(owners)
    return float(len(found.noise))


def shared_out(tasks: list[int], heads: int) -> list[int]:
    """How many of the heads each network has, the more the more tasks it has.

    Those with fewer than `FEWEST` have none; of the others as many as there are heads have one.
    """
    given = [0] * len(tasks)
    able = [it for it, count in enumerate(tasks) if count >= FEWEST]
    for it in sorted(able, key=lambda it: -tasks[it])[:heads]:
        given[it] = 1
    while any(given) and sum(given) < heads:
        most = max(range(len(tasks)), key=lambda it: tasks[it] / given[it] if given[it] else 0)
        given[most] += 1
    return given


def _write(pool: LayerPool, found: Priors) -> None:
    """Make them the pool's output layers."""
    assert isinstance(pool.output, Bank)
    beliefs, device = pool.beliefs, pool.output.weight.device
    mean = found.mean.float().to(device)
    pool.output.weight.copy_(mean[:, :-1])
    pool.output.bias.copy_(mean[:, -1:])
    beliefs.root.copy_(found.root)
    beliefs.log_noise[:, 0] = ((found.noise - LEAST_NOISE).log() / FASTER).float().to(device)
    beliefs.log_share = found.log_share.float().to(device)


def _read(
    pool: LayerPool, composer: Composer, batches: Sequence[TaskBatch], max_norm: float
) -> tuple[Tensor, Points]:
    """Each task's composition, what its last layer reads at all its points, and the targets."""
    composed, rows = [], []
    for batch in batches:
        composition = compose(pool, composer, batch.support, 1, max_norm).compositions[:, 0]
        network, points = pool.gather(composition), batch.points()
        hidden = features(network, points.x)
        x = torch.cat([hidden, torch.ones_like(hidden[..., :1])], 2)
        composed.append(composition)
        rows.append(Points.of(x, standard_targets(network, points.y), points.mask))
    most = max(it.x.shape[1] for it in rows)
    columns = (
        torch.cat([_padded(part.cpu(), most) for part in column])[-MOST:]
        for column in zip(*rows, strict=True)
    )
    return torch.cat(composed)[-MOST:], Points(*columns)


def _padded(values: Tensor, points: int) -> Tensor:
    missing = values.new_zeros(len(values), points - values.shape[1], *values.shape[2:])
    return torch.cat([values, missing], 1)
