import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.line import Line


def sample(family, n=20_000, **sizes):
    return family.sample(n, "test", generator_of("line"), **sizes)


def test_a_line_by_hand():
    parameters = {"slope": torch.tensor([[2.0], [-1]]), "intercept": torch.tensor([[1.0], [0.5]])}
    x = torch.tensor([[[0.0], [3]], [[1], [-2]]])
    assert Line().curve(x, parameters)[..., 0].tolist() == [[1, 7], [-0.5, 2.5]]


def test_two_points_determine_the_task():
    batch = sample(Line(), n=50, shots=2, queries=5)
    x, y = batch.support.x.double(), batch.support.y.double()
    slope = (y[:, 1:] - y[:, :1]) / (x[:, 1:] - x[:, :1])
    predicted = y[:, :1] + slope * (batch.query.x - x[:, :1])
    torch.testing.assert_close(predicted.float(), batch.query.y, atol=2e-3, rtol=1e-3)


def test_predicting_zero_scores_what_the_docstring_says():
    y = sample(Line(), shots=1, queries=10).query.y
    assert abs((y**2).mean() - (25 / 9 + 4 / 3)) < 0.1


@pytest.mark.parametrize("what", ["slope", "intercept"])
def test_ranges_have_their_ends_in_order(what):
    with pytest.raises(ValueError, match=rf"expected {what}_low <= {what}_high, got 7.0 and "):
        Line(**{f"{what}_low": 7.0})
