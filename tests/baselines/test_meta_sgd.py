"""Task-batched Meta-SGD is learn2learn's Meta-SGD."""

import pytest
import torch
from torch import nn

from baselines._import_learn2learn import learn2learn
from baselines._learn2learn import task_batched_meta_sgd
from baselines.meta_sgd import MetaSGD
from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.networks import mlp
from benchmarks.tasks.sinusoid import Sinusoid


def test_meta_gradient_equals_learn2learns_own_loop() -> None:
    """Of the weights and of the rates alike, through two steps."""
    network = mlp(1, (16, 16), 1, generator_of("network"))
    rates = [nn.Parameter(torch.rand_like(p) * 0.02) for p in network.parameters()]
    meta = [*network.parameters(), *rates]
    batch = Sinusoid().sample(5, "train", generator_of("tasks"), shots=10, queries=10)

    batched = task_batched_meta_sgd(network, rates, len(batch), first_order=False)
    for _ in range(2):
        batched.adapt(task_mse(batched(batch.support.x), batch.support.y).sum())
    ours = torch.autograd.grad(task_mse(batched(batch.query.x), batch.query.y).mean(), meta)

    looped = learn2learn.algorithms.MetaSGD(network, lrs=rates)
    mse = nn.MSELoss()
    loss = torch.zeros(())
    for i in range(len(batch)):
        learner = looped.clone()
        for _ in range(2):
            learner.adapt(mse(learner(batch.support.x[i]), batch.support.y[i]))
        loss = loss + mse(learner(batch.query.x[i]), batch.query.y[i]) / len(batch)
    theirs = torch.autograd.grad(loss, meta)
    for got, expected in zip(ours, theirs, strict=True):
        assert (got - expected).norm() <= 1e-5 * expected.norm()


def test_rates_are_learned_one_by_one() -> None:
    learner = MetaSGD(hidden=(8,), inner_lr=0.01, max_rate=0.0)
    source = BudgetedSource(Sinusoid(), Budget(tasks=500), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    rates = torch.cat([rate.detach().flatten() for rate in learner.rates_])
    assert rates.unique().numel() > 0.9 * rates.numel()
    assert (rates - 0.01).abs().max() < 0.05


def test_no_rate_leaves_its_bounds() -> None:
    learner = MetaSGD(hidden=(8,), inner_lr=0.01, max_rate=1.1)
    source = BudgetedSource(Sinusoid(), Budget(tasks=500), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    rates = torch.cat([rate.detach().flatten() for rate in learner.rates_])
    assert float(rates.abs().max()) == pytest.approx(0.011)


def test_it_stops_after_most_steps() -> None:
    learner = MetaSGD(hidden=(8,), meta_batch=5)
    learner.fit(BudgetedSource(Sinusoid(), Budget(tasks=50), generator_of("a")), generator_of("b"))
    batch = Sinusoid().sample(4, "test", generator_of("t"), shots=5, queries=3)

    def after(steps: list[int]) -> list[torch.Tensor]:
        return [predict(batch.query.x) for predict in learner.adapt(batch.support, steps)]

    one, two, five = after([1, 2, 5])
    learner.most_steps = 2
    assert all(map(torch.equal, after([1, 2, 5]), (one, two, two)))
    assert not torch.equal(two, five)
