"""What the composer is shown of tasks of classes."""

import torch
from torch.nn import functional

from benchmarks.core import Problem
from reml.inner.task_view import Classes, summaries, view_of


def test_summaries_by_hand() -> None:
    values = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [1.0, 4.0], [1.0, 4.0]]])
    y = functional.one_hot(torch.tensor([[0, 0, 1, 1]]), 2).float()
    first, second = summaries(values, y)[0]
    apart = 4 / 2**0.5
    torch.testing.assert_close(first, torch.tensor([1.0, 0.0, 0.5**0.5, apart, apart]))
    torch.testing.assert_close(second, torch.tensor([1.0, 4.0, 0.0, apart, apart]))


def test_nearest_and_average_distance_are_of_the_other_classes() -> None:
    values = torch.tensor([[[0.0], [1.0], [5.0]]])
    seen = summaries(values, torch.eye(3).unsqueeze(0))[0]
    torch.testing.assert_close(seen[:, 2], torch.tensor([1.0, 1.0, 4.0]))
    torch.testing.assert_close(seen[:, 3], torch.tensor([3.0, 2.5, 4.5]))


def test_large_pictures_are_shown_small_and_small_ones_as_they_are() -> None:
    large = view_of(Problem(3 * 28 * 20, 5, metric="accuracy", image=(3, 28, 20)), 8)
    assert large.values == 3 * 7 * 7 + 3
    x, y = torch.rand(2, 5, 3 * 28 * 20), torch.eye(5).expand(2, 5, 5)
    shown = large.elements(x, y)
    corner = x.view(2, 5, 3, 28, 20)[:, :, 0, :4, :3].mean((2, 3))
    torch.testing.assert_close(shown[..., 0], corner)
    small = Classes(6, 8, (1, 2, 3))
    pictures = torch.rand(2, 5, 6)
    torch.testing.assert_close(small.elements(pictures, y)[..., :6], pictures)
