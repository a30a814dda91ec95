import math

import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_family


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


def waves(batch):
    amplitude, phase = (batch.support.privileged[k][:, 0] for k in ("amplitude", "phase"))
    return set(zip(amplitude.tolist(), phase.tolist(), strict=True))


@pytest.mark.parametrize("fields", [{"grid": 100}, {"train_tasks": 1, "grid": 5}])
def test_the_options_keep_the_laws(fields):
    checks = check_family(lambda: Sinusoid(**fields))
    assert [check for check in checks if not check.passed] == []


def test_train_tasks_are_fixed_and_each_comes_before_any_comes_again():
    family = Sinusoid(train_tasks=6)
    fixed = waves(sample(family, n=6))
    assert len(fixed) == 6
    stream = generator_of("later")
    for n in (2, 6, 100):
        assert waves(family.sample(n, "train", stream)) <= fixed
    assert family.size("train", 10) == 6
    amplitude = sample(family, n=15).support.privileged["amplitude"]
    counts = amplitude.unique(return_counts=True)[1]
    assert sorted(counts.tolist()) == [2, 2, 2, 3, 3, 3]


def test_other_task_seeds_are_other_tasks():
    ours, theirs = (waves(sample(Sinusoid(train_tasks=6, task_seed=s), n=6)) for s in (0, 1))
    assert not ours & theirs


@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_tasks_stay_the_whole_distribution(split):
    family = Sinusoid(train_tasks=6)
    assert family.size(split, 10) is None
    held_out, whole = (f.sample(50, split, generator_of("t")) for f in (family, Sinusoid()))
    assert torch.equal(held_out.query.y, whole.query.y)
    assert not waves(held_out) & waves(sample(family, n=6))


def test_the_options_leave_the_other_draws_alone():
    """The default draws are those of version 1, to the bit."""
    x = sample(n=2, shots=1, queries=1).support.x.flatten()
    stream = generator_of("sinusoid")
    torch.rand(2, 2, 1, generator=stream)
    torch.testing.assert_close(x, (torch.rand(2, 2, 1, generator=stream) * 10 - 5)[:, 0, 0])


def test_the_whole_grid_is_the_support_set():
    batch = sample(Sinusoid(grid=100), n=3, shots=100, queries=50)
    x = batch.support.x.squeeze(2).sort(1).values
    torch.testing.assert_close(x, torch.linspace(-5, 5, 100).expand(3, 100))
    assert not torch.isin(batch.query.x, batch.support.x).any()


def test_few_shots_are_different_points_of_the_grid_for_each_task():
    x = sample(Sinusoid(grid=11), n=200, shots=5).support.x.squeeze(2)
    torch.testing.assert_close(x, x.round(), atol=1e-5, rtol=0)
    assert all(len(row.unique()) == 5 for row in x)
    assert len(x.round().unique()) == 11
    assert len(x.sort(1).values.unique(dim=0)) > 100


def test_more_shots_than_grid_points_are_the_grid_and_other_draws():
    x = sample(Sinusoid(grid=3), n=50, shots=5).support.x.squeeze(2)
    torch.testing.assert_close(x[:, :3].sort(1).values, torch.tensor([[-5.0, 0, 5]]).expand(50, 3))
    assert len(x[:, 3:].unique()) == 100
