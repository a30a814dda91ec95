"""The recurrent policy gradient: rolling episodes out, and teaching the composer with them."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from benchmarks.core import TaskBatch
from reml.env import Environment
from reml.inner.observation import Observation
from reml.policy.composer import IMPOSSIBLE, Composer, Memory, gumbel, score
from reml.policy.recurrent import PolicyComposer
from reml.reward import relative_advantage


class Scores(NamedTuple):
    """What a composer says of the choices of an episode.

    Entropies are summed over decisions: `entropy` is the mean over tasks of each task's own,
    `marginal_entropy` that of the average policy.
    """

    log_prob: Float[Tensor, "tasks decisions"]
    entropy: Float[Tensor, ""]
    marginal_entropy: Float[Tensor, ""]
    baseline: Float[Tensor, " tasks"] | None
    encoding: Float[Tensor, "tasks width"] | None


class Rollout(NamedTuple):
    """One episode a task, with what a policy gradient needs of it."""

    observations: list[Observation]
    composition: Int[Tensor, "tasks decisions"]
    reward: Float[Tensor, " tasks"]
    scores: Scores


class _Tally:
    """Adds up what a composer says, decision by decision."""

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._memory: Memory = None
        self._logits: list[Tensor] = []
        self._choices: list[Tensor] = []
        self._baseline: Tensor | None = None
        self._encoding: Tensor | None = None

    def logits(self, observation: Observation) -> Float[Tensor, "tasks choices"]:
        logits, self._memory = score(self._composer, observation, self._memory)
        if isinstance(self._composer, PolicyComposer) and self._encoding is None:
            self._encoding = self._memory[0]
            self._baseline = self._composer.baseline(self._memory)
        return logits

    def count(self, logits: Float[Tensor, "tasks choices"], choice: Int[Tensor, " tasks"]) -> None:
        self._logits.append(logits)
        self._choices.append(choice)

    def scores(self) -> Scores:
        """Of all decisions at once, as if each had as many options as the one that has most."""
        most = max(it.shape[1] for it in self._logits)
        padded = [pad(it, (0, most - it.shape[1]), value=IMPOSSIBLE) for it in self._logits]
        log_probs = torch.stack(padded, 1).log_softmax(2)
        probs = log_probs.exp()
        mean = probs.mean(0)
        chosen = torch.stack(self._choices, 1).unsqueeze(2)
        return Scores(
            log_probs.gather(2, chosen).squeeze(2),
            -(probs * log_probs).sum((1, 2)).mean(),
            -(mean * mean.clamp_min(1e-9).log()).sum(),
            self._baseline,
            self._encoding,
        )


def roll_out(
    env: Environment, composer: Composer, batch: TaskBatch, generator: torch.Generator
) -> Rollout:
    """Compose one network for each task, sampling every decision."""
    tally = _Tally(composer)
    observations = [env.reset(batch)]
    rows, reward = len(observations[0].previous), None
    uniform = torch.rand(rows * sum(env.choices), generator=generator)
    noise = gumbel(uniform.to(observations[0].previous.device))
    for chance in noise.split([rows * options for options in env.choices]):
        logits = tally.logits(observations[-1])
        choice = (logits.detach() + chance.view(logits.shape)).argmax(1)
        tally.count(logits, choice)
        observation, reward, _ = env.step(choice)
        observations.append(observation)
    assert reward is not None
    return Rollout(observations[:-1], env.composition, reward, tally.scores())


def score_again(composer: Composer, rollout: Rollout) -> Scores:
    """What the composer, having changed, says of the same choices."""
    tally = _Tally(composer)
    for observation, choice in zip(
        rollout.observations, rollout.composition.unbind(1), strict=True
    ):
        tally.count(tally.logits(observation), choice)
    return tally.scores()


def entropy_share(progress: float, floor: float) -> float:
    """What is left of the entropy terms' weights when `progress` of training is over."""
    return max(floor, 1 - 1.5 * progress)


