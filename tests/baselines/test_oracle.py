"""The oracle is exact where the form is right and there is no noise, and says that it cheats."""

import math

import pytest
import torch

from baselines.oracle import Oracle
from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_mse
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing import check_learner


def errors(learner, family, shots, tasks=2000):
    batch = family.sample(tasks, "test", generator_of("test"), shots=shots, queries=50)
    (predict,) = learner.adapt(batch.support, [0])
    return task_mse(predict(batch.query.x), batch.query.y)


def task(x, y):
    return Support(torch.tensor(x).view(1, -1, 1), torch.tensor(y).view(1, -1, 1))


@pytest.mark.parametrize("shots", [3, 5, 10])
def test_three_points_give_the_whole_sinusoid(shots):
    assert errors(Oracle(), Sinusoid(), shots).max() < 1e-6


def test_one_point_does_not():
    assert errors(Oracle(), Sinusoid(), 1).mean() > 1


def test_another_frequency_is_another_form():
    family = Sinusoid()
    assert errors(Oracle(frequency=1.5), family, 10).mean() > 1


def test_noise_is_averaged_out():
    """With k points on 2 unknowns the error is about 2/k of the variance of the noise."""
    error = errors(Oracle(), Sinusoid(noise=0.5), 40).mean()
    assert 0.7 < error / (0.25 * 2 / 40) < 1.5


def test_points_a_period_apart_say_the_same():
    """The smallest coefficients are taken: the cosine is left at what no point can tell."""
    (predict,) = Oracle().adapt(task([math.pi / 2, math.pi / 2 - 2 * math.pi], [2.0, 2.0]), [0])
    x = torch.tensor([0.0, math.pi / 2, math.pi]).view(1, 3, 1)
    torch.testing.assert_close(predict(x).flatten(), torch.tensor([0.0, 2.0, 0.0]))


@pytest.mark.parametrize(
    ("form", "y", "further"),
    [("line", [1.0, 3.0, 5.0, 7.0], 21.0), ("quadratic", [1.0, 2.0, 5.0, 10.0], 101.0)],
)
def test_lines_and_quadratics_go_on_as_they_are(form, y, further):
    (predict,) = Oracle(form=form).adapt(task([0.0, 1.0, 2.0, 3.0], y), [0])
    torch.testing.assert_close(predict(torch.full((1, 1, 1), 10.0)).item(), further)


@pytest.mark.parametrize("form", ["line", "quadratic"])
def test_other_forms_keep_the_laws(form):
    assert [c for c in check_learner(lambda: Oracle(form=form)) if not c.passed] == []


def test_no_training_task_is_drawn():
    source = BudgetedSource(Sinusoid(), Budget(tasks=100), generator_of("train"))
    Oracle().fit(source, generator_of("fit"))
    assert source.tasks == 0


def test_it_is_marked_though_it_needs_nothing(tmp_path):
    (tmp_path / "m.toml").write_text(
        'name = "m"\nseeds = 1\n[budget]\ntasks = 1\n'
        '[[protocol]]\nkind = "few_shot"\nshots = [5]\nsteps = [0]\n'
        '[[family]]\nname = "sinusoid"\n[[learner]]\nname = "oracle"\n[[learner]]\nname = "mean"\n'
    )
    assert not Oracle().needs
    trials = expand(load_matrix(str(tmp_path / "m.toml")), Registry())
    assert {t.learner.name: t.privileged for t in trials} == {"oracle": True, "mean": False}
