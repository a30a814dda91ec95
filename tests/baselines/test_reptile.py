"""Reptile's update, computed by hand."""

import copy

import pytest
import torch

from baselines.reptile import Reptile, draw
from benchmarks.core import Budget, BudgetedSource, Query, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_an_update_is_the_mean_of_what_the_optimiser_does_to_each_task(optimiser: str) -> None:
    fields = {"hidden": (6,), "optimiser": optimiser, "inner_lr": 0.02, "meta_step": 0.5}
    fields |= {"max_inner_norm": 0.0, "train_shots": 10, "train_queries": 10}
    learner = Reptile(**fields, meta_batch=3, train_steps=2, inner_batch=100)
    learner.fit(BudgetedSource(Sinusoid(), Budget(tasks=0), generator_of("t")), generator_of("l"))
    start = copy.deepcopy(learner.network_)
    learner.partial_fit(
        BudgetedSource(Sinusoid(), Budget(tasks=3), generator_of("t")), generator_of("l")
    )
    batch = Sinusoid().sample(3, "train", generator_of("t"), shots=10, queries=10)
    x = torch.cat([batch.support.x, batch.query.x], 1)
    y = torch.cat([batch.support.y, batch.query.y], 1)
    ends = []
    for i in range(3):
        network = copy.deepcopy(start)
        steps = (
            torch.optim.SGD(network.parameters(), 0.02)
            if optimiser == "sgd"
            else torch.optim.Adam(network.parameters(), 0.02, betas=(0.0, 0.999))
        )
        for _ in range(2):
            steps.zero_grad()
            ((network(x[i]) - y[i]) ** 2).mean().backward()
            steps.step()
        ends.append(list(network.parameters()))
    for got, before, *after in zip(
        learner.network_.parameters(), start.parameters(), *ends, strict=True
    ):
        expected = before + 0.5 * (sum(after) / 3 - before)
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


def test_masked_points_are_drawn_last() -> None:
    mask = torch.tensor([[True, False, True, False, True, True]] * 50)
    x = torch.arange(6.0).expand(50, 6).unsqueeze(2)
    drawn = draw(Query(x, x, mask), 4, generator_of("rows"))
    assert drawn.mask.all()
    assert len({tuple(row.flatten().tolist()) for row in drawn.x}) > 10


def test_meta_training_makes_adaptation_work() -> None:
    learner = Reptile(hidden=(32, 32), inner_lr=0.03, meta_batch=10)
    source = BudgetedSource(Sinusoid(), Budget(tasks=2000), generator_of("train"))
    learner.fit(source, generator_of("learner"))
    batch = Sinusoid().sample(200, "validation", generator_of("v"), shots=10, queries=50)
    before, after = (
        task_mse(predict(batch.query.x), batch.query.y).mean()
        for predict in learner.adapt(batch.support, [0, 10])
    )
    assert after < 0.7 * before
    assert source.counts["inner_gradients"] == 5 * 2000
