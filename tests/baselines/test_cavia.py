"""CAVIA adapts context parameters, and those alone."""

import torch

from baselines.cavia import CAVIA
from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.testing import Toy


def fitted(tasks=1, **fields):
    learner = CAVIA(**{"hidden": (16,), "meta_batch": 10, **fields})
    source = BudgetedSource(Toy(), Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    return learner


def test_each_task_takes_its_own_steps_on_its_context():
    learner = fitted(inner_lr=0.3, context=3)
    batch = Toy().sample(4, "test", generator_of("t"), shots=5, queries=6)
    (predict,) = learner.adapt(batch.support, [2])
    for row in range(4):
        x, y, asked = batch.support.x[row], batch.support.y[row], batch.query.x[row]
        context = torch.zeros(3, requires_grad=True)
        for _ in range(2):
            said = learner.network_(torch.cat([x, context.expand(5, -1)], 1))
            (gradient,) = torch.autograd.grad(((said - y) ** 2).mean(), [context])
            context = (context - 0.3 * gradient).detach().requires_grad_()
        expected = learner.network_(torch.cat([asked, context.expand(6, -1)], 1)).detach()
        torch.testing.assert_close(predict(batch.query.x)[row], expected)
    assert learner.adapted_parameters == 3


def test_the_meta_gradient_goes_through_the_steps():
    learner = fitted(max_inner_norm=0.0)
    batch = Toy().sample(3, "train", generator_of("t"), shots=5, queries=6)
    weight = learner.network_[0].weight
    exact = torch.autograd.grad(learner._query_loss(batch), [weight])[0]
    learner.first_order = True
    rough = torch.autograd.grad(learner._query_loss(batch), [weight])[0]
    step = torch.zeros_like(weight)
    step[1, 3] = 1e-2
    with torch.no_grad():
        ends = []
        for sign in (1, -1):
            weight += sign * step
            with torch.enable_grad():
                ends.append(float(learner._query_loss(batch).detach()))
            weight -= sign * step
    slope = (ends[0] - ends[1]) / 2e-2
    assert abs(slope - float(exact[1, 3])) < 0.02 * max(1.0, abs(slope))
    assert not torch.allclose(exact, rough)


def test_it_learns_to_adapt():
    learner = fitted(1_200, train_shots=8, meta_lr=0.01)
    batch = Toy().sample(300, "validation", generator_of("v"), shots=8, queries=10)
    before, after = (
        float(task_mse(predict(batch.query.x), batch.query.y).mean())
        for predict in learner.adapt(batch.support, [0, 2])
    )
    assert after < 0.6 < before  # predicting 0 scores 2
