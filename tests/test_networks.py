"""Task-batched networks and how they start."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from benchmarks.core import generator_of
from benchmarks.networks import (
    Convolution,
    Linear,
    Network,
    Normalise,
    cnn4,
    convolve,
    mlp,
    normalise,
    parameter_count,
    patches,
)
from benchmarks.networks import convolution as convolution_module


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
def test_convolving_is_torchs_convolution(
    side: int, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.rand(3, 2, side, side + 1, 4, generator=generator_of("x"))
    weight = torch.rand(3, 5, 4, 3, 3, generator=generator_of("weight"))
    looped = [
        functional.conv2d(task.permute(0, 3, 1, 2), kernel, stride=stride, padding=1)
        for task, kernel in zip(x, weight, strict=True)
    ]
    expected = torch.stack(looped).permute(0, 1, 3, 4, 2)
    matrices = weight.permute(0, 3, 4, 2, 1).flatten(1, 3)
    torch.testing.assert_close(patches(x[:1], stride) @ matrices[0], expected[:1])
    torch.testing.assert_close(convolve(x[:1], matrices[0], stride), expected[:1])
    torch.testing.assert_close(convolve(x, matrices, stride), expected)
    monkeypatch.setattr(convolution_module, "AT_ONCE", 2 * x[0].numel() * 9 // stride**2)
    torch.testing.assert_close(convolve(x, matrices, stride), expected)
    monkeypatch.setattr(convolution_module, "ALONE", 1)
    monkeypatch.setattr(convolution_module, "WIDE", 1)
    torch.testing.assert_close(convolve(x, matrices, stride), expected)


@pytest.mark.parametrize("stride", [1, 2])
def test_patches_have_first_and_second_derivatives(stride: int) -> None:
    x = torch.rand(1, 1, 4, 3, 1, generator=generator_of("x"), dtype=torch.float64)
    x.requires_grad_()

    def windows(x: torch.Tensor) -> torch.Tensor:
        return patches(x, stride) ** 3

    assert torch.autograd.gradcheck(windows, (x,))
    assert torch.autograd.gradgradcheck(windows, (x,))


@pytest.mark.parametrize(("tasks", "points"), [(2, 0), (0, 3)])
def test_nothing_to_convolve_gives_nothing(tasks: int, points: int) -> None:
    x = torch.rand(tasks, points, 5, 4, 2, requires_grad=True)
    weight = torch.rand(tasks, 18, 3, requires_grad=True)
    z = convolve(x, weight, 2)
    z.sum().backward()
    assert z.shape == (tasks, points, 3, 2, 3)
    assert (x.grad.shape, weight.grad.shape) == (x.shape, weight.shape)
    assert not weight.grad.any()


@pytest.mark.parametrize("weights_too", [True, False])
def test_a_convolution_with_one_weight_a_task_has_first_and_second_derivatives(
    weights_too: bool,
) -> None:
    drawn = {"generator": generator_of("x"), "dtype": torch.float64}
    x = torch.rand(2, 2, 3, 2, 2, **drawn).requires_grad_()
    weight = torch.rand(2, 18, 3, **drawn).requires_grad_(weights_too)

    def cubed(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return convolve(x, weight, 2) ** 3

    assert torch.autograd.gradcheck(cubed, (x, weight))
    assert torch.autograd.gradgradcheck(cubed, (x, weight))


def _drawn(*shape: int, name: str = "z") -> torch.Tensor:
    return torch.randn(shape, generator=generator_of(name), dtype=torch.float64)


def test_normalising_is_torchs_batch_norm_of_each_task() -> None:
    z, scale, shift = _drawn(2, 5, 3, 3, 4), _drawn(2, 1, 4, name="scale"), _drawn(2, 1, 4)
    looped = [
        functional.batch_norm(task.permute(0, 3, 1, 2), None, None, *row, training=True)
        for task, *row in zip(z, scale[:, 0], shift[:, 0], strict=True)
    ]
    expected = torch.stack(looped).permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(normalise(z, scale, shift), expected)
    shared = normalise(z, scale[0], shift[0])
    torch.testing.assert_close(shared[0], expected[0])


def test_points_of_reference_speak_for_the_others() -> None:
    z, scale, shift = _drawn(2, 5, 4), _drawn(1, 4, name="scale"), _drawn(1, 4, name="shift")
    together = normalise(z, scale, shift, 3)
    torch.testing.assert_close(together[:, :3], normalise(z[:, :3], scale, shift))
    for point in (3, 4):
        alone = normalise(torch.cat([z[:, :3], z[:, point : point + 1]], 1), scale, shift, 3)
        torch.testing.assert_close(alone[:, 3], together[:, point])


@pytest.mark.parametrize("shape", [(3, 5, 4), (3, 5, 2, 2, 4)])
def test_padding_is_left_out_of_the_statistics(shape: tuple[int, ...]) -> None:
    z, scale, shift = _drawn(*shape), _drawn(3, 1, 4, name="scale"), _drawn(3, 1, 4, name="shift")
    real = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 0, 1], [0, 0, 0, 1, 0]]).bool()
    together = normalise(z, scale, shift, real=real)
    for task in range(3):
        alone = normalise(z[task, real[task]].unsqueeze(0), scale[task], shift[task])
        torch.testing.assert_close(together[task, real[task]], alone[0])


@pytest.mark.parametrize("reference", [0, 4])
@pytest.mark.parametrize("tasks", [(), (2,)], ids=["shared", "one a task"])
def test_normalising_has_derivatives_up_to_the_third(
    reference: int, tasks: tuple[int, ...]
) -> None:
    own = [*tasks, 1, 2]
    given = [_drawn(2, 6, 2, name="x"), _drawn(*own, name="scale"), _drawn(*own, name="shift")]
    given = [it.requires_grad_() for it in given]

    def cubed(*given: torch.Tensor) -> torch.Tensor:
        return normalise(*given, reference) ** 3

    def slopes(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
        slope = torch.autograd.grad(cubed(*given).sum(), given[0], create_graph=True)[0]
        return torch.autograd.grad(slope.square().sum(), given[:2], create_graph=True)

    assert torch.autograd.gradcheck(cubed, given)
    assert torch.autograd.gradgradcheck(cubed, given)
    assert torch.autograd.gradcheck(slopes, given)


def _torchs(network: nn.Sequential, pooling: str, x: torch.Tensor) -> torch.Tensor:
    """The embedding that torch's own layers give to the pictures of one task."""
    for layer in network:
        if isinstance(layer, Convolution):
            kernel = layer.weight.view(3, 3, x.shape[1], -1).permute(3, 2, 0, 1)
            x = functional.conv2d(x, kernel, stride=layer.stride, padding=1)
        if isinstance(layer, Normalise):
            x = functional.batch_norm(x, None, None, layer.scale[0], layer.shift[0], training=True)
            x = torch.relu(x)
            x = functional.max_pool2d(x, 2) if pooling == "max" and x.shape[2] > 1 else x
    return x.flatten(1) if pooling == "max" else x.mean((2, 3))


