"""Whether NewLearner keeps the laws of a learner, and learns."""

import torch

from benchmarks.core import Budget, BudgetedSource, generator_of, task_mse
from benchmarks.start.samples.learner import NewLearner
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_learner


def test_it_keeps_the_laws() -> None:
    checks = check_learner(lambda: NewLearner(**NewLearner.test_fields))
    assert [f"{it.name}: {it.message}" for it in checks if not it.passed] == []


def test_it_beats_predicting_nothing() -> None:
    learner = NewLearner()
    source = BudgetedSource(Sinusoid(), Budget(tasks=500), generator_of("tasks"))
    learner.fit(source, generator_of("fit"))
    test = Sinusoid().sample(200, "test", generator_of("test"), shots=10, queries=20)
    (predict,) = learner.adapt(test.support, [1])
    error = task_mse(predict(test.query.x), test.query.y)
    assert torch.isfinite(error).all()
    assert error.mean() < test.query.y.square().mean()
