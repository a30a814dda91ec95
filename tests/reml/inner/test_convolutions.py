"""Networks composed for classes of pictures: convolutions, batch norm, heads and rewards."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.core import TaskBatch, generator_of, task_cross_entropy
from benchmarks.testing.toy import ToyClasses
from reml.env import ComposeEnv
from reml.inner.bank import Heads
from reml.inner.network import ComposedNetwork, adapt, run
from reml.inner.pool import LayerPool
from reml.inner.shape import BatchNorm, Pooling
from reml.inner.task_view import view_of

IMAGE = (2, 9, 8)
FAMILY = ToyClasses(ways=4, image=IMAGE)


def _batch(tasks: int = 5, shots: int = 2) -> TaskBatch:
    return FAMILY.sample(tasks, "test", generator_of("classes"), shots=shots, queries=12)


def _pool(
    batch_norm: BatchNorm = "transductive", pooling: Pooling = "stride", unit: bool = False
) -> LayerPool:
    problem = FAMILY.problem
    return LayerPool(
        problem.features,
        problem.outputs,
        6,
        (2, 3, 2),
        4,
        0.3,
        generator_of("pool"),
        image=IMAGE,
        pooling=pooling,
        batch_norm=batch_norm,
        unit_features=unit,
        task_view=view_of(problem, 6),
    )


def _compositions(pool: LayerPool, tasks: int) -> Tensor:
    generator = generator_of("compositions")
    return torch.stack([torch.randint(n, (tasks,), generator=generator) for n in pool.choices], 1)


def _adapted(pool: LayerPool, batch: TaskBatch, steps: int = 2) -> ComposedNetwork:
    network = pool.gather(_compositions(pool, len(batch)))
    for _ in range(steps):
        network = adapt(
            network, batch.support.x, batch.support.y, max_norm=10.0, differentiable=False
        )
    return network


@pytest.mark.parametrize(
    ("batch_norm", "pooling", "unit"),
    [
        *product(["off", "transductive", "support"], ["stride", "max"], [False]),
        ("transductive", "max", True),
    ],
)
def test_run_equals_a_plain_torch_network_for_each_task(
    batch_norm: BatchNorm, pooling: Pooling, unit: bool
) -> None:
    pool, batch = _pool(batch_norm, pooling, unit), _batch()
    stride = 2 if pooling == "stride" else 1

    def smaller(z: Tensor) -> Tensor:
        return z if pooling == "stride" or min(z.shape[2:]) == 1 else functional.max_pool2d(z, 2)

    network = _adapted(pool, batch)
    together = run(network, batch.query.x, batch.support.x)
    for i in range(5):
        x = batch.query.x[i].view(-1, *IMAGE)
        shown = batch.support.x[i].view(-1, *IMAGE)
        for layer in range(3):
            weight, bias = (network.weights[2 * layer + part][i] for part in (0, 1))
            kernel = weight.view(3, 3, -1, 6).permute(3, 2, 0, 1)
            x, shown = (functional.conv2d(z, kernel, stride=stride, padding=1) for z in (x, shown))
            if batch_norm == "off":
                shift = bias.view(1, -1, 1, 1)
                x, shown = (smaller(torch.relu(z + shift)) for z in (x, shown))
                continue
            source = x if batch_norm == "transductive" else shown
            mean, variance = source.mean((0, 2, 3)), source.var((0, 2, 3), correction=0)
            x, shown = (
                smaller(torch.relu(functional.batch_norm(z, mean, variance, bias=bias[0])))
                for z in (x, shown)
            )
        flat = x.movedim(1, -1).flatten(1)
        assert flat.shape[1] == (6 * 2 * 1 if pooling == "stride" else 6)
        flat = flat / flat.square().mean(1, keepdim=True).sqrt() if unit else flat
        expected = flat @ network.weights[-2][i] + network.weights[-1][i]
        torch.testing.assert_close(together[i], expected, atol=1e-4, rtol=1e-4)


def test_gather_takes_the_convolutions_that_were_chosen() -> None:
    pool = _pool()
    network = pool.gather(torch.tensor([[1, 0, 2, 0]]))
    expected = [pool.input.weight[1], pool.hidden.weight[2], pool.hidden.weight[0]]
    for got, want in zip(network.weights[:-2:2], expected, strict=True):
        assert torch.equal(got[0], want)
    assert pool.input.weight.shape == (2, 9 * 2, 6)
    assert pool.hidden.weight.shape == (3, 9 * 6, 6)
    assert network.weights[-2].abs().sum() == 0


def test_a_head_is_zero_and_what_is_learned_of_it_are_rates() -> None:
    pool, batch = _pool(), _batch()
    assert isinstance(pool.output, Heads)
    assert [name for name, _ in pool.output.named_parameters()] == ["log_rate"]
    assert set(pool.output.state_dict()) == {"log_rate"}
    env = ComposeEnv(pool, steps=1, unadapted_weight=0.4, max_norm=10.0, gradients="second_order")
    env.reset(batch)
    for choice in _compositions(pool, 5).unbind(1):
        env.step(choice)
    env.losses[-1].sum().backward()
    for bank in (pool.input, pool.output):
        assert bank.log_rate.grad is not None
    assert pool.output.log_rate.grad is not None
    assert float(pool.output.log_rate.grad.abs().sum()) > 0
    kept = pool.output.weight.clone()
    env.absorb(1.0)
    assert torch.equal(pool.output.weight, kept)


def test_adaptation_batched_equals_looped() -> None:
    pool, batch = _pool("support"), _batch()
    together = run(_adapted(pool, batch), batch.query.x, batch.support.x)
    compositions = _compositions(pool, 5)
    for i in range(5):
        alone = batch.rows(slice(i, i + 1))
        network = pool.gather(compositions[i : i + 1])
        for _ in range(2):
            network = adapt(
                network, alone.support.x, alone.support.y, max_norm=10.0, differentiable=False
            )
        predicted = run(network, alone.query.x, alone.support.x)
        torch.testing.assert_close(predicted, together[i : i + 1], atol=1e-4, rtol=1e-4)


def test_reward_is_the_log_of_the_cross_entropy_after_the_first_step() -> None:
    """On the scale of ln(ways); the loss before any step is that, whatever the network."""
    pool, batch = _pool("support"), _batch()
    env = ComposeEnv(pool, steps=2, unadapted_weight=0.4, max_norm=10.0, gradients="none")
    env.reset(batch)
    for choice in _compositions(pool, 5).unbind(1):
        reward = env.step(choice).reward
    losses = [
        task_cross_entropy(
            run(_adapted(pool, batch, steps), batch.query.x, batch.support.x), batch.query.y
        )
        for steps in (0, 1, 2)
    ]
    for got, want in zip(env.losses, losses, strict=True):
        torch.testing.assert_close(got, want)
    nothing = torch.tensor(4.0).log()
    expected = -torch.log((losses[1] + losses[2]) / 2 / nothing + 0.01)
    torch.testing.assert_close(reward, expected)
