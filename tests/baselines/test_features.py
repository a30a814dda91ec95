"""The features are scikit-image's, and the classifiers those of raw inputs on these."""

import numpy as np
import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, Support, generator_of, task_accuracy
from benchmarks.core.errors import MatrixError
from benchmarks.tasks.digits import Digits
from benchmarks.testing import ToyClasses

pytest.importorskip("skimage")
from skimage.feature import hog
from sklearn.linear_model import LogisticRegression

from baselines.features import Features, oriented
from baselines.nearest_centroid import NearestCentroid


def shown(family, **fields):
    learner = Features(**fields)
    learner.fit(BudgetedSource(family, Budget(tasks=1), generator_of("t")), generator_of("f"))
    return learner


def test_features_are_scikit_images():
    picture = np.random.default_rng(0).random((28, 28), np.float32)
    expected = hog(picture, orientations=9, pixels_per_cell=(4, 4), cells_per_block=(2, 2))
    found = oriented(picture.tobytes(), (1, 28, 28), 7, 9)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("image", [(1, 1, 1), (1, 2, 30), (3, 5, 4), (3, 40, 40)])
def test_pictures_of_any_size_have_features(image):
    family = ToyClasses(image=image)
    learner = shown(family)
    batch = family.sample(2, "test", generator_of("t"), shots=1, queries=3)
    for support in (batch.support, Support(torch.zeros_like(batch.support.x), batch.support.y)):
        (predict,) = learner.adapt(support, [0])
        assert predict(batch.query.x).isfinite().all()


def test_logistic_regression_is_scikit_learns():
    family = Digits(ways=3)
    batch = family.sample(1, "test", generator_of("t"), shots=4, queries=9)
    learner = shown(family)
    (predict,) = learner.adapt(batch.support, [0])
    rows, asked = (
        [oriented(it.numpy().tobytes(), (1, 8, 8), 7, 9) for it in points.x[0]]
        for points in (batch.support, batch.query)
    )
    theirs = LogisticRegression(C=1.0, max_iter=1000, tol=1e-8)
    theirs.fit(np.array(rows), batch.support.y[0].argmax(1))
    np.testing.assert_allclose(
        predict(batch.query.x)[0].softmax(1), theirs.predict_proba(np.array(asked)), atol=1e-3
    )


def test_they_tell_more_than_raw_pixels():
    family = Digits()
    batch = family.sample(60, "validation", generator_of("v"), shots=5, queries=10)
    scores = []
    for learner in (shown(family), shown(family, classifier="nearest_centroid"), NearestCentroid()):
        (predict,) = learner.adapt(batch.support, [0])
        scores.append(float(task_accuracy(predict(batch.query.x), batch.query.y).mean()))
    logistic, centroids, raw = scores
    assert logistic > raw
    assert centroids > raw


def test_other_inputs_are_refused():
    with pytest.raises(MatrixError, match="features: needs pictures"):
        shown(ToyClasses(image=None))
