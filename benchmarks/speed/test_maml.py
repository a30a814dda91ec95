"""Task-batched learn2learn against learn2learn's own loop over tasks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from baselines._import_learn2learn import learn2learn
from baselines._learn2learn import task_batched_maml
from baselines._steps import sgd_predictors
from benchmarks.core import TaskBatch, generator_of, task_mse
from benchmarks.networks import mlp
from benchmarks.speed.conftest import InTurn
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


def test_meta_iteration(in_turn: InTurn) -> None:
    batch = _batch(META_TASKS, 10)

    def iteration(meta_loss: Callable[[nn.Module, TaskBatch], Tensor]) -> Callable[[], None]:
        network = _network()
        optimiser = torch.optim.Adam(network.parameters(), 1e-3)

        def run() -> None:
            optimiser.zero_grad()
            meta_loss(network, batch).backward()
            optimiser.step()

        return run

    in_turn(
        iteration(looped_meta_loss),
        iteration(batched_meta_loss),
        group="one MAML iteration, 25 tasks, 10 shots, second order: looped against batched",
        rounds=15,
    )


@pytest.mark.parametrize("loop", ["learn2learn's loop", "one by one"])
def test_evaluation(in_turn: InTurn, loop: str) -> None:
    """A tenth of the tasks one after the other against all of them at once."""
    network, batch = _network(), _batch(TEST_TASKS, 100)
    maml, mse = learn2learn.algorithms.MAML(network, lr=0.01, first_order=True), nn.MSELoss()

    def evaluate(tasks: int, at_once: int) -> None:
        for start in range(0, tasks, at_once):
            part = batch.rows(slice(start, start + at_once))
            (predict,) = sgd_predictors(network, part.support, [10], lr=0.01)
            task_mse(predict(part.query.x), part.query.y)

    def theirs(tasks: int) -> None:
        for i in range(tasks):
            learner = maml.clone()
            for _ in range(10):
                learner.adapt(mse(learner(batch.support.x[i]), batch.support.y[i]))
            with torch.no_grad():
                mse(learner(batch.query.x[i]), batch.query.y[i])

    some = TEST_TASKS // 10
    in_turn(
        (lambda: evaluate(some, 1)) if loop == "one by one" else (lambda: theirs(some)),
        lambda: evaluate(TEST_TASKS, TEST_TASKS),
        group=f"evaluating {TEST_TASKS} tasks, 10 steps, 100 query points: {loop} against batched",
        times=10,
    )
