"""How RecurrentPPO and PPO are trained, and that it leaves everything else as it was."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.core import TaskBatch, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.env import ComposeEnv
from reml.inner.pool import LayerPool
from reml.reward import pool_losses
from reml.sb3.env import ComposeVecEnv
from reml.sb3.learn import train_with_sb3
from reml.sb3.policy import Kind, Sb3Composer
from reml.sb3.shared import StopWhen, forwarding_logger, private_randomness

CHOICES = (3, 2, 5, 5)
KINDS: tuple[Kind, ...] = get_args(Kind)
CPU = torch.device("cpu")


def _batch(tasks: int, shots: int = 4, seed: int = 0) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("sb3", seed), shots=shots, queries=6)


def _composer(kind: Kind) -> Sb3Composer:
    return Sb3Composer(kind, 1, 1, CHOICES, 8, 6, generator_of("policy"))


def _env() -> ComposeEnv:
    pool = LayerPool(1, 1, 8, (3, 5, 2), 4, 0.01, generator_of("pool"))
    return ComposeEnv(pool, steps=1, unadapted_weight=0.4, max_norm=10.0, gradients="second_order")


class _Trained(NamedTuple):
    composer: Sb3Composer
    pool: LayerPool
    played: list[int]
    logged: list[dict[str, float]]


def _same(left: torch.nn.Module, right: torch.nn.Module) -> bool:
    pairs = zip(left.parameters(), right.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def _trained(kind: Kind, sizes: tuple[int, ...], **options: Any) -> _Trained:
    """Train on batches of these sizes; the pool learns from each when it has been played."""
    composer, process = _composer(kind), _env()
    composer.standardise(_batch(50).support)
    waiting = [_batch(n, shots=4 + i % 3, seed=i) for i, n in enumerate(sizes)]
    played: list[int] = []
    logged: list[dict[str, float]] = []
    optimiser = torch.optim.Adam(process.pool.parameters(), 0.01)

    def finished(batch: TaskBatch, reward: Tensor) -> None:
        loss = pool_losses(process.losses, process.variance, 0.4).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        assert len(reward) == len(batch)
        played.append(len(batch))

    env = ComposeVecEnv(
        process,
        composer,
        waiting.pop(0),
        lambda: waiting.pop(0) if waiting else None,
        finished,
        rarity=lambda: 0.1,
    )
    fields: dict[str, Any] = {
        "lr": lambda: 0.003,
        "clip": 0.2,
        "epochs": 2,
        "minibatches": 2,
        "rollouts_per_update": 1,
        "entropy": 0.0,
        "generator": generator_of("train"),
        "log": lambda **values: logged.append(values),
    }
    train_with_sb3(composer, env, **{**fields, **options})
    return _Trained(composer, process.pool, played, logged)


@pytest.mark.parametrize("kind", KINDS)
def test_every_batch_is_played_also_a_last_one_that_is_smaller(kind: Kind) -> None:
    for sizes in ((8, 8, 8, 8), (8, 8, 8, 3), (8, 1), (8,)):
        trained = _trained(kind, sizes)
        assert trained.played == list(sizes)
        assert not _same(trained.pool, _env().pool)


@pytest.mark.parametrize("kind", KINDS)
def test_training_changes_the_policy_and_reports_how_it_goes(kind: Kind) -> None:
    trained = _trained(kind, (8,) * 5)
    assert not _same(trained.composer, _composer(kind))
    assert set(trained.logged[-1]) == {
        "policy_loss",
        "value_loss",
        "explained_variance",
        "clip_fraction",
        "policy_entropy",
    }
    most = len(CHOICES) * np.log(max(CHOICES))
    assert all(0 < values["policy_entropy"] <= most for values in trained.logged)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_bits_and_the_global_states_untouched(kind: Kind) -> None:
    def states() -> tuple[Any, ...]:
        numpy: Any = np.random.get_state()
        return random.getstate(), numpy[1].tolist(), torch.get_rng_state().tolist()

    before = states()
    once = _trained(kind, (8,) * 4)
    assert states() == before
    torch.rand(3)
    again = _trained(kind, (8,) * 4)
    assert _same(once.composer, again.composer)
    assert _same(once.pool, again.pool)
    other = _trained(kind, (8,) * 4, generator=generator_of("another"))
    assert not _same(once.composer, other.composer)


def test_the_learning_rate_is_asked_for_at_each_update() -> None:
    asked: list[float] = []

    def nothing() -> float:
        asked.append(0.0)
        return asked[-1]

    still = _trained("ppo", (8,) * 4, lr=nothing)
    assert len(asked) >= 3
    assert _same(still.composer, _composer("ppo"))


def test_global_states_are_put_back_also_after_an_error() -> None:
    before = torch.get_rng_state(), random.getstate()

    def draw(generator: torch.Generator) -> tuple[float, float, float]:
        with private_randomness(generator, CPU):
            return float(torch.rand(())), random.random(), float(np.random.rand())

    assert draw(generator_of("a")) == draw(generator_of("a"))
    assert all(
        a != b for a, b in zip(draw(generator_of("a")), draw(generator_of("b")), strict=True)
    )

    def fail() -> None:
        with private_randomness(generator_of("a"), CPU):
            torch.rand(())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()


def test_what_has_no_meaning_is_not_logged() -> None:
    heard: list[dict[str, float]] = []
    logger = forwarding_logger(lambda **values: heard.append(values))
    logger.record("time/fps", 3)
    logger.dump(0)
    assert not heard
    logger.record("train/explained_variance", float("nan"))
    logger.record("train/entropy_loss", -0.5)
    logger.record("train/value_loss", float("nan"))
    logger.dump(1)
    assert heard[0]["policy_entropy"] == 0.5
    assert "explained_variance" not in heard[0]
    assert np.isnan(heard[0]["value_loss"])  # a learner that diverges must not hide it


def test_stop_when() -> None:
    answers = iter([False, True])
    callback: Callable[[], bool] = StopWhen(lambda: next(answers))._on_step
    assert callback() is True
    assert callback() is False
