"""What the mixed model predicts is what statsmodels says when called by hand."""

import warnings

import numpy as np
import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_mse
from benchmarks.testing import Toy

pytest.importorskip("statsmodels")
from statsmodels.regression.mixed_linear_model import MixedLM

from baselines.mixed import Mixed


class Noisy(Toy):
    """Lines around y = 2 + x, which stray less from that than a normal one, with noise."""

    def sample(self, n_tasks, split, generator, **sizes):
        batch = super().sample(n_tasks, split, generator, **sizes)
        for points in (batch.support, batch.query):
            noise = torch.randn(points.y.shape, generator=generator)
            points.y.mul_(0.5).add_(2 + points.x.sum(2, keepdim=True) + 0.4 * noise)
        return batch


def trained(family, tasks=40, **fields):
    learner = Mixed(**{"train_queries": 9, **fields})
    source = BudgetedSource(family, Budget(tasks=tasks), generator_of("train"))
    learner.fit(source, generator_of("fit"))
    return learner


@pytest.mark.parametrize(
    ("features", "slopes", "method"),
    [(1, True, "lbfgs"), (2, True, "lbfgs"), (1, False, "powell")],  # where the first one fails
)
def test_it_is_statsmodels_called_by_hand(features, slopes, method):
    learner = trained(Noisy(features=features), slopes=slopes)
    tasks = learner.memory_.tasks
    design = np.column_stack([np.ones(len(tasks.x)), tasks.x.astype(float)])
    y = tasks.y[:, 0].astype(float)
    varying = design if slopes else design[:, :1]
    by_hand = MixedLM(y, design, tasks.task, exog_re=varying).fit(method=method)
    (line,) = learner._model()
    np.testing.assert_allclose(line.mean, by_hand.fe_params, rtol=1e-6)
    width = varying.shape[1]
    np.testing.assert_allclose(line.covariance[:width, :width], by_hand.cov_re, rtol=1e-6)
    assert line.noise == pytest.approx(by_hand.scale)
    # the prediction for a group that statsmodels has seen is its own, of all the group's rows
    for number in (0, 7):
        rows = tasks.task == number
        x, targets = (torch.from_numpy(it[rows])[None] for it in (tasks.x, tasks.y))
        (predict,) = learner.adapt(Support(x, targets), [0])
        expected = by_hand.fittedvalues[rows]
        np.testing.assert_allclose(predict(x)[0, :, 0], expected, rtol=1e-4, atol=1e-5)
        effects = np.asarray(by_hand.random_effects[number])
        asked = np.array([[1.0, *[3.0] * features]])
        theirs = asked @ by_hand.fe_params + asked[:, :width] @ effects
        far = torch.full((1, 1, features), 3.0)
        np.testing.assert_allclose(predict(far)[0, 0], theirs, rtol=1e-4)


def test_it_is_as_sure_as_it_may_be():
    learner = trained(Noisy(), 150)
    batch = Noisy().sample(300, "test", generator_of("t"), shots=3, queries=10)
    (predict,) = learner.adapt(batch.support, [0])
    z = (predict(batch.query.x) - batch.query.y) / predict.std(batch.query.x)
    assert 0.85 < (z.abs() < 1.645).float().mean() < 0.95
    assert learner.explain(batch.support)[0] == "a line for each task"


def test_where_slopes_do_not_differ_nothing_is_warned_of():
    class Parallel(Noisy):
        def sample(self, n_tasks, split, generator, **sizes):
            batch = super().sample(n_tasks, split, generator, **sizes)
            shift = torch.randn(n_tasks, 1, 1, generator=generator)
            for points in (batch.support, batch.query):
                noise = torch.randn(points.y.shape, generator=generator)
                points.y[:] = points.x + shift + 0.1 * noise
            return batch

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner = trained(Parallel(), 30)
    batch = Parallel().sample(20, "test", generator_of("t"), shots=1, queries=5)
    (predict,) = learner.adapt(batch.support, [0])
    assert task_mse(predict(batch.query.x), batch.query.y).mean() < 3 * 0.1**2


@pytest.mark.parametrize("scale", [1e-6, 1e6])
@pytest.mark.filterwarnings("error")
def test_odd_tasks_get_finite_numbers_of_their_size(scale):
    """Two tasks, constant targets, an input that never varies, one that repeats another."""

    class Odd(Noisy):
        def sample(self, n_tasks, split, generator, **sizes):
            batch = super().sample(n_tasks, split, generator, **sizes)
            for points in (batch.support, batch.query):
                points.x[..., 1] = 4.0
                points.x[..., 2] = 2 * points.x[..., 0] + 1  # y may well depend on what it was
                points.y.mul_(scale)
                if sizes["shots"] == 1 and self.ragged:
                    points.y[:] = scale
            return batch

    for ragged, tasks in ((False, 12), (True, 12), (False, 2), (False, 1)):
        learner = trained(Odd(features=3, ragged=ragged), tasks)
        support = Support(torch.full((2, 1, 3), 1.0), torch.full((2, 1, 1), scale))
        (predict,) = learner.adapt(support, [0])
        x = torch.tensor([[[0.5, 4.0, 2.0], [-0.5, 4.0, 0.0]]]).expand(2, -1, -1)
        assert predict(x).isfinite().all()
        assert (predict(x).abs() < 30 * scale).all()
        assert (predict.std(x) > 0).all()
