"""Composers: what they see, how they draw, and that the policy gradient finds a known optimum."""

from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from benchmarks.core import TaskBatch, generator_of
from benchmarks.tasks.sinusoid import Sinusoid
from reml.env import ComposeEnv
from reml.inner.observation import Observation
from reml.inner.pool import LayerPool
from reml.policy.composer import Composer, FixedComposer, RandomComposer, draw, task_noise
from reml.policy.gradient import PolicyGradient, Rollout, roll_out, score_again
from reml.policy.recurrent import PolicyComposer

Memory = Literal["lstm", "mlp"]
CHOICES = (3, 2, 5, 5)


def _batch(tasks: int, shots: int = 6) -> TaskBatch:
    return Sinusoid().sample(tasks, "train", generator_of("composers"), shots=shots, queries=4)


def _points(batch: TaskBatch) -> Tensor:
    return torch.cat([batch.support.x, batch.support.y], 2)


def _policy() -> PolicyComposer:
    return PolicyComposer(1, 1, CHOICES, 16, generator_of("policy"))


def _seen(points: Tensor, decision: int, previous: Tensor) -> Observation:
    return Observation(points, decision, previous, points[:, :, 1:] / 2)


def _logits(composer: Any, points: Tensor) -> Tensor:
    """Logits of all decisions side by side, always choosing layer 0 or 1 in turn."""
    memory, previous, out = None, torch.zeros(len(points), dtype=torch.long), []
    for decision in range(len(CHOICES)):
        logits, memory = composer.logits(_seen(points, decision, previous), memory)
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
    observation = _seen(points, 2, torch.zeros(2000, dtype=torch.long))
    logits, _ = RandomComposer(CHOICES).logits(observation, None)
    counts = torch.bincount(draw(logits, uniform), minlength=5)
    assert counts.min() > 330
    logits, _ = FixedComposer(CHOICES, (0, 0, 0, 1)).logits(observation, None)
    assert set(draw(logits, uniform).tolist()) == {0}
    logits, _ = FixedComposer(CHOICES, (0, 0, 0, 1)).logits(observation._replace(decision=3), None)
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


def _roll(composer: Composer, tasks: int = 50) -> Rollout:
    pool = LayerPool(1, 1, 8, (3, 5, 2), 4, 0.01, generator_of("pool"))
    env = ComposeEnv(pool, steps=1, unadapted_weight=0.4, max_norm=10.0, gradients="none")
    return roll_out(env, composer, _batch(tasks), generator_of("roll"))


def test_entropies_are_those_of_the_policy() -> None:
    scores = _roll(RandomComposer(CHOICES)).scores
    expected = sum(torch.log(torch.tensor(float(n))) for n in CHOICES)
    torch.testing.assert_close(scores.entropy, expected)
    torch.testing.assert_close(scores.marginal_entropy, expected)
    torch.testing.assert_close(scores.log_prob.sum(1), -expected.expand(50))


def test_decisions_that_are_scored_together_have_the_scores_and_gradients_of_each() -> None:
    policy = _policy()
    rollout = _roll(policy)
    memory, log_probs, entropy, marginal = None, [], torch.zeros(()), torch.zeros(())
    for seen, choice in zip(rollout.observations, rollout.composition.unbind(1), strict=True):
        logits, memory = policy.logits(seen, memory)
        said = logits.log_softmax(1)
        log_probs.append(said.gather(1, choice.unsqueeze(1)).squeeze(1))
        entropy = entropy - (said.exp() * said).sum(1).mean()
        marginal = marginal - (said.exp().mean(0) * said.exp().mean(0).log()).sum()
    together = rollout.scores.log_prob, rollout.scores.entropy, rollout.scores.marginal_entropy
    weights = [it for it in policy.parameters() if it.requires_grad]
    found = [
        [*it, *torch.autograd.grad(sum(each.sum() for each in it), weights, allow_unused=True)]
        for it in (together, (torch.stack(log_probs, 1), entropy, marginal))
    ]
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("memory", ["lstm", "mlp"])
@pytest.mark.parametrize("watch", [True, False])
def test_scoring_again_gives_the_same_scores(memory: Memory, watch: bool) -> None:
    policy = PolicyComposer(1, 1, CHOICES, 16, generator_of("p"), memory=memory, watch=watch)
    rollout = _roll(policy)
    again = score_again(policy, rollout)
    for name, value in rollout.scores._asdict().items():
        torch.testing.assert_close(getattr(again, name), value)


def test_only_a_watching_policy_minds_what_the_partial_network_predicts() -> None:
    points = _points(_batch(4))
    seen = _seen(points, 0, torch.zeros(4, dtype=torch.long))
    other = seen._replace(outputs=seen.outputs + 1)
    for watch in (True, False):
        policy = PolicyComposer(1, 1, CHOICES, 16, generator_of("policy"), watch=watch)
        same = torch.equal(policy.logits(seen, None)[0], policy.logits(other, None)[0])
        assert same is not watch


def test_an_mlp_policy_is_told_all_choices_so_far() -> None:
    points = _points(_batch(4))
    policy = PolicyComposer(1, 1, CHOICES, 16, generator_of("policy"), memory="mlp", watch=False)

    def third(first: int) -> Tensor:
        memory = None
        for decision, previous in enumerate((0, first, 1)):
            choice = torch.full((4,), previous)
            logits, memory = policy.logits(_seen(points, decision, choice), memory)
        return logits

    assert not torch.equal(third(0), third(2))


def test_clipping_keeps_a_policy_near_the_one_that_acted() -> None:
    """Twenty steps on one rollout: what was chosen becomes far likelier unless it is clipped."""

    def moved(clip: float) -> tuple[float, dict[str, Tensor]]:
        policy = _policy()
        optimiser = torch.optim.Adam(policy.parameters(), 0.01)
        teacher = PolicyGradient(0.0, 0.0, 0.0, 0.0, clip=clip, epochs=20)
        rollout = _roll(policy)
        told = teacher.update(policy, optimiser, rollout, _batch(50), 0.0)
        ratio = (score_again(policy, rollout).log_prob - rollout.scores.log_prob).exp()
        return float((ratio - 1).detach().abs().mean()), told

    tight, told = moved(0.02)
    loose, _ = moved(0.9)
    assert tight < 0.6 * loose
    assert 0 < float(told["clip_fraction"]) <= 1
    assert set(told) == {"policy_loss", "value_loss", "explained_variance", "clip_fraction"}
