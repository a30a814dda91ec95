"""The pool and the networks composed from it: batched equals looped."""

from typing import Any

import pytest
import torch

from benchmarks.core import TaskBatch, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from reml.inner.network import ComposedNetwork, adapt, run
from reml.inner.pool import LayerPool


def _pool(depth: int = 5, **menus: Any) -> LayerPool:
    return LayerPool(1, 1, 8, (3, 4, 2), depth, 0.01, generator_of("pool"), **menus)


def _batch(tasks: int = 5) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("reml"), shots=6, queries=9)


def _compositions(pool: LayerPool, tasks: int) -> torch.Tensor:
    generator = generator_of("compositions")
    return torch.stack([torch.randint(n, (tasks,), generator=generator) for n in pool.choices], 1)


def test_gather_takes_the_layers_that_were_chosen() -> None:
    pool = _pool()
    network = pool.gather(torch.tensor([[2, 1, 3, 0, 3]]))
    expected = [
        pool.input.weight[2],
        pool.hidden.weight[3],
        pool.hidden.weight[0],
        pool.hidden.weight[3],
        pool.output.weight[1],
    ]
    for got, want in zip(network.weights[::2], expected, strict=True):
        assert torch.equal(got[0], want)
    assert pool.choices == (3, 2, 4, 4, 4)


def test_a_network_of_two_layers_has_no_hidden_decision() -> None:
    pool, batch = _pool(depth=2), _batch()
    assert pool.choices == (3, 2)
    assert run(pool.gather(_compositions(pool, 5)), batch.query.x).shape == batch.query.y.shape


def test_run_equals_an_unbatched_network() -> None:
    pool, batch = _pool(), _batch()
    network = pool.gather(_compositions(pool, 5))
    batched = run(network, batch.query.x)
    for i in range(5):
        h = batch.query.x[i]
        for layer in range(5):
            h = h @ network.weights[2 * layer][i] + network.weights[2 * layer + 1][i]
            h = torch.relu(h) if layer < 4 else h
        torch.testing.assert_close(batched[i], h)


def test_adapt_equals_a_hand_written_step_for_each_task() -> None:
    pool, batch = _pool(), _batch()
    compositions = _compositions(pool, 5)
    max_norm = 0.5  # low enough to bind for some tasks
    adapted = adapt(
        pool.gather(compositions),
        batch.support.x,
        batch.support.y,
        max_norm=max_norm,
        differentiable=False,
    )
    bound = 0
    for i in range(5):
        network = pool.gather(compositions[i : i + 1])
        loss = task_mse(run(network, batch.support.x[i : i + 1]), batch.support.y[i : i + 1])
        gradients = torch.autograd.grad(loss.sum(), network.weights)
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        bound += int(norm > max_norm)
        cap = min(1.0, max_norm / float(norm))
        for got, w, g in zip(adapted.weights, network.weights, gradients, strict=True):
            torch.testing.assert_close(got[i : i + 1], (w - 0.01 * cap * g).detach())
    assert bound > 0


def test_meta_gradient_through_adaptation_reaches_weights_and_rates() -> None:
    pool, batch = _pool(), _batch()
    network = adapt(
        pool.gather(_compositions(pool, 5)),
        batch.support.x,
        batch.support.y,
        max_norm=10.0,
        differentiable=True,
    )
    task_mse(run(network, batch.query.x), batch.query.y).mean().backward()
    for bank in (pool.input, pool.hidden, pool.output):
        assert bank.weight.grad is not None
        assert bank.weight.grad.abs().sum() > 0
        assert bank.log_rate.grad is not None
        assert bank.log_rate.grad.abs().sum() > 0


