"""REML's environment and the parts of one training iteration."""

from typing import Any

import pytest
import torch

from benchmarks.core import Budget, BudgetedSource, TaskBatch, generator_of
from benchmarks.speed.conftest import InTurn
from benchmarks.tasks.sinusoid import Sinusoid
from reml.env import ComposeEnv
from reml.inner.network import adapt, run
from reml.inner.pool import LayerPool
from reml.learner import REML
from reml.policy.composer import RandomComposer
from reml.policy.gradient import PolicyGradient, roll_out
from reml.policy.recurrent import PolicyComposer

ROWS = 256
DEFAULT = REML(adaptation="gradient")


def _pool() -> LayerPool:
    return LayerPool(1, 1, 40, (7, 21, 7), 5, 0.01, generator_of("speed"))


def _env(pool: LayerPool) -> ComposeEnv:
    """As the later part of training has it: the pool is to learn through adaptation."""
    return ComposeEnv(
        pool,
        steps=DEFAULT.train_steps,
        unadapted_weight=DEFAULT.unadapted_weight,
        max_norm=DEFAULT.max_inner_norm,
        gradients="second_order",
    )


def _batch(rows: int) -> TaskBatch:
    return Sinusoid().sample(
        rows, "train", generator_of("speed"), shots=10, queries=DEFAULT.train_queries
    )


def test_environment(in_turn: InTurn) -> None:
    """`ROWS` episodes in lock-step, against an eighth as many one after the other."""
    env = _env(_pool())
    generator = generator_of("speed")
    batch = _batch(ROWS)

    def episodes(episodes: int, rows: int) -> None:
        for start in range(0, episodes, rows):
            env.reset(batch.rows(slice(start, start + rows)))
            for size in env.choices:
                env.step(torch.randint(size, (rows,), generator=generator))

    in_turn(
        lambda: episodes(ROWS // 8, 1),
        lambda: episodes(ROWS, ROWS),
        group=f"{ROWS} episodes of the environment, adaptation included: one by one against all",
        rounds=5,
        times=8,
    )


@pytest.mark.benchmark(group="training, everything included")
@pytest.mark.parametrize("preset", ["reml", "reml-random"])
def test_training(benchmark: Any, preset: str) -> None:
    """Acting, environment, adaptation and learning: ten iterations of the default size."""
    learner = REML(adaptation="gradient", warm=0.0, **REML.presets.get(preset, {}))
    tasks = 10 * learner.batch_tasks

    def train() -> None:
        source = BudgetedSource(Sinusoid(), Budget(tasks=tasks), generator_of("speed"))
        learner.fit(source, generator_of("speed"))

    benchmark.extra_info["environment_steps"] = tasks * learner.depth
    benchmark.extra_info["episodes"] = tasks
    benchmark.pedantic(train, rounds=3, iterations=1, warmup_rounds=1)


@pytest.mark.benchmark(group="the parts of one training iteration")
@pytest.mark.parametrize("part", ["acting", "environment", "adaptation", "policy update"])
def test_parts(benchmark: Any, part: str) -> None:
    """One iteration of the default size, taken apart.

    `environment` is an episode with choices given, adaptation and losses included; `adaptation`
    the differentiable steps of it and the meta-gradient alone.
    """
    learner = DEFAULT
    pool, batch = _pool(), _batch(learner.batch_tasks)
    generator = generator_of("speed")
    composer = PolicyComposer(1, 1, pool.choices, learner.policy_width, generator)
    env = _env(pool)
    teacher = PolicyGradient(
        learner.task_entropy, learner.marginal_entropy, learner.entropy_floor, learner.reading
    )
    optimiser = torch.optim.Adam(composer.parameters(), learner.lr)
    roll_out(env, RandomComposer(pool.choices), batch, generator)
    composition = env.composition

    def acting() -> None:
        observation, memory = env.reset(batch), None
        for decision in range(pool.depth):
            logits, memory = composer.logits(observation, memory)
            choice = logits.argmax(1)
            observation = observation._replace(decision=decision + 1, previous=choice)

    def environment() -> None:
        env.reset(batch)
        for choice in composition.unbind(1):
            env.step(choice)

    def adaptation() -> None:
        network = pool.gather(composition)
        for _ in range(learner.train_steps):
            network = adapt(
                network,
                batch.support.x,
                batch.support.y,
                max_norm=learner.max_inner_norm,
                differentiable=True,
            )
        run(network, batch.query.x).square().mean().backward()

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (roll_out(env, composer, batch, generator),), {}

    def update(rollout: Any) -> None:
        teacher.update(composer, optimiser, rollout, batch, 0.5)

    benchmark.extra_info["share"] = True
    if part == "policy update":
        benchmark.pedantic(update, setup=setup, rounds=10)
    else:
        action = {"acting": acting, "environment": environment, "adaptation": adaptation}[part]
        benchmark.pedantic(action, rounds=10, warmup_rounds=1)
