"""The floors and fine-tuning: small learners with known answers."""

import copy

import torch

from baselines.fine_tuning import FineTuning
from baselines.mean import Mean
from baselines.scratch import Scratch
from benchmarks.core import Budget, BudgetedSource, generator_of, task_accuracy, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import ToyClasses, check_learner


def _source(tasks: int) -> BudgetedSource:
    return BudgetedSource(Sinusoid(), Budget(tasks=tasks), generator_of("train"))


def test_mean_predicts_the_support_mean() -> None:
    batch = Sinusoid().sample(3, "test", generator_of("t"), shots=4, queries=7)
    (predict,) = Mean().adapt(batch.support, [0])
    expected = batch.support.y.mean(1, keepdim=True).expand(3, 7, 1)
    torch.testing.assert_close(predict(batch.query.x), expected)


def test_mean_guesses_classes() -> None:
    batch = ToyClasses().sample(5, "test", generator_of("t"), shots=2, queries=6)
    (predict,) = Mean().adapt(batch.support, [0])
    accuracy = task_accuracy(predict(batch.query.x), batch.query.y)
    torch.testing.assert_close(accuracy, torch.full((5,), 1 / 3))


def test_scratch_draws_no_task_and_learns_by_steps_alone() -> None:
    learner, source = Scratch(), _source(1000)
    learner.fit(source, generator_of("learner"))
    assert source.tasks == 0
    batch = Sinusoid().sample(50, "test", generator_of("t"), shots=10, queries=10)
    losses = [
        task_mse(predict(batch.support.x), batch.support.y).mean()
        for predict in learner.adapt(batch.support, [0, 10, 100])
    ]
    assert losses[0] > losses[1] > losses[2]


def test_scratch_with_adam_keeps_the_laws() -> None:
    fields = {**Scratch.test_fields, "optimiser": "adam", "init": "glorot"}
    assert [c for c in check_learner(lambda: Scratch(**fields)) if not c.passed] == []


def test_scratch_with_adam_takes_adams_steps() -> None:
    learner = Scratch(hidden=(6,), inner_lr=0.05, optimiser="adam")
    learner.fit(_source(0), generator_of("learner"))
    support = Sinusoid().sample(3, "test", generator_of("t"), shots=4, queries=1).support
    (predict,) = learner.adapt(support, [3])
    for row in range(3):
        network = copy.deepcopy(learner.network_)
        optimiser = torch.optim.Adam(network.parameters(), 0.05)
        for _ in range(3):
            optimiser.zero_grad()
            ((network(support.x[row]) - support.y[row]) ** 2).mean().backward()
            optimiser.step()
        torch.testing.assert_close(predict(support.x)[row], network(support.x[row]).detach())


def test_scratch_starts_as_glorot_and_bengio_say() -> None:
    learner = Scratch(hidden=(300, 200), init="glorot")
    learner.fit(_source(0), generator_of("learner"))
    middle = learner.network_[2]
    assert abs(middle.weight.abs().max() - (6 / 500) ** 0.5) < 1e-4
    assert abs(middle.weight.std() - (2 / 500) ** 0.5) < 1e-3
    assert not middle.bias.any()


def test_pretraining_finds_the_best_task_blind_curve() -> None:
    """Without adaptation it can at best predict the mean sinusoid, whose error is 3.0."""
    learner = FineTuning(hidden=(40, 40), batch_tasks=25, pretrain_lr=0.01)
    learner.fit(_source(5_000), generator_of("learner"))
    batch = Sinusoid().sample(2000, "validation", generator_of("v"), shots=10, queries=50)
    (predict,) = learner.adapt(batch.support, [0])
    error = task_mse(predict(batch.query.x), batch.query.y).mean()
    assert 2.7 < error < 3.5