@pytest.mark.parametrize("order", ["first", "second"])
def test_first_order_ignores_how_the_step_depends_on_the_weights(order: str) -> None:
    """The first-order meta-gradient is the query gradient at the adapted weights."""
    pool, batch = _pool(), _batch()
    compositions = _compositions(pool, 5)
    second = order == "second"
    adapted = adapt(
        pool.gather(compositions),
        batch.support.x,
        batch.support.y,
        max_norm=10.0,
        differentiable=True,
        second_order=second,
    )
    loss = task_mse(run(adapted, batch.query.x), batch.query.y).sum()
    at_adapted = torch.autograd.grad(loss, adapted.weights, retain_graph=True)
    loss.backward()
    expected = torch.zeros_like(pool.output.weight)
    expected.index_add_(0, compositions[:, 1], at_adapted[-2])
    assert pool.output.weight.grad is not None
    assert torch.allclose(pool.output.weight.grad, expected, rtol=1e-5) is not second
    assert pool.output.log_rate.grad is not None
    assert pool.output.log_rate.grad.abs().sum() > 0


def _adapted(pool: LayerPool, compositions: torch.Tensor) -> ComposedNetwork:
    support = _batch(len(compositions)).support
    network = pool.gather(compositions)
    return adapt(network, support.x, support.y, max_norm=10.0, differentiable=False)


@pytest.mark.parametrize("share", [1.0, 0.3])
def test_absorb_equals_a_loop_over_layers_and_copies(share: float) -> None:
    pool = _pool(stop=True)
    compositions = _compositions(pool, 6)
    compositions[1, 3:] = 4  # stops early
    adapted = _adapted(pool, compositions)
    expected = {name: value.clone() for name, value in pool.state_dict().items()}
    spots = {"input": [(0, 0)], "hidden": [(2, 1), (3, 2), (4, 3)], "output": [(1, 4)]}
    for bank, places in spots.items():
        for layer in range(len(getattr(pool, bank).weight)):
            for part, offset in (("weight", 0), ("bias", 1)):
                copies = [
                    adapted.weights[2 * position + offset][task]
                    for decision, position in places
                    for task in range(6)
                    if compositions[task, decision] == layer
                ]
                if copies:
                    old = expected[f"{bank}.{part}"][layer]
                    mean = torch.stack(copies).mean(0)
                    expected[f"{bank}.{part}"][layer] = old + share * (mean - old)
    pool.absorb(compositions, adapted, share)
    for name, value in pool.state_dict().items():
        torch.testing.assert_close(value, expected[name])


def test_stopping_leaves_out_the_remaining_hidden_layers() -> None:
    pool, batch = _pool(stop=True), _batch(3)
    assert pool.choices == (3, 2, 5, 5, 5)
    compositions = torch.tensor([[1, 0, 2, 3, 1], [1, 0, 2, 4, 4], [1, 0, 4, 4, 4]])
    outputs = run(pool.gather(compositions), batch.query.x)
    for task, depth in enumerate((5, 3, 2)):
        shallow = _pool(depth=max(depth, 2))
        shallow.load_state_dict(pool.state_dict())
        alone = shallow.gather(compositions[task : task + 1, :depth])
        expected = run(alone, batch.query.x[task : task + 1])
        torch.testing.assert_close(outputs[task : task + 1], expected)


def test_menus_give_each_task_its_own_activation_and_rate() -> None:
    pool, batch = _pool(activations=("relu", "tanh"), rates=(1.0, 3.0)), _batch(2)
    assert [decision.name for decision in pool.decisions[:3]] == [
        "activation",
        "adaptation rate",
        "input layer",
    ]
    layers = [2, 1, 3, 0, 3]
    network = pool.gather(torch.tensor([[0, 1, *layers], [1, 0, *layers]]))
    for task, name, factor in ((0, "relu", 3.0), (1, "tanh", 1.0)):
        plain = _pool(activations=(name,)).gather(torch.tensor([layers]))
        expected = run(plain, batch.query.x[task : task + 1])
        torch.testing.assert_close(run(network, batch.query.x)[task : task + 1], expected)
        for rate in network.rates:
            assert rate[task].item() == pytest.approx(0.01 * factor)


def test_the_composition_in_order_repeats_no_layer() -> None:
    assert _pool().menu.in_order == (0, 0, 0, 1, 2)
    menus = _pool(activations=("tanh", "relu"), rates=(0.3, 1.0, 3.0))
    assert menus.menu.in_order == (0, 1, 0, 0, 0, 1, 2)
