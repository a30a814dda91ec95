import math

import torch

from benchmarks.core import generator_of
from benchmarks.tasks.sinusoid import Sinusoid


def sample(family=None, n=4000, **sizes):
    return (family or Sinusoid()).sample(n, "train", generator_of("sinusoid"), **sizes)


def test_targets_are_the_sine_of_the_revealed_amplitude_and_phase():
    batch = sample(n=7, shots=3, queries=5)
    amplitude, phase = (batch.support.privileged[k].unsqueeze(2) for k in ("amplitude", "phase"))
    for points in (batch.support, batch.query):
        torch.testing.assert_close(points.y, amplitude * torch.sin(points.x + phase))


def test_ranges_are_those_of_the_paper():
    batch = sample(shots=5, queries=5)
    for values, low, high in (
        (batch.support.privileged["amplitude"], 0.1, 5.0),
        (batch.support.privileged["phase"], 0.0, math.pi),
        (batch.support.x, -5.0, 5.0),
        (batch.query.x, -5.0, 5.0),
    ):
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high >= values.max() > high - 0.01 * (high - low)
        assert abs(values.mean() - (low + high) / 2) < 0.02 * (high - low)


def test_predicting_zero_scores_what_is_known():
    """PROTOCOLS.md: predicting 0 scores 4.2."""
    y = sample(n=20_000, shots=1, queries=10).query.y
    assert abs((y**2).mean() - 4.2) < 0.15


def test_the_tasks_do_not_depend_on_the_number_of_shots():
    few, many = sample(n=9, shots=1), sample(n=9, shots=10)
    assert torch.equal(few.support.privileged["phase"], many.support.privileged["phase"])


def test_noise_is_on_the_support_targets_alone():
    clean, noisy = sample(n=2000, shots=5), sample(Sinusoid(noise=0.5), n=2000, shots=5)
    assert torch.equal(clean.query.y, noisy.query.y)
    assert abs((noisy.support.y - clean.support.y).std() - 0.5) < 0.02
