"""The head of `ridge` is what solving in the space of weights gives."""

import pytest
import torch

from baselines.ridge import Ridge
from benchmarks.core import Budget, BudgetedSource, generator_of, task_accuracy, task_mse
from benchmarks.core.errors import MatrixError
from benchmarks.testing import Toy, ToyClasses, check_learner


def fitted(family, tasks=1, **fields):
    learner = Ridge(**{"hidden": (8, 8), **fields})
    source = BudgetedSource(family, Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    return learner


def test_it_is_bayesian_linear_regression_on_its_features():
    learner = fitted(Toy(outputs=2))
    batch = Toy(outputs=2).sample(3, "test", generator_of("t"), shots=4, queries=5)
    (predict,) = learner.adapt(batch.support, [0])
    prior = learner.prior_
    with torch.no_grad():
        z, asked = prior(batch.support.x).features.double(), prior(batch.query.x).features.double()
        start = torch.cat([prior.head.weight, prior.head.bias]).double()
        precision = torch.diag((-prior.log_variance.double()).exp())
        covariance = torch.linalg.inv(precision + z.mT @ z / prior.noise)
        mean = covariance @ (precision @ start + z.mT @ batch.support.y.double() / prior.noise)
        variance = (asked @ covariance * asked).sum(2) + prior.noise
    torch.testing.assert_close(predict(batch.query.x), (asked @ mean).float())
    expected = variance.sqrt().float().unsqueeze(2).expand(-1, -1, 2)
    torch.testing.assert_close(predict.std(batch.query.x), expected)


def test_the_joint_loss_is_the_sum_of_predictive_ones():
    """Log p(a, b) = log p(a) + log p(b | a)."""
    learner = fitted(Toy(), loss="predictive")
    batch = Toy().sample(6, "test", generator_of("t"), shots=1, queries=1)
    with torch.no_grad():
        later = learner._descended(batch)
        learner.loss = "joint"
        both = learner._descended(batch)
        support = batch.support
        shown = torch.ones(6, 1, dtype=torch.bool)
        first = learner.prior_.surprise(support.x, support.y, shown).mean()
    torch.testing.assert_close(2 * both, first + later)


@pytest.mark.parametrize("loss", ["joint", "predictive"])
def test_it_learns_what_lines_are(loss):
    learner = fitted(Toy(), 2_000, loss=loss, lr=0.02)
    batch = Toy().sample(300, "validation", generator_of("v"), shots=3, queries=10)
    (predict,) = learner.adapt(batch.support, [0])
    assert task_mse(predict(batch.query.x), batch.query.y).mean() < 0.1  # 0 scores 2


def test_classes_are_solved_as_in_the_space_of_weights():
    family = ToyClasses(image=None)
    learner = fitted(family)
    batch = family.sample(3, "test", generator_of("t"), shots=2, queries=6)
    (predict,) = learner.adapt(batch.support, [0])
    solver = learner.prior_
    with torch.no_grad():
        z, asked = (solver.embed(it.x).double() for it in (batch.support, batch.query))
        penalty = solver.log_penalty.exp() * torch.eye(8, dtype=torch.float64)
        weight = torch.linalg.solve(z.mT @ z + penalty, z.mT @ batch.support.y.double())
        expected = solver.log_scale.exp() * (asked @ weight)
    torch.testing.assert_close(predict(batch.query.x), expected.float(), atol=1e-5, rtol=1e-4)


def test_it_learns_to_tell_classes_apart():
    family = ToyClasses(image=None, noise=0.1)
    learner = fitted(family, 1_000, hidden=(32, 16), lr=0.01)
    batch = family.sample(200, "validation", generator_of("v"), shots=2, queries=15)
    (predict,) = learner.adapt(batch.support, [0])
    assert task_accuracy(predict(batch.query.x), batch.query.y).mean() > 0.8


def test_convolutions_want_pictures():
    with pytest.raises(MatrixError, match='ridge: network "cnn4" needs pictures'):
        fitted(ToyClasses(image=None), network="cnn4")


def test_convolutions_keep_the_laws():
    fields = {**Ridge.test_fields, "network": "cnn4", "filters": 4}
    assert [c for c in check_learner(lambda: Ridge(**fields)) if not c.passed] == []
