import inspect

import pytest
import torch
from torch.nn import functional

from benchmarks.core import (
    task_accuracy,
    task_cross_entropy,
    task_mse,
    task_nmse,
    task_variance,
)


def column(*tasks):
    return torch.tensor(tasks).unsqueeze(2)


def test_mse_is_the_mean_over_points_of_each_task():
    y = column([0.0, 0.0], [1.0, 1.0])
    prediction = column([1.0, 3.0], [1.0, 3.0])
    assert task_mse(prediction, y).tolist() == [5.0, 2.0]


def test_mse_averages_outputs_too():
    y = torch.zeros(1, 2, 2)
    prediction = torch.tensor([[[1.0, 3.0], [0.0, 2.0]]])
    assert task_mse(prediction, y).tolist() == [3.5]


def test_masked_points_do_not_count():
    y = column([1.0, 2.0, 1e6])
    mask = torch.tensor([[True, True, False]])
    assert task_mse(torch.zeros(1, 3, 1), y, mask).tolist() == [2.5]
    assert task_variance(y, mask).tolist() == [0.25]


def test_a_full_mask_changes_nothing():
    y, prediction = torch.randn(2, 4, 3, 1, generator=torch.Generator().manual_seed(0)).unbind()
    mask = torch.ones(4, 3, dtype=torch.bool)
    torch.testing.assert_close(task_mse(prediction, y, mask), task_mse(prediction, y))
    torch.testing.assert_close(task_variance(y, mask), task_variance(y))


def test_shapes_that_would_broadcast_are_refused():
    in_production = inspect.unwrap(task_mse)  # without the shape checks that tests turn on
    with pytest.raises(ValueError, match=r"expected predictions of shape \(4, 3, 1\)"):
        in_production(torch.zeros(4, 1, 1), torch.zeros(4, 3, 1))


def test_the_sum_over_tasks_gives_each_task_its_own_gradient():
    """The trap: with a mean, every step would be divided by the number of tasks."""
    y = column([2.0, 4.0], [1.0, 1.0], [0.0, 6.0])
    together = torch.zeros(3, 1, 1, requires_grad=True)
    task_mse(together.expand(-1, 2, -1), y).sum().backward()
    for i in range(3):
        alone = torch.zeros(1, 1, 1, requires_grad=True)
        task_mse(alone.expand(-1, 2, -1), y[i : i + 1]).mean().backward()
        torch.testing.assert_close(together.grad[i], alone.grad[0])
    assert together.grad.flatten().tolist() == [-6.0, -2.0, -6.0]


def test_variance_is_around_the_mean_of_each_task():
    assert task_variance(column([1.0, 3.0], [5.0, 5.0])).tolist() == [1.0, 0.0]


def test_predicting_the_mean_of_a_task_scores_one():
    y = column([1.0, 3.0, 8.0], [0.0, 1.0, 5.0])
    mse = task_mse(y.mean(1, keepdim=True).expand_as(y), y)
    torch.testing.assert_close(task_nmse(mse, task_variance(y)), torch.ones(2))


def test_a_constant_task_gives_a_finite_number():
    nmse = task_nmse(torch.tensor([4.0, 4.0]), torch.tensor([0.0, 1e-4]), scale=2.0)
    torch.testing.assert_close(nmse, torch.tensor([2.0, 2000.0]))


def test_accuracy_shares_ties_and_skips_masked_points():
    y = functional.one_hot(torch.tensor([[0, 1, 2]]), 3).float()
    logits = torch.tensor([[[2.0, 2.0, 0.0], [0.0, 1.0, 0.0], [9.0, 0.0, 0.0]]])
    assert task_accuracy(logits, y).tolist() == [pytest.approx(0.5)]
    mask = torch.tensor([[True, True, False]])
    assert task_accuracy(logits, y, mask).tolist() == [pytest.approx(0.75)]
    swapped = logits[..., [1, 0, 2]], y[..., [1, 0, 2]]
    assert task_accuracy(*swapped).tolist() == [pytest.approx(0.5)]


def test_cross_entropy_is_torchs():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 6, 3, generator=generator)
    label = torch.randint(3, (4, 6), generator=generator)
    expected = functional.cross_entropy(logits.mT, label, reduction="none").mean(1)
    torch.testing.assert_close(
        task_cross_entropy(logits, functional.one_hot(label, 3).float()), expected
    )
