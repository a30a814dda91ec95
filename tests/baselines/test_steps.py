"""Gradients of all tasks at once: by formula, capped, or neither."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from baselines import _steps
from baselines._perceptron import squared_error_gradients
from baselines._steps import (
    Descent,
    Loss,
    capped,
    expand,
    remade,
    sgd_predictors,
    task_gradients,
)
from benchmarks.core import Support, generator_of, task_cross_entropy, task_mse
from benchmarks.networks import Linear, mlp
from benchmarks.tasks.sinusoid import Sinusoid

BATCH = Sinusoid().sample(3, "train", generator_of("t"), shots=7, queries=2)
X, Y = BATCH.support.x, BATCH.support.y


def _by_autograd(network: nn.Module, x: Tensor, y: Tensor) -> Any:
    total = task_mse(network(x), y).sum()
    return torch.autograd.grad(total, list(network.parameters()), create_graph=True)


@pytest.mark.parametrize("hidden", [(), (5,), (6, 4), (4, 4, 4)])
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("shots", [1, 7])
def test_the_formula_gives_autograds_gradients_to_the_bit(
    hidden: tuple[int, ...], outputs: int, shots: int
) -> None:
    network = expand(mlp(1, hidden, outputs, generator_of("n")), 3)
    x, y = X[:, :shots], Y[:, :shots].expand(-1, -1, outputs)
    mine = squared_error_gradients(network, x, y)
    assert mine is not None
    for one, other in zip(mine, _by_autograd(network, x, y), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("hidden", [(), (5,), (6, 4)])
@pytest.mark.parametrize("max_norm", [0.0, 0.5])
@pytest.mark.parametrize("one_rate", [True, False])
def test_steps_in_place_are_those_of_the_gradients(
    hidden: tuple[int, ...], max_norm: float, one_rate: bool
) -> None:
    network = mlp(1, hidden, 1, generator_of("n"))
    before, copies = [it.detach().clone() for it in network.parameters()], expand(network, 3)
    rates = [torch.full_like(it, 0.1) for it in before]
    descent = Descent(copies, 0.1 if one_rate else rates, max_norm)
    weights = list(copies.parameters())
    for _ in range(3):
        descent.step(X, Y, task_mse)
        gradients = _by_autograd(copies, X, Y)
        if max_norm:
            gradients = capped(gradients, max_norm)
        weights = [w - 0.1 * it for w, it in zip(weights, gradients, strict=True)]
        new = iter(weights)
        copies = remade(copies, lambda _, new=new: next(new))  # type: ignore[misc]
        for one, other in zip(descent.module.parameters(), weights, strict=True):
            torch.testing.assert_close(one, other)
    assert all(torch.equal(*pair) for pair in zip(network.parameters(), before, strict=True))


def test_the_formulas_own_derivatives_are_autograds() -> None:
    shared = mlp(1, (6, 4), 1, generator_of("n"))
    seen = X.clone().requires_grad_()  # of an output layer, what the body made of the inputs
    network = expand(shared, 3)
    mine = task_gradients(network, seen, Y, task_mse, further=True)
    wanted = [seen, *shared.parameters()]
    results = [
        torch.autograd.grad(sum((it**3).sum() for it in gradients), wanted)
        for gradients in (mine, _by_autograd(network, seen, Y))
    ]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_other_networks_and_losses_are_left_to_autograd() -> None:
    normalised = expand(mlp(1, (6,), 1, generator_of("n"), batch_norm=True), 3)
    without = expand(Linear(1, 1, generator_of("n"), bias=False), 3)
    tanh = expand(nn.Sequential(Linear(1, 1, generator_of("n")), nn.Tanh()), 3)
    shared = mlp(1, (6,), 1, generator_of("n"))
    for network in (normalised, without, tanh, shared):
        assert squared_error_gradients(network, X, Y) is None
    network = expand(mlp(1, (6,), 2, generator_of("n")), 3)
    labels = torch.eye(2)[torch.arange(7) % 2].expand(3, -1, -1)
    expected = torch.autograd.grad(
        task_cross_entropy(network(X), labels).sum(), list(network.parameters())
    )
    got = task_gradients(network, X, labels, task_cross_entropy, further=False)
    assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))
    assert not any(it.requires_grad for it in got)


@pytest.mark.parametrize("largest", [1.9, 2.0, 5.0])
def test_a_task_is_capped_by_its_own_norm(largest: float) -> None:
    """Where none is above the cap, nothing changes, and nothing is computed that would not."""
    gradients = [torch.randn(4, 3, 2, generator=generator_of("g")) for _ in range(2)]
    norm = torch.cat([it.flatten(1) for it in gradients], 1).norm(dim=1).view(-1, 1, 1)
    sizes = torch.tensor([0.5, 1.0, 1.5, largest]).view(-1, 1, 1)
    gradients = [(it / norm * sizes).requires_grad_() for it in gradients]
    less = capped(gradients, 2.0)
    expected = [it * (2.0 / sizes).clamp(max=1.0) for it in gradients]
    for one, other in zip(less, expected, strict=True):
        torch.testing.assert_close(one, other)
    assert (less[0] is gradients[0]) == (largest == 1.9)


def test_what_is_not_finite_is_not_taken_for_small() -> None:
    bad = torch.full((1, 2, 2), torch.nan)
    assert capped([bad], 2.0)[0].isnan().all()
    assert capped([torch.full((1, 2, 2), 1e30)], 2.0)[0].isfinite().all()


def test_many_tasks_are_adapted_a_cacheful_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = Sinusoid().sample(7, "train", generator_of("t"), shots=5, queries=4)
    network, counted = mlp(1, (6,), 1, generator_of("n")), []

    def answer(copies: nn.Module, support: Support, x: Tensor) -> Tensor:
        counted.append(len(support))
        return copies(x)

    def predicted(loss: Loss) -> list[Tensor]:
        found = sgd_predictors(network, batch.support, [0, 1, 3], 0.01, loss, answer)
        return [predict(batch.query.x) for predict in found]

    together = predicted(task_mse)
    assert counted == [7, 7, 7]
    monkeypatch.setattr(_steps, "FEWEST", 3)
    monkeypatch.setattr(_steps, "COPIED", 1)
    counted.clear()
    assert all(torch.equal(*pair) for pair in zip(predicted(task_mse), together, strict=True))
    for one, other in zip(predicted(lambda *args: task_mse(*args)), together, strict=True):
        torch.testing.assert_close(one, other)
    assert counted == [3, 3, 1] * 6
    none = sgd_predictors(network, batch.support.rows(slice(0)), [1], 0.01)
    assert [predict(batch.query.x[:0]).shape for predict in none] == [(0, 4, 1)]
