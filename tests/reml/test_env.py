"""The decision process and the learning signals."""

import math

import pytest
import torch

from benchmarks.core import TaskBatch, generator_of, task_mse, task_variance
from benchmarks.tasks.sinusoid import Sinusoid
from reml.env import ComposeEnv
from reml.inner.network import adapt, run
from reml.inner.pool import LayerPool
from reml.reward import (
    log_nmse_reward,
    mixed_loss,
    pool_losses,
    relative_advantage,
    winner_weights,
)


def _env(
    steps: int = 2, gradients: str = "none", activations: tuple[str, ...] = ("relu",)
) -> ComposeEnv:
    pool = LayerPool(1, 1, 8, (3, 4, 2), 4, 0.01, generator_of("pool"), activations=activations)
    return ComposeEnv(pool, steps=steps, unadapted_weight=0.4, max_norm=10.0, gradients=gradients)


def _batch(tasks: int) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("env"), shots=6, queries=9)


def _play(env: ComposeEnv, batch: TaskBatch, choices: torch.Tensor) -> torch.Tensor:
    env.reset(batch)
    for choice in choices.unbind(1):
        transition = env.step(choice)
    assert bool(transition.done.all())
    return transition.reward


CHOICES = torch.tensor([[0, 1, 3, 2], [2, 0, 0, 0], [1, 1, 2, 3]])


def test_only_the_last_decision_ends_the_episode_and_is_paid() -> None:
    env, batch = _env(), _batch(3)
    assert env.reset(batch).decision == 0
    transition = env.step(CHOICES[:, 0])
    assert transition.observation.decision == 1
    assert torch.equal(transition.observation.previous, CHOICES[:, 0])
    assert not transition.done.any()
    assert transition.reward.abs().sum() == 0


def test_reward_is_the_log_of_the_query_error_along_adaptation() -> None:
    env, batch = _env(), _batch(3)
    reward = _play(env, batch, CHOICES)
    network = env.pool.gather(CHOICES).detach()
    losses = [task_mse(run(network, batch.query.x), batch.query.y)]
    for _ in range(2):
        network = adapt(
            network, batch.support.x, batch.support.y, max_norm=10.0, differentiable=False
        )
        losses.append(task_mse(run(network, batch.query.x), batch.query.y))
    variance = task_variance(torch.cat([batch.support.y, batch.query.y], 1))
    mixed = 0.4 * losses[0] + 0.3 * losses[1] + 0.3 * losses[2]
    torch.testing.assert_close(reward, -torch.log(mixed / variance + 0.01))