@pytest.mark.parametrize("pooling", ["stride", "max"])
@pytest.mark.parametrize("image", [(1, 28, 28), (3, 8, 8)])
def test_cnn4_is_the_papers(pooling: str, image: tuple[int, int, int]) -> None:
    network = cnn4(image, 6, None, generator_of("cnn"), pooling=pooling)
    assert sum(isinstance(layer, Convolution) for layer in network) == 4
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.rand(parameter.shape, generator=generator_of("p"))
    x = torch.rand(2, 5, math.prod(image), generator=generator_of("x"))
    looped = torch.stack([_torchs(network, pooling, task.unflatten(1, image)) for task in x])
    assert looped.shape == (2, 5, 6)
    torch.testing.assert_close(network(x), looped, rtol=1e-4, atol=1e-5)


def test_every_network_ends_as_asked_and_knows_its_points_of_reference() -> None:
    x = torch.rand(2, 7, 64, generator=generator_of("x"))
    for outputs, width in ((3, 3), (None, 6)):
        for network in (
            mlp(64, (8, 6), outputs, generator_of("n"), batch_norm=True),
            cnn4((1, 8, 8), 6, outputs, generator_of("n")),
            cnn4((1, 8, 8), 6, outputs, generator_of("n"), pooling="max"),
        ):
            assert network(x).shape == (2, 7, width)
            together = network(x, 4)[:, 5]
            alone = network(torch.cat([x[:, :4], x[:, 5:6]], 1), 4)[:, 4]
            torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)
            assert not torch.allclose(network(x)[:, 5], together, atol=1e-3)


def test_without_batch_norm_convolutions_have_a_bias() -> None:
    network = cnn4((1, 8, 8), 6, 3, generator_of("n"), batch_norm=False)
    assert parameter_count(network) == (9 + 1) * 6 + 3 * (9 * 6 + 1) * 6 + (6 + 1) * 3
    assert network(torch.rand(1, 2, 64, generator=generator_of("x"))).shape == (1, 2, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_channels_last_from_the_first_convolution_on(channels: int) -> None:
    """Torch pools those ten times as fast; one channel alone leaves it in doubt."""
    network = cnn4((channels, 8, 8), 4, None, generator_of("n"), pooling="max", batch_norm="shared")
    convolved = network[1](network[0](torch.rand(1, 3, channels * 64)))
    assert convolved.is_contiguous()
    assert network[2](convolved).is_contiguous()


@torch.no_grad()
def test_what_is_given_stays_as_it_is_where_nothing_is_differentiated() -> None:
    x = torch.randn(2, 7, 64, generator=generator_of("x"))
    before = x.clone()
    for network in (
        Network(nn.ReLU(), Linear(64, 3, generator_of("n")), nn.ReLU()),
        Network(nn.Flatten(0, 0), nn.ReLU()),
        mlp(64, (8, 6), 3, generator_of("n"), batch_norm=True),
        cnn4((1, 8, 8), 6, 3, generator_of("n")),
        cnn4((1, 8, 8), 6, 3, generator_of("n"), pooling="max", batch_norm="shared"),
    ):
        got = network(x)
        with torch.enable_grad():
            assert torch.equal(got, network(x))
        assert torch.equal(x, before)
