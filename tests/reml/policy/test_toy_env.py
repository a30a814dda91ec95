"""Every policy optimiser finds the optimum of an environment in which it is known."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from benchmarks.core import Query, Support, TaskBatch, generator_of
from reml.env import Transition
from reml.inner.observation import Observation
from reml.policy.composer import Composer
from reml.policy.gradient import PolicyGradient, roll_out
from reml.policy.recurrent import PolicyComposer
from reml.sb3.env import ComposeVecEnv
from reml.sb3.learn import train_with_sb3
from reml.sb3.policy import Kind, Sb3Composer

CHOICES = (3, 2, 5, 5)
BEST = torch.tensor([[2, 0, 4, 1], [0, 1, 3, 3], [1, 1, 0, 1]])
LEVELS = torch.tensor([-2.0, 0.0, 2.0])


def _batch(tasks: int, generator: torch.Generator, shots: int) -> TaskBatch:
    """Tasks whose targets lie around one of three levels."""
    level = LEVELS[torch.randint(3, (tasks, 1, 1), generator=generator)]
    x = torch.randn(tasks, shots + 1, 1, generator=generator)
    y = level + 0.3 * torch.randn(tasks, shots + 1, 1, generator=generator)
    mask = torch.ones(tasks, 1, dtype=torch.bool)
    return TaskBatch(Support(x[:, :-1], y[:, :-1]), Query(x[:, -1:], y[:, -1:], mask))


class _KnownBest:
    """The level of a task's targets says which composition is best; right decisions are paid."""

    choices: tuple[int, ...] = CHOICES

    def reset(self, batch: TaskBatch) -> Observation:
        support = batch.support
        self.points = torch.cat([support.x, support.y], 2)
        self.wanted = BEST[(support.y.mean((1, 2))[:, None] - LEVELS).abs().argmin(1)]
        self.chosen: list[Tensor] = []
        return self._seen(torch.zeros(len(batch), dtype=torch.long))

    def step(self, choice: Tensor) -> Transition:
        self.chosen.append(choice)
        done = len(self.chosen) == len(CHOICES)
        right = (self.composition == self.wanted[:, : len(self.chosen)]).float().mean(1)
        reward = right if done else torch.zeros(len(choice))
        return Transition(
            self._seen(choice), reward, torch.full_like(choice, done, dtype=torch.bool)
        )

    def _seen(self, choice: Tensor) -> Observation:
        outputs = torch.zeros_like(self.points[..., 1:])
        return Observation(self.points, len(self.chosen), choice, outputs)

    @property
    def composition(self) -> Tensor:
        return torch.stack(self.chosen, 1)


def _share_of_right_decisions(composer: Composer, shots: int) -> float:
    """The mean reward of the sampled decisions in 1000 tasks that nobody has trained on."""
    generator = generator_of("unseen", shots)
    batch = _batch(1000, generator, shots)
    with torch.no_grad():
        return float(roll_out(_KnownBest(), composer, batch, generator).reward.mean())


def _policy_gradient(iterations: int) -> Composer:
    policy = PolicyComposer(1, 1, CHOICES, 32, generator_of("policy"))
    optimiser = torch.optim.Adam(policy.parameters(), 0.006)
    teacher = PolicyGradient(task_entropy=-0.1, marginal_entropy=0.5, floor=0.0, reading=0.0)
    generator = generator_of("learn")
    for i in range(iterations):
        batch = _batch(128, generator, 1 + i % 4)
        rollout = roll_out(_KnownBest(), policy, batch, generator)
        teacher.update(policy, optimiser, rollout, batch, i / iterations)
    return policy


def _ppo(kind: Kind, lr: float, iterations: int) -> Composer:
    policy = Sb3Composer(kind, 1, 1, CHOICES, 32, 4, generator_of("policy"))
    generator = generator_of("learn")
    waiting = [_batch(128, generator, 1 + i % 4) for i in range(iterations)]
    first = waiting.pop()
    policy.standardise(first.support)
    env = ComposeVecEnv(
        _KnownBest(),
        policy,
        first,
        lambda: waiting.pop() if waiting else None,
        lambda batch, reward: None,
        rarity=lambda: 0.3 * len(waiting) / iterations,
    )
    train_with_sb3(
        policy,
        env,
        lr=lambda: lr * max(0.1, len(waiting) / iterations),
        clip=0.2,
        epochs=4,
        minibatches=2,
        rollouts_per_update=1,
        entropy=0.0,
        generator=generator,
        log=lambda **values: None,
    )
    return policy


LEARNERS: dict[str, Callable[[], Composer]] = {
    "policy gradient": lambda: _policy_gradient(150),
    "recurrent PPO": lambda: _ppo("recurrent_ppo", 0.008, 60),
    "PPO": lambda: _ppo("ppo", 0.006, 80),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_within_one_percent_of_the_optimum(name: str) -> None:
    """Whoever ignores the support set is right in half of the decisions at the most."""
    composer = LEARNERS[name]()
    for shots in (1, 4, 7):  # 7 is more than any of them has trained on
        assert _share_of_right_decisions(composer, shots) > 0.99
