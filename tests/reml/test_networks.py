"""The pool and the networks composed from it: batched equals looped."""

import torch

from benchmarks.core import TaskBatch, generator_of, task_mse
from benchmarks.tasks.sinusoid import Sinusoid
from reml.inner import adapt, run
from reml.pool import LayerPool


def _pool(depth: int = 5) -> LayerPool:
    return LayerPool(1, 1, 8, (3, 4, 2), depth, 0.01, generator_of("pool"))


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
