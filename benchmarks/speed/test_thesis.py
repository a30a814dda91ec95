"""Training of the thesis's learner, everything included."""

from typing import Any

import pytest

from benchmarks.core import Budget, BudgetedSource, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.thesis.learner import Thesis

TASKS = 5_000


@pytest.mark.benchmark(group="the thesis's training, everything included")
@pytest.mark.parametrize("policy", ["lstm", "mlp"])
def test_training(benchmark: Any, policy: str) -> None:
    """Calibration, acting, environment, Adam, write-back and PPO, at the default size.

    How many environment steps that many tasks take depends on the errors that the policy makes on
    its way; they are counted.
    """
    learner = Thesis(policy=policy)  # type: ignore[arg-type]

    def train() -> None:
        family = Sinusoid(train_tasks=6, grid=100)
        source = BudgetedSource(
            family, Budget(tasks=TASKS), generator_of("speed"), needs=learner.needs
        )
        learner.fit(source, generator_of("speed"))
        benchmark.extra_info["environment_steps"] = source.counts["environment_steps"]
        benchmark.extra_info["episodes"] = source.tasks

    benchmark.pedantic(train, rounds=2, iterations=1, warmup_rounds=0)
