"""Logistic regression finds, for all tasks at once, what scikit-learn finds for each."""

import numpy as np
import pytest
import sklearn.linear_model
import torch

from baselines.logistic_regression import LogisticRegression
from benchmarks.core import Support, generator_of
from benchmarks.testing import ToyClasses


def logits(support, x, c):
    (predict,) = LogisticRegression(C=c).adapt(support, [0])
    return predict(x)


@pytest.mark.parametrize("c", [0.01, 1.0, 100.0])
@pytest.mark.parametrize(("family", "shots"), [({"ways": 4}, 1), ({"image": None}, 6)])
def test_it_finds_the_optimum(family, shots, c):
    """With fewer points than features, which one may separate, and with more."""
    batch = ToyClasses(**family).sample(3, "test", generator_of("t"), shots=shots, queries=12)
    ours = logits(batch.support, batch.query.x, c).double()
    for row in range(3):
        theirs = sklearn.linear_model.LogisticRegression(C=c, tol=1e-9, max_iter=10_000).fit(
            batch.support.x[row].double().numpy(), batch.support.y[row].argmax(1).numpy()
        )
        expected = theirs.decision_function(batch.query.x[row].double().numpy())
        assert np.abs(centred(ours[row].numpy()) - centred(expected)).max() < 1e-4


def centred(scores):
    return scores - scores.mean(1, keepdims=True)


def test_it_fits_what_no_line_separates():
    x = torch.zeros(1, 4, 3)
    y = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
    scores = logits(Support(x, y), torch.ones(1, 1, 3), 1.0)
    torch.testing.assert_close(scores.softmax(2), torch.tensor([[[0.75, 0.25]]]))


def test_how_far_one_task_is_does_not_hold_up_another():
    easy = ToyClasses(noise=0.01).sample(2, "test", generator_of("e"), shots=1, queries=3)
    hard = ToyClasses(noise=9.0).sample(2, "test", generator_of("h"), shots=1, queries=3)
    both = Support(
        torch.cat([easy.support.x, hard.support.x]), torch.cat([easy.support.y, hard.support.y])
    )
    together = logits(both, torch.cat([easy.query.x, hard.query.x]), 1.0)
    alone = logits(easy.support, easy.query.x, 1.0)
    torch.testing.assert_close(together[:2], alone, atol=1e-6, rtol=1e-6)