def test_batched_episodes_equal_single_ones() -> None:
    env, batch = _env(), _batch(3)
    together = _play(env, batch, CHOICES)
    alone = [_play(env, batch.rows(slice(i, i + 1)), CHOICES[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone))


MENU = ("relu", "tanh", "silu")
WITH_ACTIVATIONS = torch.cat([torch.tensor([[2], [0], [1]]), CHOICES], 1)


def test_tasks_of_several_activations_get_the_losses_and_gradients_they_get_alone() -> None:
    env, batch = _env(gradients="second_order", activations=MENU), _batch(3)
    _play(env, batch, WITH_ACTIVATIONS)
    together = torch.stack(env.losses)
    parameters = list(env.pool.parameters())
    gradients = torch.autograd.grad(together.sum(), parameters)
    alone = []
    for i in range(3):
        _play(env, batch.rows(slice(i, i + 1)), WITH_ACTIVATIONS[i : i + 1])
        alone.append(torch.stack(env.losses))
    torch.testing.assert_close(together, torch.cat(alone, 1))
    expected = torch.autograd.grad(torch.cat(alone, 1).sum(), parameters)
    for got, want in zip(gradients, expected, strict=True):
        torch.testing.assert_close(got, want)


def test_layers_take_in_what_became_of_them_whatever_the_activations() -> None:
    env, same = _env(steps=1, activations=MENU), _env(activations=MENU).pool
    batch = _batch(3)
    _play(env, batch, WITH_ACTIVATIONS)
    env.absorb(1.0)
    support = batch.support
    adapted = adapt(
        same.gather(WITH_ACTIVATIONS).detach(),
        support.x,
        support.y,
        max_norm=10.0,
        differentiable=False,
    )
    same.absorb(WITH_ACTIVATIONS, adapted, 1.0)
    for got, want in zip(env.pool.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(got, want)


def test_masked_query_points_do_not_count() -> None:
    env, batch = _env(), _batch(3)
    expected = _play(env, batch, CHOICES)
    x = torch.cat([batch.query.x, torch.zeros(3, 2, 1)], 1)
    y = torch.cat([batch.query.y, torch.full((3, 2, 1), 1e3)], 1)
    mask = torch.cat([batch.query.mask, torch.zeros(3, 2, dtype=torch.bool)], 1)
    padded = TaskBatch(batch.support, type(batch.query)(x, y, mask))
    torch.testing.assert_close(_play(env, padded, CHOICES), expected)


def test_losses_carry_gradients_to_the_pool_only_when_asked() -> None:
    for gradients in ("none", "first_order", "second_order"):
        env = _env(gradients=gradients)
        reward = _play(env, _batch(3), CHOICES)
        assert all(loss.requires_grad is (gradients != "none") for loss in env.losses)
        assert not reward.requires_grad


def test_stepping_past_the_end_is_an_error() -> None:
    env = _env()
    _play(env, _batch(3), CHOICES)
    with pytest.raises(RuntimeError, match="over; call reset"):
        env.step(CHOICES[:, 0])


def test_reward_and_pool_loss_by_hand() -> None:
    loss, variance = torch.tensor([2.0, 0.5]), torch.tensor([4.0, 1.0])
    expected = [-math.log(0.51), -math.log(0.51)]
    torch.testing.assert_close(log_nmse_reward(loss, variance), torch.tensor(expected))
    assert torch.equal(mixed_loss([loss], 0.4), loss)
    value = pool_losses([loss, 2 * loss], variance, 0.25).mean()
    by_hand = (1.75 * 2.0 / (4 + 0.05) + 1.75 * 0.5 / (1 + 0.05)) / 2
    assert float(value) == pytest.approx(by_hand)


def _exact(loss: str, episodes: int = 1) -> ComposeEnv:
    pool = LayerPool(
        *(1, 1, 8, (3, 4, 2), 4, 0.01, generator_of("pool")),
        activations=("tanh", "relu"),
        adaptation=("solve",),
    )
    pool.standardise(_batch(20))
    return ComposeEnv(
        pool,
        steps=1,
        unadapted_weight=0.0,
        max_norm=1.0,
        gradients="second_order",
        loss=loss,
        episodes=episodes,
    )


@pytest.mark.parametrize("loss", ["joint", "nmse"])
def test_episodes_that_compete_score_as_they_would_alone(loss: str) -> None:
    """Three episodes for each of two tasks, two of which compose the same."""
    rows = torch.tensor(
        [
            *([1, 0, 1, 3, 2], [0, 2, 0, 0, 1], [1, 0, 1, 3, 2]),
            *([0, 1, 1, 2, 3], [0, 1, 1, 2, 3], [1, 2, 0, 1, 1]),
        ]
    )
    batch, many, one = _batch(2), _exact(loss, episodes=3), _exact(loss)
    reward = _play(many, batch, rows)
    for row in range(6):
        single = batch.rows(slice(row // 3, row // 3 + 1))
        torch.testing.assert_close(_play(one, single, rows[row : row + 1])[0], reward[row])
    assert len(many._completed) == 4


def test_the_pool_descends_what_the_reward_is_minus_of() -> None:
    env = _exact("joint")
    reward = _play(env, _batch(3), torch.cat([torch.tensor([[0], [1], [0]]), CHOICES], 1))
    torch.testing.assert_close(env.descended, -reward)
    assert env.descended.requires_grad
    assert float(env.unexplained) == pytest.approx(
        float(env.losses[-1].mean() / env.variance.mean())
    )


def test_competing_episodes_by_hand() -> None:
    reward = torch.tensor([1.0, 2.0, 6.0, 0.0, 0.0, 0.0])
    advantage = relative_advantage(reward, 3)
    torch.testing.assert_close(advantage, torch.tensor([-3.0, -1.5, 4.5, 0.0, 0.0, 0.0]))
    weights = winner_weights(reward, 3, 0.5)
    torch.testing.assert_close(weights.view(2, 3).sum(1), torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(weights[2] / weights[1], torch.tensor(4.0).mul(0.5).exp())
    assert torch.equal(weights[3:], torch.ones(3))
