"""Composers: what they see, how they draw, and that the policy gradient finds a known optimum."""

from typing import Any

import torch
from torch import Tensor

from benchmarks.core import TaskBatch, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.composer import FixedComposer, RandomComposer, draw, task_noise
from reml.env import Transition
from reml.observation import Observation
from reml.policy_gradient import PolicyGradient, RecurrentComposer, roll_out

CHOICES = (3, 2, 5, 5)


def _batch(tasks: int, shots: int = 6) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("composers"), shots=shots, queries=4)


def _points(batch: TaskBatch) -> Tensor:
    return torch.cat([batch.support.x, batch.support.y], 2)


def _policy() -> RecurrentComposer:
    return RecurrentComposer(1, 1, CHOICES, 16, generator_of("policy"))


def _logits(composer: Any, points: Tensor) -> Tensor:
    """Logits of all decisions side by side, always choosing layer 0 or 1 in turn."""
    memory, previous, out = None, torch.zeros(len(points), dtype=torch.long), []
    for decision in range(len(CHOICES)):
        logits, memory = composer.logits(Observation(points, decision, previous), memory)
        previous = torch.full_like(previous, decision % 2)
        out.append(logits)
    return torch.cat(out, 1)


def test_the_policy_does_not_mind_the_order_of_the_support_points() -> None:
    points, policy = _points(_batch(4)), _policy()
    shuffled = points[:, torch.tensor([3, 0, 5, 1, 4, 2])]
    torch.testing.assert_close(_logits(policy, points), _logits(policy, shuffled))


def test_the_policy_takes_any_number_of_points_and_tasks_alone_or_together() -> None:
    policy = _policy()
    for shots in (1, 3, 20):
        points = _points(_batch(4, shots))
        together = _logits(policy, points)
        alone = torch.cat([_logits(policy, points[i : i + 1]) for i in range(4)])
        torch.testing.assert_close(together, alone)


def test_random_composer_is_uniform_and_fixed_composer_is_fixed() -> None:
    points = _points(_batch(2000))
    uniform = torch.rand(2000, 5, generator=generator_of("uniform"))
    observation = Observation(points, 2, torch.zeros(2000, dtype=torch.long))
    logits, _ = RandomComposer(CHOICES).logits(observation, None)
    counts = torch.bincount(draw(logits, uniform), minlength=5)
    assert counts.min() > 330
    logits, _ = FixedComposer(CHOICES).logits(observation, None)
    assert set(draw(logits, uniform).tolist()) == {0}
    logits, _ = FixedComposer(CHOICES).logits(observation._replace(decision=3), None)
    assert set(draw(logits, uniform).tolist()) == {1}


def test_draw_follows_the_softmax() -> None:
    logits = torch.log(torch.tensor([0.7, 0.2, 0.1])).expand(20_000, 3)
    choice = draw(logits, torch.rand(20_000, 3, generator=generator_of("draw")))
    share = torch.bincount(choice, minlength=3) / 20_000
    torch.testing.assert_close(share, torch.tensor([0.7, 0.2, 0.1]), atol=0.015, rtol=0)


def test_task_noise_depends_on_the_task_alone() -> None:
    support = _batch(5).support
    noise = task_noise(support.x, support.y, (2, 3))
    assert noise.shape == (5, 2, 3)
    assert len(noise.flatten(1).unique(dim=0)) == 5
    alone = task_noise(support.x[2:3], support.y[2:3], (2, 3))
    assert torch.equal(alone[0], noise[2])
    order = torch.tensor([5, 3, 4, 1, 0, 2])
    assert torch.equal(task_noise(support.x[:, order], support.y[:, order], (2, 3)), noise)


class _KnownBest:
    """One composition is best for tasks with positive targets, another for the rest."""

    choices: tuple[int, ...] = CHOICES
    best = torch.tensor([[2, 0, 4, 1], [0, 1, 3, 3]])

    def reset(self, batch: TaskBatch) -> Observation:
        self.points = _points(batch)
        self.wanted = self.best[(self.points[:, :, 1].mean(1) > 0).long()]
        self.chosen: list[Tensor] = []
        return Observation(self.points, 0, torch.zeros(len(batch), dtype=torch.long))

    def step(self, choice: Tensor) -> Transition:
        self.chosen.append(choice)
        done = len(self.chosen) == len(CHOICES)
        reward = torch.zeros(len(choice))
        if done:
            reward = (self.composition == self.wanted).float().mean(1)
        observation = Observation(self.points, len(self.chosen), choice)
        return Transition(observation, reward, torch.full_like(choice, done, dtype=torch.bool))

    @property
    def composition(self) -> Tensor:
        return torch.stack(self.chosen, 1)


def test_the_policy_gradient_solves_an_environment_with_a_known_optimum() -> None:
    """Within 1 % of the optimum, which needs a different composition for different tasks."""
    env = _KnownBest()
    policy = RecurrentComposer(1, 1, CHOICES, 32, generator_of("policy"))
    optimiser = torch.optim.Adam(policy.parameters(), 0.01)
    teacher = PolicyGradient(task_entropy=0.0, marginal_entropy=0.02, floor=0.0, reading=0.0)
    generator = generator_of("solve")
    sample = Sinusoid(phase_low=0.0, phase_high=0.01).sample
    for i in range(600):
        batch = sample(128, "train", generator, shots=1, queries=1)
        rollout = roll_out(env, policy, batch, generator)
        teacher.update(policy, optimiser, rollout, batch, i / 600)
    batch = sample(1000, "test", generator, shots=1, queries=1)
    rewards = roll_out(env, policy, batch, generator).reward
    assert rewards.mean() > 0.99


def test_entropies_are_those_of_the_policy() -> None:
    env = _KnownBest()
    rollout = roll_out(env, RandomComposer(CHOICES), _batch(50), generator_of("roll"))
    expected = sum(torch.log(torch.tensor(float(n))) for n in CHOICES)
    torch.testing.assert_close(rollout.entropy, expected)
    torch.testing.assert_close(rollout.marginal_entropy, expected)
    torch.testing.assert_close(rollout.log_prob, -expected.expand(50))
