"""ANIL adapts the output layer alone, and learns everything else through it."""

import torch
from torch import Tensor

from baselines.anil import ANIL
from benchmarks.core import Budget, BudgetedSource, TaskBatch, generator_of, task_loss
from benchmarks.testing.toy import ToyClasses

TASKS = ToyClasses(3, (1, 8, 8))


def _fitted() -> ANIL:
    learner = ANIL(network="cnn4", filters=4, batch_norm="support", inner_lr=0.3, train_steps=2)
    learner.fit(BudgetedSource(TASKS, Budget(tasks=50), generator_of("t")), generator_of("l"))
    return learner


def _by_hand(learner: ANIL, batch: TaskBatch, steps: int) -> Tensor:
    """Logits of query points after steps of the output layer, one task after the other."""
    loss, (body, head) = task_loss("classification"), (learner.network_[:-1], learner.network_[-1])
    known = batch.support.points
    together = torch.cat([batch.support.x, batch.query.x], 1)
    logits = []
    for i in range(len(batch)):
        z = body(together[i : i + 1], known)
        weights = [head.weight, head.bias]
        for _ in range(steps):
            seen = loss(z[:, :known] @ weights[0] + weights[1], batch.support.y[i : i + 1])
            gradients = torch.autograd.grad(seen.sum(), weights, create_graph=True)
            weights = [w - learner.inner_lr * g for w, g in zip(weights, gradients, strict=True)]
        logits.append(z[:, known:] @ weights[0] + weights[1])
    return torch.cat(logits)


def test_only_the_output_layer_adapts() -> None:
    learner = _fitted()
    batch = TASKS.sample(4, "test", generator_of("test"), shots=2, queries=6)
    for steps, predict in zip([0, 3], learner.adapt(batch.support, [0, 3]), strict=True):
        expected = _by_hand(learner, batch, steps).detach()
        torch.testing.assert_close(predict(batch.query.x), expected, rtol=1e-4, atol=1e-5)


def test_the_meta_gradient_is_that_of_a_loop_over_tasks() -> None:
    learner = _fitted()
    learner.network_.double()
    batch = TASKS.sample(4, "train", generator_of("more"), shots=2, queries=6)
    for points in (batch.support, batch.query):
        object.__setattr__(points, "x", points.x.double())
        object.__setattr__(points, "y", points.y.double())
    weights = list(learner.network_.parameters())
    ours = torch.autograd.grad(learner._query_loss(batch), weights)
    loss = task_loss("classification")(_by_hand(learner, batch, 2), batch.query.y).mean()
    for got, expected in zip(ours, torch.autograd.grad(loss, weights), strict=True):
        assert expected.norm() > 0
        assert (got - expected).norm() <= 1e-6 * expected.norm()
