"""Fine-tuning of classifiers, whose class numbers mean nothing beyond their task."""

import torch

from baselines.fine_tuning import FineTuning, fitted_head
from benchmarks.core import Budget, BudgetedSource, generator_of, task_accuracy
from benchmarks.testing.toy import ToyClasses


def test_the_head_is_fitted_by_gradient_descent_from_zero() -> None:
    z = torch.randn(12, 3, generator=generator_of("z"))
    y = torch.eye(4).repeat(3, 1)
    layer = torch.nn.Linear(3, 4)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    descent = torch.optim.SGD(layer.parameters(), 0.7)
    for _ in range(3):
        descent.zero_grad()
        torch.nn.functional.cross_entropy(layer(z), y).backward()
        descent.step()
    head = fitted_head(z, y, 3, 0.7)
    torch.testing.assert_close(head[:3], layer.weight.detach().T)
    torch.testing.assert_close(head[3], layer.bias.detach())


def test_pretraining_makes_tuning_work() -> None:
    family = ToyClasses(5, (1, 8, 8), noise=0.1)
    batch = family.sample(50, "test", generator_of("test"), shots=5, queries=25)
    scores = []
    for tasks in (0, 700):
        learner = FineTuning(
            network="cnn4", filters=8, batch_norm="transductive", inner_lr=0.4, pretrain_lr=0.03
        )
        source = BudgetedSource(family, Budget(tasks=tasks), generator_of("t"))
        learner.fit(source, generator_of("l"))
        before, after = learner.adapt(batch.support, [0, 5])
        chance = task_accuracy(before(batch.query.x), batch.query.y)
        torch.testing.assert_close(chance, torch.full_like(chance, 1 / 5))
        scores.append(float(task_accuracy(after(batch.query.x), batch.query.y).mean()))
    assert scores[1] > scores[0] + 0.1
