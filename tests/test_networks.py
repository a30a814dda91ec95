"""Task-batched networks and how they start."""

import math

import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.networks import Linear, mlp, parameter_count


def test_one_weight_a_task_equals_a_loop_over_shared_ones() -> None:
    x = torch.rand(3, 5, 2, generator=generator_of("x"))
    layers = [Linear(2, 4, generator_of(i)) for i in range(3)]
    together = Linear(2, 4, generator_of(0))
    together.weight.data = torch.stack([layer.weight.data for layer in layers])
    together.bias.data = torch.stack([layer.bias.data for layer in layers])
    looped = torch.stack([layer(x[i : i + 1])[0] for i, layer in enumerate(layers)])
    torch.testing.assert_close(together(x), looped)


def test_weights_fill_torchs_own_range() -> None:
    layer = Linear(16, 4000, generator_of("init"))
    for parameter in (layer.weight, layer.bias):
        assert 0.24 < parameter.abs().max() <= 1 / math.sqrt(16)
        assert float(parameter.detach().std()) == pytest.approx(0.25 / math.sqrt(3), rel=0.05)


def test_an_mlp_has_the_layers_asked_for() -> None:
    network = mlp(1, (40, 40), 1, generator_of("mlp"))
    assert parameter_count(network) == 40 + 40 + 40 * 40 + 40 + 40 + 1
    again = mlp(1, (40, 40), 1, generator_of("mlp"))
    pairs = zip(network.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
