"""Task-batched networks and how they start."""

import math

import pytest
import torch
from torch.nn import functional

from benchmarks.core import generator_of
from benchmarks.networks import Linear, mlp, normalise, parameter_count, patches


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


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_patches_times_a_matrix_is_torchs_convolution(side: int, stride: int) -> None:
    x = torch.rand(2, 3, side, side + 1, 4, generator=generator_of("x"))
    weight = torch.rand(5, 4, 3, 3, generator=generator_of("weight"))
    ours = patches(x, stride) @ weight.permute(2, 3, 1, 0).reshape(36, 5)
    theirs = functional.conv2d(
        x.flatten(0, 1).permute(0, 3, 1, 2), weight, stride=stride, padding=1
    )
    torch.testing.assert_close(ours.flatten(0, 1), theirs.permute(0, 2, 3, 1))


@pytest.mark.parametrize("stride", [1, 2])
def test_patches_have_first_and_second_derivatives(stride: int) -> None:
    x = torch.rand(1, 2, 4, 3, 2, generator=generator_of("x"), dtype=torch.float64)
    x.requires_grad_()

    def windows(x: torch.Tensor) -> torch.Tensor:
        return patches(x, stride) ** 3

    assert torch.autograd.gradcheck(windows, (x,))
    assert torch.autograd.gradgradcheck(windows, (x,))


def test_normalising_is_torchs_batch_norm_of_each_task() -> None:
    z = torch.randn(2, 5, 3, 3, 4, generator=generator_of("z"))
    looped = [
        functional.batch_norm(task.permute(0, 3, 1, 2), None, None, training=True) for task in z
    ]
    torch.testing.assert_close(normalise(z), torch.stack(looped).permute(0, 1, 3, 4, 2))


def test_points_of_reference_speak_for_the_others() -> None:
    z = torch.randn(2, 5, 4, generator=generator_of("z"))
    together = normalise(z, 3)
    torch.testing.assert_close(together[:, :3], normalise(z[:, :3]))
    for point in (3, 4):
        alone = normalise(torch.cat([z[:, :3], z[:, point : point + 1]], 1), 3)
        torch.testing.assert_close(alone[:, 3], together[:, point])
