"""What boosting on pooled rows predicts is what scikit-learn's predicts when called by hand."""

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from baselines.pooled import Fitter, Pooled, compared, described
from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_accuracy, task_mse
from benchmarks.testing import Toy, ToyClasses

SETTINGS = {"max_iter": 20, "learning_rate": 0.2, "max_leaf_nodes": 9, "min_samples_leaf": 5}


def trained(family, tasks=60, shots=(3, 5), **fields):
    learner = Pooled(**{**SETTINGS, **fields})
    source = BudgetedSource(family, Budget(tasks=tasks), generator_of("train"), shots=shots)
    learner.fit(source, generator_of("fit"))
    return learner


def made(kind=HistGradientBoostingRegressor):
    return kind(early_stopping=False, random_state=0, **SETTINGS)


def asked(family, shots=4):
    return family.sample(3, "test", generator_of("t"), shots=shots, queries=6)


def test_with_inputs_of_support_rows_it_is_scikit_learns_on_all_rows():
    family = Toy(features=2, outputs=2)
    learner, batch = trained(family), asked(family)
    x, y = learner._fitter().rows(learner.memory_.tasks)
    assert x.shape[1] == 2 + 2 * 2 + 2 + 1 + 2 + 1
    assert len(x) <= learner.most_rows
    (predict,) = learner.adapt(batch.support, [0])
    found = predict(batch.query.x)
    models = [made().fit(x, y[:, output]) for output in range(2)]
    for i in range(3):
        own, targets = (it[i].double().numpy() for it in (batch.support.x, batch.support.y))
        rows = described(own, targets, batch.query.x[i].double().numpy())
        for output in range(2):
            expected = models[output].predict(rows) + targets[:, output].mean()
            np.testing.assert_allclose(found[i, :, output], expected, rtol=1e-4, atol=1e-5)


def test_the_inputs_of_support_rows_are_what_the_docstring_says():
    x, y = np.array([[0.0], [2.0], [2.0]]), np.array([[1.0], [3.0], [5.0]])
    row = described(x, y, np.array([[3.0]]))[0]
    mean, std = 3.0, np.std([1, 3, 5])
    np.testing.assert_allclose(row, [3.0, mean, std, 4 / 3, 3, (3 + 5) / 2, 1.0])


def test_with_support_rows_among_the_rows_it_is_scikit_learns_for_each_group():
    family = Toy()
    learner, batch = trained(family, own_rows="rows", weight=3.0), asked(family)
    tasks = learner.memory_.tasks
    (predict,) = learner.adapt(batch.support, [0])
    found = predict(batch.query.x)
    for i in range(3):
        x = np.concatenate([tasks.x, batch.support.x[i]])
        y = np.concatenate([tasks.y, batch.support.y[i]])[:, 0]
        weight = np.where(np.arange(len(x)) < len(tasks.x), 1.0, 3.0)
        model = made().fit(x, y, weight)
        # bins and sums of gradients are the same whatever the order of the support rows
        np.testing.assert_allclose(
            found[i, :, 0], model.predict(batch.query.x[i]), rtol=1e-4, atol=1e-5
        )


def test_of_classes_it_is_scikit_learns_on_rows_with_each_class():
    family = ToyClasses(image=None)
    learner, batch = trained(family, shots=(2, 2)), asked(family, 2)
    x, y = learner._fitter().rows(learner.memory_.tasks)
    model = made(HistGradientBoostingClassifier).fit(x, y[:, 0])
    (predict,) = learner.adapt(batch.support, [0])
    found = predict(batch.query.x)
    own, labels, rows = (
        it[0].double().numpy() for it in (batch.support.x, batch.support.y, batch.query.x)
    )
    expected = model.decision_function(compared(own, labels, rows)).reshape(6, 3)
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-5)


def test_it_knows_groups_by_their_rows():
    """Beside the mean of support rows it has learned that lines go on, and classes apart."""
    family = Toy()
    batch = family.sample(200, "test", generator_of("t"), shots=5, queries=10)
    (predict,) = trained(family, 500, (5, 5), max_iter=60).adapt(batch.support, [0])
    mean = batch.support.y.mean(1, keepdim=True).expand_as(batch.query.y)
    ours, theirs = (task_mse(it, batch.query.y).mean() for it in (predict(batch.query.x), mean))
    assert ours < theirs / 2
    family = ToyClasses(image=None)
    batch = family.sample(200, "test", generator_of("t"), shots=5, queries=15)
    (predict,) = trained(family, 200, (5, 5)).adapt(batch.support, [0])
    assert task_accuracy(predict(batch.query.x), batch.query.y).mean() > 0.6


def test_support_rows_of_training_are_as_many_as_in_the_test_and_never_all():
    learner = trained(Toy(), shots=(7, 7))
    splits = list(Fitter(learner._boosting(), (7, 7), 100, False)._splits(learner.memory_.tasks))
    assert {len(own) for (own, _), _ in splits} == {7}
    few = list(Fitter(learner._boosting(), (500, 500), 100, False)._splits(learner.memory_.tasks))
    assert all(len(rest) == 1 for _, (rest, _) in few)


@pytest.mark.parametrize("own_rows", ["inputs", "rows"])
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_odd_tasks_get_finite_numbers(own_rows, scale):
    class Odd(Toy):
        def sample(self, n_tasks, split, generator, **sizes):
            batch = super().sample(n_tasks, split, generator, **sizes)
            for points in (batch.support, batch.query):
                points.x[..., 0] = 1.0
                points.y.mul_(scale)
                points.y[::2] = scale
            return batch

    learner = trained(Odd(features=5), 12, own_rows=own_rows)
    support = Support(torch.ones(2, 1, 5), torch.full((2, 1, 1), scale))
    (predict,) = learner.adapt(support, [0])
    found = predict(torch.zeros(2, 3, 5))
    assert found.isfinite().all()
    assert (found.abs() < 50 * scale).all()
