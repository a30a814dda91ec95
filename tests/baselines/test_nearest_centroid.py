"""The nearest class mean of the pixels."""

import sklearn.neighbors
import torch

from baselines.nearest_centroid import NearestCentroid
from benchmarks.core import Support, generator_of, task_accuracy
from benchmarks.testing import ToyClasses


def test_it_scores_by_squared_distance():
    x = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [0.0, 3.0]]])
    y = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])  # class means (1, 0) and (0, 3)
    (predict,) = NearestCentroid().adapt(Support(x, y), [0])
    expected = torch.tensor([[[-4.0, -2.0], [0.0, -10.0]]])
    torch.testing.assert_close(predict(torch.tensor([[[1.0, 2.0], [1.0, 0.0]]])), expected)


def test_it_predicts_what_scikit_learn_predicts():
    batch = ToyClasses(ways=5, noise=1.0).sample(8, "test", generator_of("t"), shots=3, queries=100)
    (predict,) = NearestCentroid().adapt(batch.support, [0])
    ours = predict(batch.query.x).argmax(2)
    for row in range(8):
        theirs = sklearn.neighbors.NearestCentroid().fit(
            batch.support.x[row].numpy(), batch.support.y[row].argmax(1).numpy()
        )
        assert ours[row].tolist() == theirs.predict(batch.query.x[row].numpy()).tolist()
    assert 0.4 < task_accuracy(predict(batch.query.x), batch.query.y).mean() < 1
