"""The Gaussian process is scikit-learn's, for all tasks at once."""

import pytest
import torch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from baselines.gp import GP
from benchmarks.core import Support, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import Toy


def posterior(learner, batch):
    (predict,) = learner.adapt(batch.support, [0])
    return predict(batch.query.x)


@pytest.mark.parametrize("family", [Sinusoid(noise=0.3), Toy(features=2)])
def test_it_is_scikit_learns_at_the_parameters_it_finds(family):
    batch = family.sample(10, "test", generator_of("t"), shots=6, queries=7)
    learner = GP()
    fit, prediction = learner._maximised(batch.support), posterior(learner, batch)
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
    fit = GP()._maximised(batch.support)
    constants = 4 * (torch.log(torch.tensor(2 * torch.pi)) + 1)
    for i in range(12):
        x, y = batch.support.x[i].double(), batch.support.y[i, :, 0].double()
        kernel = ConstantKernel(1.0) * RBF(2.0, (0.5, 10)) + WhiteKernel(0.1, (1e-8, 1e4))
        theirs = GaussianProcessRegressor(kernel, alpha=0).fit(x, y - y.mean())
        ours = float(fit.likelihood[i] - constants)
        assert ours > theirs.log_marginal_likelihood_value_ - 0.3, f"task {i}"


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