@dataclass(frozen=True)
class PolicyGradient:
    """REINFORCE with a learned baseline, for episodes that all end at the same moment.

    The reward comes once, at the end, so an episode's advantage is one number: reward less
    baseline, standardised over the batch (Williams, 1992). Two entropy terms work against the
    collapse onto one composition: a bonus on the entropy of the average policy makes tasks differ,
    a negative one on each task's own entropy makes every task certain. Together they reward the
    mutual information between task and composition. Both fall linearly to `floor` of their start.

    With `clip`, the objective is PPO's (Schulman et al., 2017): `epochs` steps on each rollout,
    with the ratio of new to old probability of every choice kept within 1 ± `clip`.

    Attributes:
        task_entropy: weight of the mean entropy of the tasks' own policies; may be negative.
        marginal_entropy: weight of the entropy of the policy averaged over tasks.
        floor: share of both weights that is left in the last half of training or so.
        reading: weight of the encoder's own loss, see `PolicyComposer.reading_loss`.
        clip: PPO's clip range; None for the plain policy gradient.
        epochs: gradient steps on each rollout; more than 1 only with `clip`.
        reading_queries: query points of each task used in that loss.
        max_norm: cap on the norm of the gradient.
        episodes: how many in a row are of one task; with several of them the advantage of one is
            its reward less the mean of the others, and there is no baseline to learn.
    """

    task_entropy: float
    marginal_entropy: float
    floor: float
    reading: float
    clip: float | None = None
    epochs: int = 1
    reading_queries: int = 8
    max_norm: float = 1.0
    episodes: int = 1

    def update(
        self,
        composer: PolicyComposer,
        optimiser: torch.optim.Optimizer,
        rollout: Rollout,
        batch: TaskBatch,
        progress: float,
    ) -> dict[str, Tensor]:
        """`epochs` gradient steps; `progress` in [0, 1] is how much of training is over.

        Returns:
            What there is to log, of the first step: policy_loss, value_loss, explained_variance,
            reading_loss; clip_fraction of the last one, with `clip`.
        """
        falling = entropy_share(progress, self.floor)
        scores, expected = rollout.scores, rollout.scores.baseline
        assert expected is not None
        if self.episodes > 1:
            advantage = relative_advantage(rollout.reward, self.episodes)
        else:
            advantage = rollout.reward - expected.detach()
        advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-6)
        told: dict[str, Tensor] = {}
        for epoch in range(self.epochs):
            if epoch:
                scores = score_again(composer, rollout)
            assert scores.baseline is not None
            assert scores.encoding is not None
            policy_loss, clipped = self._policy_loss(scores, rollout.scores, advantage)
            value_loss = ((scores.baseline - rollout.reward) ** 2).mean()
            objective = (
                policy_loss
                - falling * self.task_entropy * scores.entropy
                - falling * self.marginal_entropy * scores.marginal_entropy
            )
            if self.episodes == 1:
                objective = objective + 0.5 * value_loss
            if self.reading:
                reading = composer.reading_loss(
                    scores.encoding[:: self.episodes], batch, self.reading_queries
                )
                objective = objective + self.reading * reading
                told.setdefault("reading_loss", reading.detach())
            told.setdefault("policy_loss", policy_loss.detach())
            told.setdefault("value_loss", value_loss.detach())
            optimiser.zero_grad()
            objective.backward()
            nn.utils.clip_grad_norm_(composer.parameters(), self.max_norm)
            optimiser.step()
        if self.episodes == 1:
            spread = rollout.reward.var(correction=0) + 1e-6
            told["explained_variance"] = 1 - told["value_loss"] / spread
        else:
            del told["value_loss"]
        return told if self.clip is None else {**told, "clip_fraction": clipped}

    def _policy_loss(
        self, scores: Scores, before: Scores, advantage: Float[Tensor, " tasks"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The loss, and the share of choices whose ratio is out of the clip range."""
        if self.clip is None:
            loss = -(advantage * scores.log_prob.sum(1)).mean()
            return loss, torch.zeros_like(loss)
        ratio = (scores.log_prob - before.log_prob.detach()).exp()
        gain = advantage.unsqueeze(1)
        within = ratio.clamp(1 - self.clip, 1 + self.clip)
        loss = -torch.minimum(gain * ratio, gain * within).sum(1).mean()
        return loss, ((ratio - 1).abs() > self.clip).float().mean()
