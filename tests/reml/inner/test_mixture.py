"""A mixture of priors finds what the tasks were drawn from, and never makes them less probable."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from benchmarks.core import generator_of
from reml.inner import mixture
from reml.inner.mixture import Points, Priors, fitted

TASKS, POINTS, NOISE = 300, 12, 0.05


def _tasks(outputs: int = 1) -> tuple[Points, Tensor]:
    """Half of the tasks are constants about 3, half are lines through 0; which is which."""
    generator = generator_of("mixed")
    x = torch.randn(TASKS, POINTS, 1, generator=generator)
    x = torch.cat([x, torch.ones_like(x)], 2)
    kind = torch.arange(TASKS) % 2
    weight = torch.randn(TASKS, 2, outputs, generator=generator)
    line = weight * torch.tensor([1.0, 0.0]).view(1, 2, 1)
    constant = (3 + 0.2 * weight) * torch.tensor([0.0, 1.0]).view(1, 2, 1)
    weight = torch.where(kind.view(-1, 1, 1) == 0, line, constant)
    y = x @ weight + NOISE * torch.randn(TASKS, POINTS, outputs, generator=generator)
    real = torch.ones(TASKS, POINTS, dtype=torch.bool)
    real[::3, -4:] = False
    return Points.of(x, y, real), kind


def _log_likelihood(points: Points, priors: Priors) -> Tensor:
    """Of each task under each prior, from the definition."""
    rows = []
    for x, y, real in zip(*points, strict=True):
        x, y = x[real], y[real]
        row = []
        for mean, root, noise in zip(*priors[:3], strict=True):
            covariance = x @ root @ root.mT @ x.mT + torch.eye(len(x))
            row.append(
                sum(
                    MultivariateNormal(x @ mean[:, o], covariance * noise[o]).log_prob(y[:, o])
                    for o in range(y.shape[1])
                )
            )
        rows.append(torch.stack([torch.as_tensor(it) for it in row]))
    return torch.stack(rows)


@pytest.mark.parametrize("outputs", [1, 2])
def test_both_kinds_of_tasks_get_their_prior(outputs: int) -> None:
    points, kind = _tasks(outputs)
    found = fitted(points, torch.full((outputs,), 0.1), 2, 0)
    share = (_log_likelihood(points, found) + found.log_share).softmax(1)
    lines = int(share[kind == 0].sum(0).argmax())
    for prior, number, mean in ((lines, 0, (0.0, 0.0)), (1 - lines, 1, (0.0, 3.0))):
        assert share[kind == number, prior].mean() > 0.95
        centre = found.mean[prior].mean(1)
        torch.testing.assert_close(centre, torch.tensor(mean).double(), atol=0.15, rtol=0)
    torch.testing.assert_close(found.log_share.exp(), share.mean(0), atol=0.01, rtol=0)
    variance = (found.root[lines] @ found.root[lines].mT).diagonal() * found.noise[lines].mean()
    assert variance[0] == pytest.approx(1, rel=0.3)
    assert variance[1] < 0.01
    assert float(found.noise[lines].sqrt().mean()) == pytest.approx(NOISE, rel=0.1)


@pytest.mark.parametrize("outputs", [1, 2])
def test_each_step_makes_the_points_more_probable(
    monkeypatch: pytest.MonkeyPatch, outputs: int
) -> None:
    points, _ = _tasks(outputs)
    points = Points(*(part[:60] for part in points))
    y = points.y.clone()
    y[..., 1:] = 4 * y[..., 1:] + 0.5 * torch.randn(y[..., 1:].shape, generator=generator_of("e"))
    points = points._replace(y=torch.where(points.real.unsqueeze(2), y, 0.0))
    monkeypatch.setattr(mixture, "FLOOR", 1e-9)
    before = -math.inf
    for steps in range(5):
        monkeypatch.setattr(mixture, "STEPS", steps)
        found = fitted(points, torch.full((outputs,), 0.1), 2, 0)
        now = float((_log_likelihood(points, found) + found.log_share).logsumexp(1).sum())
        assert now > before - 1e-4
        before = now


def test_there_may_be_more_priors_than_tasks() -> None:
    points, _ = _tasks()
    few = Points(*(part[:4] for part in points))
    found = fitted(few, torch.tensor([0.1]), 7, 0)
    assert all(torch.isfinite(part).all() for part in found)
    assert (found.noise > 0).all()
