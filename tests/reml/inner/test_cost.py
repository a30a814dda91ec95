"""What networks cost, counted by hand."""

from typing import Any

import torch

from benchmarks.core import generator_of
from reml.inner.cost import cost_of
from reml.inner.pool import LayerPool


def _pool(**menus: Any) -> LayerPool:
    return LayerPool(3, 2, 6, (2, 3, 2), 4, 0.01, generator_of("pool"), **menus)


def test_each_different_network_is_counted_once() -> None:
    one = (3 * 6 + 6) + 2 * (6 * 6 + 6) + (6 * 2 + 2)
    compositions = torch.tensor([[[0, 0, 1, 2], [0, 0, 1, 2]], [[0, 0, 1, 2], [1, 0, 1, 2]]])
    cost = cost_of(_pool(), compositions)
    assert cost.networks.tolist() == [1, 2]
    assert cost.parameters.tolist() == [one, 2 * one]
    assert cost.flops.tolist() == [2 * one, 4 * one]


def test_layers_that_are_not_there_cost_nothing() -> None:
    stopped = cost_of(_pool(stop=True), torch.tensor([[[0, 0, 3, 3]], [[0, 0, 1, 3]]]))
    assert stopped.parameters.tolist() == [24 + 14, 24 + 42 + 14]
    direct = cost_of(
        _pool(adaptation=("solve",), direct=True), torch.tensor([[[2, 0, 0, 0], [1, 0, 0, 0]]])
    )
    assert direct.parameters.tolist() == [(3 * 2 + 2) + 24 + 2 * 42 + 14]


def test_convolutions_work_at_every_place() -> None:
    pool = LayerPool(64, 2, 6, (2, 3, 2), 4, 0.01, generator_of("pool"), image=(1, 8, 8))
    (flops,) = cost_of(pool, torch.zeros(1, 1, 4, dtype=torch.long)).flops.tolist()
    assert flops == 2 * (16 * (9 * 6 + 6) + 4 * (54 * 6 + 6) + 1 * (54 * 6 + 6) + (6 * 2 + 2))
    # 9 x 6 pixels, then 4 x 3 and 2 x 1, where nothing is left to pool
    sizes = 54, 2, 6, (2, 3, 2), 5, 0.01
    pool = LayerPool(*sizes, generator_of("pool"), image=(1, 9, 6), pooling="max")
    (flops,) = cost_of(pool, torch.zeros(1, 1, 5, dtype=torch.long)).flops.tolist()
    places = 54 * (9 * 6 + 6) + (12 + 2 + 2) * (54 * 6 + 6)
    assert flops == 2 * (places + (2 * 6 * 2 + 2))
