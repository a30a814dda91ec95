"""The spectral kernel is the formula, and finds the waves that tasks are made of."""

import math

import torch

from baselines.dkt import DKT
from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import Toy, check_learner


def fitted(family, tasks=1, **fields):
    learner = DKT(**fields)
    source = BudgetedSource(family, Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    return learner


def test_the_kernel_is_a_mixture_of_fading_waves():
    prior = fitted(Toy(features=2), hidden=(3,), components=2).prior_
    x = torch.randn(1, 4, 2, generator=generator_of("x"))
    with torch.no_grad():
        z = prior(x).features
        found = prior.covariance(z, z)[0]
        narrow, wave = prior.log_width.exp().double(), prior.frequency.double()
        for i in range(4):
            for j in range(4):
                apart = (z[0, i] - z[0, j]).double()
                expected = sum(
                    prior.log_weight[q].exp()
                    * torch.exp(-((apart * narrow[q, 0]) ** 2).sum() / 2)
                    * torch.cos(2 * math.pi * apart @ wave[q, :, 0])
                    for q in range(2)
                )
                torch.testing.assert_close(found[i, j], expected.double())
        torch.testing.assert_close(prior.variance(z)[0], found.diagonal())


def test_it_learns_sinusoids_from_few_tasks():
    learner = fitted(Sinusoid(), 1_500, lr=0.01, train_queries=20)
    batch = Sinusoid().sample(200, "validation", generator_of("v"), shots=10, queries=20)
    (predict,) = learner.adapt(batch.support, [0])
    assert task_mse(predict(batch.query.x), batch.query.y).mean() < 1.0  # predicting 0: 4.2


def test_the_kernel_that_fades_alone_keeps_the_laws():
    fields = {**DKT.test_fields, "kernel": "rbf"}
    assert [c for c in check_learner(lambda: DKT(**fields)) if not c.passed] == []
