"""Simulated annealing over compositions: the rival of a policy that knows where to look."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reml.inner.pool import LayerPool

HOT, COLD = 3.0, 0.1
"""Temperatures at the first and the last step, in nats."""
DRAWN = 3
"""Uniform numbers that a step takes."""


def anneal(
    pool: LayerPool,
    start: Int[Tensor, "tasks decisions"],
    suits: Callable[[Tensor], Tensor],
    uniform: Float[Tensor, "tasks steps drawn"],
) -> tuple[Int[Tensor, "tasks tried decisions"], Float[Tensor, "tasks tried"]]:
    """Change one decision after the other, and keep changes that suit the task, or nearly.

    A change that loses d nats is kept with probability exp(−d / T), with T falling geometrically
    (Kirkpatrick, Gelatt & Vecchi, 1983).

    Args:
        pool: what there is to choose from.
        start: where each task begins.
        suits: how well each composition suits its task, in nats.
        uniform: random numbers, `DRAWN` a step.

    Returns:
        All compositions that were tried, the start among them, and how well each suits.
    """
    steps = uniform.shape[1]
    options = torch.tensor(pool.choices, device=start.device)
    here, worth = start, suits(start)
    tried, worths = [here], [worth]
    for step in range(steps):
        where, what, chance = uniform[:, step].unbind(1)
        decision = (where * len(options)).long().clamp(max=len(options) - 1).unsqueeze(1)
        option = (what.unsqueeze(1) * options[decision]).long()
        there = repaired(pool, here.scatter(1, decision, option))
        gain = suits(there)
        temperature = HOT * (COLD / HOT) ** (step / max(1, steps - 1))
        moves = chance.clamp_min(1e-12).log() < (gain - worth) / temperature
        here = torch.where(moves.unsqueeze(1), there, here)
        worth = torch.where(moves, gain, worth)
        tried.append(there)
        worths.append(gain)
    return torch.stack(tried, 1), torch.stack(worths, 1)


def repaired(
    pool: LayerPool, composition: Int[Tensor, "tasks decisions"]
) -> Int[Tensor, "tasks decisions"]:
    """The composition, or the nearest that there is (see `reml.inner.partial.PartialNetwork`)."""
    at = len(pool.decisions) - pool.depth
    inputs, hidden = len(pool.input.weight), len(pool.hidden.weight)
    columns = list(composition.unbind(1))
    direct, stopped = columns[at] == inputs, torch.zeros_like(columns[at], dtype=torch.bool)
    for place in range(pool.depth - 2):
        chosen, fitting = columns[at + 2 + place], pool.fitting(place)
        if fitting is not None:
            usable = fitting[:hidden].nonzero().flatten()
            nearest = usable[chosen % len(usable)]
            chosen = torch.where(fitting[chosen], chosen, nearest)
        if pool.stop:
            stopped = stopped | (chosen == hidden)
            chosen = torch.where(stopped, hidden, chosen)
        first = 0 if fitting is None else int(fitting.int().argmax())
        columns[at + 2 + place] = torch.where(direct, first, chosen)
    return torch.stack(columns, 1)
