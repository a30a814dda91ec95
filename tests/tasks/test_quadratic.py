import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.tasks.quadratic import Quadratic


def sample(family, n=20_000, **sizes):
    return family.sample(n, "test", generator_of("quadratic"), **sizes)


def test_a_parabola_by_hand():
    parameters = {
        "scale": torch.tensor([[2.0], [-1]]),
        "vertex": torch.tensor([[1.0], [0]]),
        "offset": torch.tensor([[-3.0], [4]]),
    }
    x = torch.tensor([[[1.0], [3]], [[2], [-2]]])
    assert Quadratic().curve(x, parameters)[..., 0].tolist() == [[-3, 5], [0, 0]]


def test_third_differences_vanish():
    x = torch.linspace(-5, 5, 11).view(1, 11, 1).expand(20, 11, 1)
    y = Quadratic().curve(x, Quadratic().draw(20, generator_of("q")))
    second = y.diff(n=2, dim=1)
    torch.testing.assert_close(second, second[:, :1].expand_as(second), atol=1e-4, rtol=0)
    assert second.abs().max() > 0.1


def test_predicting_zero_scores_what_the_docstring_says():
    y = sample(Quadratic(), shots=1, queries=10).query.y
    assert abs((y**2).mean() - (0.04 / 3 * (125 + 200 / 3 + 16 / 5) + 4 / 3)) < 0.1


@pytest.mark.parametrize("what", ["scale", "vertex", "offset"])
def test_ranges_have_their_ends_in_order(what):
    with pytest.raises(ValueError, match=rf"expected {what}_low <= {what}_high, got 7.0 and "):
        Quadratic(**{f"{what}_low": 7.0})
