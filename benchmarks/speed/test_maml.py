"""Task-batched learn2learn against learn2learn's own loop over tasks."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines._import_learn2learn import learn2learn
from baselines._learn2learn import task_batched_maml
from baselines._steps import sgd_predictors
from benchmarks.core import TaskBatch, generator_of, task_mse
from benchmarks.networks import mlp
from benchmarks.tasks.sinusoid import Sinusoid

META_TASKS = 25
TEST_TASKS = 600


def _network() -> nn.Sequential:
    return mlp(1, (40, 40), 1, generator_of("speed"))


def _batch(tasks: int, queries: int) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("speed"), shots=10, queries=queries)


def looped_meta_loss(network: nn.Module, batch: TaskBatch) -> Tensor:
    """What learn2learn's own examples do: one clone and one adaptation for each task."""
    maml = learn2learn.algorithms.MAML(network, lr=0.01)
    mse = nn.MSELoss()
    loss = torch.zeros(())
    for i in range(len(batch)):
        learner = maml.clone()
        learner.adapt(mse(learner(batch.support.x[i]), batch.support.y[i]))
        loss = loss + mse(learner(batch.query.x[i]), batch.query.y[i])
    return loss / len(batch)


def batched_meta_loss(network: nn.Module, batch: TaskBatch) -> Tensor:
    learner = task_batched_maml(network, len(batch), lr=0.01, first_order=False)
    learner.adapt(task_mse(learner(batch.support.x), batch.support.y).sum())
    return task_mse(learner(batch.query.x), batch.query.y).mean()


@pytest.mark.benchmark(group="one MAML iteration, 25 tasks, 10 shots, second order")
@pytest.mark.parametrize(
    ("side", "meta_loss"),
    [("slow", looped_meta_loss), ("fast", batched_meta_loss)],
    ids=["looped", "batched"],
)
def test_meta_iteration(benchmark: Any, side: str, meta_loss: Any) -> None:
    network, batch = _network(), _batch(META_TASKS, 10)
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)

    def iteration() -> None:
        optimiser.zero_grad()
        meta_loss(network, batch).backward()
        optimiser.step()

    benchmark.extra_info["side"] = side
    benchmark(iteration)


@pytest.mark.benchmark(group="evaluating 600 tasks, 10 adaptation steps, 100 query points")
@pytest.mark.parametrize(
    ("side", "at_once"), [("slow", 1), ("fast", TEST_TASKS)], ids=["looped", "batched"]
)
def test_evaluation(benchmark: Any, side: str, at_once: int) -> None:
    network, batch = _network(), _batch(TEST_TASKS, 100)

    def evaluate() -> None:
        for start in range(0, TEST_TASKS, at_once):
            part = batch.rows(slice(start, start + at_once))
            (predict,) = sgd_predictors(network, part.support, [10], lr=0.01)
            task_mse(predict(part.query.x), part.query.y)

    benchmark.extra_info["side"] = side
    benchmark.pedantic(evaluate, rounds=3, iterations=1, warmup_rounds=1)
