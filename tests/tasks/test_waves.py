"""The options that all waves share, on the sinusoid; and the shapes of the others."""

import math

import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.tasks.square_wave import SquareWave
from benchmarks.tasks.triangle_wave import TriangleWave
from benchmarks.testing import check_family

WAVES = [Sinusoid, SquareWave, TriangleWave]
SHAPES = {  # by eighths of a period
    Sinusoid: [0, 0.5**0.5, 1, 0.5**0.5, 0, -(0.5**0.5), -1, -(0.5**0.5)],
    TriangleWave: [0, 0.5, 1, 0.5, 0, -0.5, -1, -0.5],
}
TWICE = {"frequency_low": 2.0, "frequency_high": 2.0}


def sample(family, n=4000, **sizes):
    return family.sample(n, "test", generator_of("waves"), **sizes)


def at(family, eighths):
    """The wave at so many eighths of a period, as it is drawn: one task, and its noise-free y."""
    x = (torch.tensor(eighths) * math.pi / 4).view(1, -1, 1)
    parameters = {"amplitude": torch.tensor([[2.0]]), "phase": torch.tensor([[math.pi / 4]])}
    return family().curve(x, parameters).flatten() / 2


@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("period", [-3, 0, 2])
def test_the_shape_is_known_at_every_eighth_of_a_period(family, period):
    y = at(family, [8.0 * period + i - 1 for i in range(8)])  # the phase is one eighth
    torch.testing.assert_close(y, torch.tensor(SHAPES[family]), atol=1e-5, rtol=0)


def test_a_triangle_is_straight_between_its_peaks():
    y = at(TriangleWave, torch.linspace(1.0, 4.9, 50).tolist())
    torch.testing.assert_close(y.diff(), torch.full((49,), -3.9 / 49 / 2), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("eighths", "height"), [(0, 1), (2.9, 1), (3.1, -1), (6.9, -1), (7.1, 1)])
def test_a_square_wave_jumps_at_half_periods(eighths, height):
    assert at(SquareWave, [eighths - 8.0, eighths, eighths + 16]).tolist() == [height] * 3


def test_waves_of_the_same_seed_differ_in_nothing_but_their_shape():
    sine, square, triangle = (sample(family(), n=50, shots=4, queries=6) for family in WAVES)
    for key in ("amplitude", "phase"):
        assert torch.equal(sine.support.privileged[key], square.support.privileged[key])
        assert torch.equal(sine.support.privileged[key], triangle.support.privileged[key])
    assert torch.equal(sine.query.x, square.query.x)
    assert torch.equal(sine.query.x, triangle.query.x)
    assert torch.equal(sine.query.y.sign(), square.query.y.sign())
    assert (triangle.query.y.abs() <= sine.query.y.abs() + 1e-5).all()  # sin t >= 2t/π
    amplitude = sine.support.privileged["amplitude"].expand(50, 6)
    assert torch.equal(square.query.y.abs().squeeze(2), amplitude)


@pytest.mark.parametrize(("family", "known"), [(SquareWave, 8.5), (TriangleWave, 8.5 / 3)])
def test_predicting_zero_scores_what_the_docstring_says(family, known):
    """The amplitude's mean square on [0.1, 5] is 8.5, that of a triangle of height 1 a third."""
    y = sample(family(), n=20_000, shots=1, queries=10).query.y
    assert abs((y**2).mean() / known - 1) < 0.03


@pytest.mark.parametrize("family", WAVES)
def test_one_other_frequency_changes_the_targets_alone(family):
    plain, quick = (sample(family(**f), n=30, shots=3) for f in ({}, TWICE))
    assert quick.support.privileged.keys() == {"amplitude", "phase"}
    assert torch.equal(plain.query.x, quick.query.x)
    parameters = plain.support.privileged
    torch.testing.assert_close(quick.query.y, family().curve(2 * plain.query.x, parameters))


def test_a_frequency_that_varies_is_drawn_and_privileged():
    batch = sample(Sinusoid(frequency_low=0.5, frequency_high=3.0), shots=2, queries=3)
    values = batch.support.privileged
    amplitude, phase, frequency = (values[k] for k in ("amplitude", "phase", "frequency"))
    assert 0.5 <= frequency.min() < 0.51 < 2.99 < frequency.max() <= 3
    y = amplitude * torch.sin(frequency * batch.query.x[..., 0] + phase)
    torch.testing.assert_close(batch.query.y[..., 0], y)
    plain = sample(Sinusoid(), shots=2, queries=3).support.privileged
    assert torch.equal(plain["amplitude"], amplitude)
    assert torch.equal(plain["phase"], phase)


def test_fixed_tasks_keep_their_frequencies():
    family = Sinusoid(train_tasks=4, frequency_high=2.0)
    values = family.sample(40, "train", generator_of("waves")).support.privileged
    triples = {*zip(*(values[key][:, 0].tolist() for key in sorted(values)), strict=True)}
    assert len(triples) == 4


@pytest.mark.parametrize("family", WAVES)
@pytest.mark.parametrize(
    "fields", [{"frequency_low": 0.5, "frequency_high": 2.0, "x_centre": 3.0, "grid": 7}, TWICE]
)
def test_the_options_keep_the_laws(family, fields):
    checks = check_family(lambda: family(**fields))
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("what", ["amplitude", "phase", "frequency"])
def test_ranges_have_their_ends_in_order(what):
    with pytest.raises(ValueError, match=rf"expected {what}_low <= {what}_high, got 3.0 and 2.0"):
        SquareWave(**{f"{what}_low": 3.0, f"{what}_high": 2.0})
