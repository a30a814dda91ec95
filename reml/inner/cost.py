"""What it costs to answer for a task: the networks that do, their numbers and their arithmetic."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reml.inner.bank import Bank, Heads
from reml.inner.pool import LayerPool
from reml.inner.shape import size_after


class Cost(NamedTuple):
    """Of each task, all its different networks together.

    Attributes:
        networks: how many there are.
        parameters: weights and biases in them.
        flops: multiplications and additions for one prediction, activations left out.
    """

    networks: Float[Tensor, " tasks"]
    parameters: Float[Tensor, " tasks"]
    flops: Float[Tensor, " tasks"]


def cost_of(pool: LayerPool, compositions: Int[Tensor, "tasks kept decisions"]) -> Cost:
    """Of answering with these compositions, each different one once."""
    tasks, kept, _ = compositions.shape
    same = (compositions.unsqueeze(1) == compositions.unsqueeze(2)).all(3)
    earlier = torch.ones(kept, kept, dtype=torch.bool, device=same.device).tril(-1)
    counted = (~(same & earlier).any(2)).float()
    flat = compositions.flatten(0, 1)
    depth = _layers(pool, flat)
    numbers, work = _by_depth(pool, depth)
    direct = _direct(pool, flat)
    if direct is not None:
        size = float(_numbers(pool.shortest))
        numbers = torch.where(direct, size, numbers)
        work = torch.where(direct, 2 * size, work)
    parts = [counted, counted * numbers.view(tasks, kept), counted * work.view(tasks, kept)]
    return Cost(*(part.sum(1) for part in parts))


def _by_depth(
    pool: LayerPool, depth: Int[Tensor, " rows"]
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Numbers and arithmetic of networks with so many hidden layers, looked up."""
    places = _places(pool)
    first, last = _numbers(pool.input), _numbers(pool.output)
    between = _numbers(pool.hidden)
    numbers = [first + hidden * between + last for hidden in range(pool.depth - 1)]
    work = [
        2 * (first * places[0] + between * sum(places[1 : hidden + 1]) + last)
        for hidden in range(pool.depth - 1)
    ]
    table = torch.tensor([numbers, work], dtype=torch.float, device=depth.device)[:, depth]
    return table[0], table[1]


def _places(pool: LayerPool) -> list[int]:
    """How often each layer but the last is applied to an input: once, or at each place of it."""
    if pool.image is None:
        return [1] * (pool.depth - 1)
    # a convolution that is pooled is worked out at all places of what it is given
    pooling = pool.blank.pooling
    before = pooling == "max"
    times = range(0 if before else 1, pool.depth - before)
    return [math.prod(size_after(pool.image, it, pooling)) for it in times]


def _layers(pool: LayerPool, flat: Int[Tensor, "rows decisions"]) -> Int[Tensor, " rows"]:
    present = pool.shape(flat).present
    return torch.full_like(flat[:, 0], pool.depth - 2) if present is None else present.sum(1)


def _direct(pool: LayerPool, flat: Int[Tensor, "rows decisions"]) -> Tensor | None:
    if not pool.direct:
        return None
    return flat[:, len(pool.decisions) - pool.depth] == len(pool.input.weight)


def _numbers(bank: Bank | Heads) -> int:
    return bank.weight[0].numel() + bank.bias[0].numel()
