"""SimpleShot and Baseline++ learn from all classes of the training split at once."""

import pytest
import torch
from torch.nn import functional

from baselines import _pretraining
from baselines.baseline_plus_plus import BaselinePlusPlus
from baselines.nearest_centroid import NearestCentroid
from baselines.simpleshot import SimpleShot
from benchmarks.core import Budget, BudgetedSource, generator_of, task_accuracy, task_cross_entropy
from benchmarks.core.errors import MatrixError
from benchmarks.testing import ToyClasses, check_learner

LEARNERS = (SimpleShot, BaselinePlusPlus)
FAMILY = ToyClasses(image=(1, 8, 8), noise=0.6, ways=5, reveals=("class",))


def fitted(cls, family=FAMILY, tasks=1, **fields):
    learner = cls(**{"network": "mlp", "hidden": (32, 16), "lr": 0.01, **fields})
    source = BudgetedSource(
        family, Budget(tasks=tasks), generator_of("train"), needs=learner.needs, shots=(1, 1)
    )
    learner.fit(source, generator_of("fit"))
    return learner


def test_tasks():
    return FAMILY.sample(200, "test", generator_of("test"), shots=1, queries=25)


test_tasks.__test__ = False


@pytest.mark.parametrize("cls", LEARNERS)
def test_classes_that_training_had_are_known_again(cls):
    """The family has the same twenty classes in all splits."""
    learner, batch = fitted(cls, tasks=900), test_tasks()
    accuracy = {
        it.name: float(
            task_accuracy(next(it.adapt(batch.support, [0]))(batch.query.x), batch.query.y).mean()
        )
        for it in (learner, NearestCentroid())
    }
    assert accuracy[learner.name] > accuracy["nearest_centroid"] + 0.1


@pytest.mark.parametrize("cls", LEARNERS)
def test_room_is_made_for_as_many_classes_as_there_are(cls, monkeypatch):
    monkeypatch.setattr(_pretraining, "BLOCK", 3)
    learner = fitted(cls, tasks=20)
    assert len(learner.classes_) == 7  # of three each, for twenty classes
    again = cls(**{"network": "mlp", "hidden": (32, 16)})
    again.load_state(learner.state())
    support = test_tasks().support
    (one,), (two,) = learner.adapt(support, [0]), again.adapt(support, [0])
    assert torch.equal(one(support.x), two(support.x))


def test_points_are_centred_and_scaled_to_length_one():
    learner, batch = fitted(SimpleShot, tasks=20), test_tasks()
    (predict,) = learner.adapt(batch.support, [0])
    with torch.no_grad():
        shown, asked = (
            functional.normalize(learner.network_(it.x) - learner.mean_, dim=2)
            for it in (batch.support, batch.query)
        )
    nearest = torch.cdist(asked, batch.support.y.mT @ shown).argmin(2)
    assert (predict(batch.query.x).argmax(2) == nearest).double().mean() > 0.999


def test_the_vectors_of_classes_are_fitted_to_the_support_points():
    batch = FAMILY.sample(50, "test", generator_of("test"), shots=5, queries=5)
    learner, losses = fitted(BaselinePlusPlus, tasks=20), []
    for learner.head_steps in (1, 100):
        (predict,) = learner.adapt(batch.support, [0])
        losses.append(task_cross_entropy(predict(batch.support.x), batch.support.y))
    assert (losses[1] < losses[0]).all()


@pytest.mark.parametrize("cls", LEARNERS)
def test_convolutions_want_pictures(cls):
    with pytest.raises(MatrixError, match='network "cnn4" needs pictures'):
        fitted(cls, ToyClasses(image=None, reveals=("class",)), network="cnn4")


def test_perceptrons_keep_the_laws():
    fields = {**SimpleShot.test_fields, "network": "mlp", "hidden": (8,)}
    assert [c for c in check_learner(lambda: SimpleShot(**fields)) if not c.passed] == []
