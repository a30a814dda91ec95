"""The learned prior finds the true one, and conditions on points as a Gaussian must."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from baselines.gp_prior import GPPrior
from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.testing import Toy, check_learner

KERNELS = ("linear", "rbf")


class Shifted(Toy):
    """Lines around y = 5 + 2x; without noise their slopes and intercepts are standard normal."""

    def sample(self, n_tasks, split, generator, **sizes):
        batch = super().sample(n_tasks, split, generator, **sizes)
        for points in (batch.support, batch.query):
            points.y.add_(5 + 2 * points.x)
        return batch


def trained(family, tasks=1, **fields):
    learner = GPPrior(**{"hidden": (16,), "features": 4, "lr": 0.02, **fields})
    source = BudgetedSource(family, Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    return learner


def covariance(prior, a, b):
    return prior.covariance(prior(a).features, prior(b).features).detach()


@pytest.fixture(scope="module")
def learner():
    sizes = {"hidden": (32,), "train_shots": 4, "train_queries": 6}
    return trained(Shifted(), tasks=14_000, **sizes)


def test_it_finds_the_prior_that_tasks_are_drawn_from(learner):
    x = torch.tensor([-1.0, 0.0, 1.0]).view(1, 3, 1)
    mean = learner.prior_.mean(x).detach()
    assert (mean - (5 + 2 * x)).abs().max() < 0.5
    true = (1 + x @ x.mT).double()
    assert (covariance(learner.prior_, x, x) - true).abs().max() < 0.5


def test_it_predicts_as_well_as_the_true_prior(learner):
    """From one point even the true prior leaves an error, below which is luck alone."""
    batch = Shifted().sample(3000, "validation", generator_of("v"), shots=1, queries=10)
    (predict,) = learner.adapt(batch.support, [0])
    x, known = batch.query.x, batch.support.x
    weight = (batch.support.y - 5 - 2 * known) / (1 + known**2)
    best = task_mse(5 + 2 * x + (1 + x @ known.mT) * weight, batch.query.y).mean()
    assert best > 0.5
    assert 0.98 < task_mse(predict(x), batch.query.y).mean() / best < 1.02


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_conditions_as_a_gaussian_must(kernel):
    learner = trained(Toy(features=2, outputs=2), kernel=kernel)
    prior = learner.prior_
    batch = Toy(features=2, outputs=2).sample(5, "test", generator_of("t"), shots=3, queries=6)
    known, x, y = batch.support.x, batch.query.x, batch.support.y
    noise = prior.log_noise.detach().double().exp() + 1e-6
    inverse = torch.linalg.inv(covariance(prior, known, known) + noise * torch.eye(3))
    residual = (y - prior.mean(known).detach()).double()
    expected = prior.mean(x).detach() + covariance(prior, x, known) @ inverse @ residual
    (predict,) = learner.adapt(batch.support, [0])
    torch.testing.assert_close(predict(x), expected.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_surprise_is_the_negative_log_likelihood_of_real_points(kernel):
    family = Toy(outputs=2, ragged=True)
    prior = trained(family, kernel=kernel).prior_
    batch = family.sample(6, "test", generator_of("t"), shots=1, queries=5)
    x, y, real = batch.query.x, batch.query.y, batch.query.mask
    assert 0 < real.float().mean() < 1
    surprise = prior.surprise(x, y, real)
    for i in range(6):
        at = x[i : i + 1, real[i]]
        matrix = prior.noisy(covariance(prior, at, at))[0].detach()
        residual = (y[i, real[i]] - prior.mean(at)[0]).T.double().detach()
        expected = -MultivariateNormal(torch.zeros(len(matrix)).double(), matrix).log_prob(residual)
        torch.testing.assert_close(surprise[i].detach(), expected.sum(), msg=f"task {i}")


def test_the_rbf_kernel_keeps_the_laws():
    fields = {**GPPrior.test_fields, "kernel": "rbf"}
    assert [c for c in check_learner(lambda: GPPrior(**fields)) if not c.passed] == []
