"""The Gaussian process is scikit-learn's, for all tasks at once."""

import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from baselines.gp import GP
from benchmarks.core import Query, Support, TaskBatch, generator_of, task_mse, task_variance
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import Toy


def posterior(learner, batch):
    (predict,) = learner.adapt(batch.support, [0])
    return predict(batch.query.x)


@pytest.mark.parametrize("family", [Sinusoid(noise=0.3), Toy(features=2)])
def test_it_is_scikit_learns_at_the_parameters_it_finds(family):
    batch = family.sample(10, "test", generator_of("t"), shots=6, queries=7)
    learner = GP()
    (fit, _), prediction = learner._maximised(batch.support), posterior(learner, batch)
    for i in range(10):
        x, y = batch.support.x[i].double(), batch.support.y[i, :, 0].double()
        length, noise = float(fit.length[i]), float(fit.noise[i])
        variance = float(((y - y.mean()) * fit.weight[i, :, 0]).mean())
        kernel = ConstantKernel(variance) * RBF(length) + WhiteKernel(noise * variance)
        theirs = GaussianProcessRegressor(kernel, alpha=0, optimizer=None).fit(x, y - y.mean())
        expected = torch.tensor(theirs.predict(batch.query.x[i].double())) + y.mean()
        torch.testing.assert_close(
            prediction[i, :, 0].double(), expected, atol=1e-4, rtol=1e-4, msg=f"task {i}"
        )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # at its bounds
def test_the_grid_is_as_likely_as_what_scikit_learn_climbs_to():
    batch = Sinusoid(noise=0.3).sample(12, "test", generator_of("t"), shots=8, queries=1)
    fit, _ = GP()._maximised(batch.support)
    constants = 4 * (torch.log(torch.tensor(2 * torch.pi)) + 1)
    for i in range(12):
        x, y = batch.support.x[i].double(), batch.support.y[i, :, 0].double()
        kernel = ConstantKernel(1.0) * RBF(2.0, (0.5, 10)) + WhiteKernel(0.1, (1e-8, 1e4))
        theirs = GaussianProcessRegressor(kernel, alpha=0).fit(x, y - y.mean())
        ours = float(fit.score[i] - constants)  # a prior is part of it
        assert ours > theirs.log_marginal_likelihood_value_ - 0.6, f"task {i}"


def sine(periods, points, low, high, noise=0.0):
    """Five tasks and a hundred query points each, over so many periods."""
    stream = generator_of("sine")
    x = torch.linspace(0, 1, points + 100).expand(5, -1).unsqueeze(2)
    x = x[:, torch.randperm(points + 100, generator=stream)]
    y = torch.sin(2 * torch.pi * (periods * x + torch.rand(5, 1, 1, generator=stream)))
    seen = y[:, :points] + noise * torch.randn(5, points, 1, generator=stream)
    x = low + (high - low) * x
    shown = torch.ones(5, 100, dtype=torch.bool)
    return TaskBatch(Support(x[:, :points], seen), Query(x[:, points:], y[:, points:], shown))


@pytest.mark.parametrize(
    ("batch", "most"),
    [
        (sine(8, 60, -1.7, 1.7), 0.01),
        (sine(8, 60, 0, 1), 0.01),
        (sine(8, 60, 0, 1000), 0.01),
        (sine(25, 150, -5, 5), 0.01),
        (sine(1, 12, -5, 5), 0.01),
        (sine(0.02, 8, -1, 1), 1e-4),
        (sine(2, 60, -1, 1, noise=0.3), 0.1),
    ],
    ids=["8 periods", "unit interval", "thousands", "25 periods", "one", "a line", "noise"],
)
def test_a_curve_is_found_whatever_its_scale(batch, most):
    nmse = task_mse(posterior(GP(), batch), batch.query.y) / task_variance(batch.query.y)
    assert nmse.mean() < most
    assert not GP().diagnose(batch.support).measures["at_bound"].any()


def test_it_says_when_a_bound_is_hit():
    batch = sine(8, 60, -1.7, 1.7)
    told = GP(lengths=(0.5, 2.0, 8.0)).diagnose(batch.support).measures
    assert (told["length"] == 0.5).any()
    assert told["at_bound"].all()
    (sentence, *_) = GP(lengths=(0.5, 2.0, 8.0)).explain(batch.support)
    assert sentence.endswith(" (the end of what was tried)")
    assert (
        not GP()
        .diagnose(Support(batch.support.x, batch.support.x * 0 + 3))
        .measures["at_bound"]
        .any()
    )


def test_one_point_is_the_mean_and_many_are_the_curve():
    family = Sinusoid()
    one = family.sample(50, "test", generator_of("t"), shots=1, queries=5)
    torch.testing.assert_close(posterior(GP(), one), one.support.y.expand(-1, 5, -1))
    many = family.sample(50, "test", generator_of("t"), shots=20, queries=20)
    assert task_mse(posterior(GP(), many), many.query.y).median() < 1e-4


def test_what_is_only_noise_is_smoothed_away():
    stream = generator_of("noise")
    x = torch.linspace(-5, 5, 60).expand(10, -1).unsqueeze(2)
    y = torch.randn(10, 60, 1, generator=stream) + 3
    (predict,) = GP(lengths=(0.5, 2.0, 8.0)).adapt(Support(x, y), [0])
    assert ((predict(x) - 3) ** 2).mean() < 0.25
    assert ((predict(x) - y) ** 2).mean() > 0.75


def test_targets_that_are_all_the_same_stay_so():
    x = torch.randn(3, 5, 2, generator=generator_of("x"))
    (predict,) = GP().adapt(Support(x, torch.full((3, 5, 2), 7.0)), [0])
    torch.testing.assert_close(predict(x), torch.full((3, 5, 2), 7.0))


def test_it_says_what_it_found():
    batch = Sinusoid().sample(2, "test", generator_of("t"), shots=10, queries=1)
    learner = GP(lengths=(2.0,), noises=(1e-4,))
    sentence = "an RBF kernel of length 2, noise of 0.0001 times the signal's variance"
    assert learner.explain(batch.support) == [sentence] * 2
