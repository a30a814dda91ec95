"""What all one-dimensional families share; the grid and fixed tasks are tested on the sinusoid."""

import dataclasses
import math

import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.line import Line
from benchmarks.tasks.quadratic import Quadratic
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.tasks.square_wave import SquareWave
from benchmarks.tasks.triangle_wave import TriangleWave

FAMILIES = [Line, Quadratic, Sinusoid, SquareWave, TriangleWave]
every_family = pytest.mark.parametrize("family", FAMILIES)


def sample(family, n=2000, split="test", **sizes):
    return family.sample(n, split, generator_of("curves"), **sizes)


def uniform(low, high, *shape, generator):
    return torch.rand(*shape, generator=generator) * (high - low) + low


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_sinusoids_are_those_of_version_1_to_the_bit(split, noise):
    """Published results rest on these draws; this is how version 1 made them."""
    batch = sample(Sinusoid(noise=noise), 7, split, shots=3, queries=4)
    stream = generator_of("curves")
    amplitude = uniform(0.1, 5.0, 7, 1, generator=stream)
    phase = uniform(0.0, math.pi, 7, 1, generator=stream)
    x = uniform(-5.0, 5.0, 7, 7, 1, generator=stream)
    y = amplitude.unsqueeze(2) * torch.sin(x + phase.unsqueeze(2))
    if noise:
        y[:, :3] += noise * torch.randn(7, 3, 1, generator=stream)
    assert torch.equal(torch.cat([batch.support.x, batch.query.x], 1), x)
    assert torch.equal(torch.cat([batch.support.y, batch.query.y], 1), y)
    assert torch.equal(batch.support.privileged["amplitude"], amplitude)
    assert torch.equal(batch.support.privileged["phase"], phase)


def test_fixed_sinusoids_on_a_grid_are_those_of_version_1_to_the_bit():
    batch = sample(Sinusoid(train_tasks=4, task_seed=2, grid=6), 9, "train", shots=3, queries=2)
    fixed, stream = generator_of("sinusoid", 2), generator_of("curves")
    amplitude = uniform(0.1, 5.0, 4, 1, generator=fixed)
    phase = uniform(0.0, math.pi, 4, 1, generator=fixed)
    drawn = torch.rand(3, 4, generator=stream).argsort(1).flatten()[:9]
    x = uniform(-5.0, 5.0, 9, 5, 1, generator=stream)
    order = torch.rand(9, 6, generator=stream).argsort(1)[:, :3]
    x[:, :3] = torch.linspace(-5.0, 5.0, 6)[order].unsqueeze(2)
    y = amplitude[drawn].unsqueeze(2) * torch.sin(x + phase[drawn].unsqueeze(2))
    assert torch.equal(torch.cat([batch.support.x, batch.query.x], 1), x)
    assert torch.equal(torch.cat([batch.support.y, batch.query.y], 1), y)


def test_what_sinusoids_did_not_have_in_version_1_came_later():
    """Else the identity of published trials would change."""
    first = "amplitude_low amplitude_high phase_low phase_high x_range noise train_tasks task_seed"
    names = {field.name for field in dataclasses.fields(Sinusoid)}
    assert names - {*first.split(), "grid"} == Sinusoid.later.keys()
    assert {name: getattr(Sinusoid(), name) for name in Sinusoid.later} == Sinusoid.later


@every_family
def test_parameters_do_not_depend_on_the_number_of_shots(family):
    few, many = (sample(family(), 9, shots=k).support.privileged for k in (1, 10))
    assert few.keys() == many.keys() != set()
    for name in few:
        assert few[name].shape == (9, 1)
        assert torch.equal(few[name], many[name])


@every_family
def test_parameters_cover_their_ranges(family):
    privileged = sample(family(), 4000, shots=1).support.privileged
    for name, values in privileged.items():
        low, high = (getattr(family(), f"{name}_{end}") for end in ("low", "high"))
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high >= values.max() > high - 0.01 * (high - low)


@every_family
def test_targets_are_the_curve_of_the_privileged_parameters(family):
    batch = sample(family(), 7, shots=3, queries=5)
    for points in (batch.support, batch.query):
        curve = family().curve(points.x, batch.support.privileged)
        torch.testing.assert_close(points.y, curve)
        looped = [
            family().curve(
                points.x[i : i + 1],
                {name: v[i : i + 1] for name, v in batch.support.privileged.items()},
            )
            for i in range(7)
        ]
        torch.testing.assert_close(points.y, torch.cat(looped))


@every_family
def test_noise_is_on_the_support_targets_alone(family):
    clean, noisy = (sample(family(noise=noise), shots=5) for noise in (0.0, 0.5))
    assert torch.equal(clean.query.y, noisy.query.y)
    assert abs((noisy.support.y - clean.support.y).std() - 0.5) < 0.02


@every_family
def test_inputs_are_around_their_centre(family):
    x = sample(family(x_centre=3.0, x_range=2.0), shots=5).support.x
    assert 1 <= x.min() < 1.01
    assert 4.99 < x.max() <= 5
    grid = sample(family(x_centre=3.0, x_range=2.0, grid=5), 20, shots=5).support.x
    torch.testing.assert_close(grid[..., 0].sort(1).values, torch.arange(1.0, 6).expand(20, 5))


@every_family
def test_train_tasks_are_fixed_and_the_family_s_own(family):
    few = family(train_tasks=3)
    values = sample(few, 30, "train").support.privileged
    assert {len(v.unique()) for v in values.values()} == {3}
    other = dataclasses.replace(few, task_seed=1)
    for name, these in sample(other, 30, "train").support.privileged.items():
        assert not torch.isin(these, values[name]).any()
    assert {len(v.unique()) for v in sample(few, 30).support.privileged.values()} == {30}
