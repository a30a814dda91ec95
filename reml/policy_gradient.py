"""The composer that learns, and the recurrent policy gradient that teaches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from benchmarks.core import TaskBatch, task_mse
from reml.composer import Composer, Memory, draw
from reml.env import Environment
from reml.observation import Decoder, Observation, SetEncoder


class RecurrentComposer(nn.Module):
    """An LSTM that reads the support set and its own choices; one head a decision.

    Args:
        features: inputs of a task.
        outputs: outputs of a task.
        choices: how many layers each decision chooses from.
        width: units of the encoder and of the LSTM.
        generator: for the initial weights.
    """

    greedy = True

    def __init__(
        self,
        features: int,
        outputs: int,
        choices: Sequence[int],
        width: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.features = features
        with torch.random.fork_rng(devices=[]):  # the defaults drawn here are overwritten below
            self.encoder = SetEncoder(features + outputs, width)
            self.decoder = Decoder(features, outputs, width)
            self.embeddings = nn.ModuleList(nn.Embedding(n, width // 2) for n in (1, *choices[:-1]))
            self.cell = nn.LSTMCell(2 * width + width // 2, width)
            self.heads = nn.ModuleList(nn.Linear(width, n) for n in choices)
            self.value = nn.Linear(width, 1)
        _initialise(self, generator)

    def logits(
        self, observation: Observation, memory: Memory
    ) -> tuple[Float[Tensor, "tasks choices"], Memory]:
        """Scores of the next decision's choices; `memory` is (encoding, hidden, cell)."""
        if memory is None:
            task = self.encoder(observation.points)
            hidden = cell = task.new_zeros(len(task), self.cell.hidden_size)
        else:
            task, hidden, cell = memory
        last = self.embeddings[observation.decision](observation.previous)
        hidden, cell = self.cell(torch.cat([task, last], 1), (hidden, cell))
        return self.heads[observation.decision](hidden), (task, hidden, cell)

    def baseline(self, memory: Memory) -> Float[Tensor, " tasks"]:
        """The reward expected of the episode, judged from the memory of its first decision."""
        return self.value(memory[1]).squeeze(1)

    def reading_loss(self, batch: TaskBatch, queries: int) -> Float[Tensor, ""]:
        """How badly the encoding alone predicts each task's first `queries` query points.

        The mean squared error in standardised units. The policy gradient is too faint a signal to
        learn from it, early on, what tells one task from another; this one is not.
        """
        support, query = batch.support, batch.query
        encoding = self.encoder(torch.cat([support.x, support.y], 2))
        points = self.encoder.normal(torch.cat([query.x, query.y], 2)[:, :queries])
        x, y = points[..., : self.features], points[..., self.features :]
        return task_mse(self.decoder(encoding, x), y, query.mask[:, :queries]).mean()


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Redraw every weight from `generator`, each uniform as PyTorch's defaults would have it."""
    with torch.no_grad():
        for layer in module.modules():
            fan = getattr(layer, "in_features", None) or getattr(layer, "hidden_size", None)
            for parameter in layer.parameters(recurse=False):
                if isinstance(layer, nn.Embedding):
                    parameter.normal_(generator=generator)
                elif fan:
                    parameter.uniform_(-(fan**-0.5), fan**-0.5, generator=generator)


class Rollout(NamedTuple):
    """One episode a task, with what a policy gradient needs of it."""

    composition: Int[Tensor, "tasks decisions"]
    reward: Float[Tensor, " tasks"]
    log_prob: Float[Tensor, " tasks"]
    entropy: Float[Tensor, ""]
    marginal_entropy: Float[Tensor, ""]
    baseline: Float[Tensor, " tasks"] | None


def roll_out(
    env: Environment, composer: Composer, batch: TaskBatch, generator: torch.Generator
) -> Rollout:
    """Compose one network for each task, sampling every decision.

    Entropies are summed over decisions: `entropy` is the mean over tasks of each task's own,
    `marginal_entropy` that of the average policy.
    """
    observation, memory = env.reset(batch), None
    log_prob = entropy = marginal = torch.zeros((), device=batch.support.x.device)
    reward = baseline = None
    for _ in env.choices:
        logits, memory = composer.logits(observation, memory)
        if baseline is None and isinstance(composer, RecurrentComposer):
            baseline = composer.baseline(memory)
        uniform = torch.rand(logits.shape, generator=generator).to(logits.device)
        choice = draw(logits.detach(), uniform)
        log_probs = logits.log_softmax(1)
        mean = log_probs.exp().mean(0)
        log_prob = log_prob + log_probs.gather(1, choice.unsqueeze(1)).squeeze(1)
        entropy = entropy - (log_probs.exp() * log_probs).sum(1).mean()
        marginal = marginal - (mean * mean.clamp_min(1e-9).log()).sum()
        observation, reward, _ = env.step(choice)
    assert reward is not None
    return Rollout(env.composition, reward, log_prob, entropy, marginal, baseline)


@dataclass(frozen=True)
class PolicyGradient:
    """REINFORCE with a learned baseline, for episodes that all end at the same moment.

    The reward comes once, at the end, so an episode's advantage is one number: reward less
    baseline, standardised over the batch (Williams, 1992). Two entropy terms work against the
    collapse onto one composition: a bonus on the entropy of the average policy makes tasks differ,
    a negative one on each task's own entropy makes every task certain. Together they reward the
    mutual information between task and composition. Both fall linearly to `floor` of their start.

    Attributes:
        task_entropy: weight of the mean entropy of the tasks' own policies; may be negative.
        marginal_entropy: weight of the entropy of the policy averaged over tasks.
        floor: share of both weights that is left in the last half of training or so.
        reading: weight of the encoder's own loss, see `RecurrentComposer.reading_loss`.
        reading_queries: query points of each task used in that loss.
        max_norm: cap on the norm of the gradient.
    """

    task_entropy: float
    marginal_entropy: float
    floor: float
    reading: float
    reading_queries: int = 8
    max_norm: float = 1.0

    def update(
        self,
        composer: RecurrentComposer,
        optimiser: torch.optim.Optimizer,
        rollout: Rollout,
        batch: TaskBatch,
        progress: float,
    ) -> None:
        """One gradient step; `progress` in [0, 1] is how much of training is over."""
        assert rollout.baseline is not None
        advantage = rollout.reward - rollout.baseline.detach()
        advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-6)
        falling = max(self.floor, 1 - 1.5 * progress)
        objective = (
            -(advantage * rollout.log_prob).mean()
            - falling * self.task_entropy * rollout.entropy
            - falling * self.marginal_entropy * rollout.marginal_entropy
            + 0.5 * ((rollout.baseline - rollout.reward) ** 2).mean()
        )
        if self.reading:
            objective = objective + self.reading * composer.reading_loss(
                batch, self.reading_queries
            )
        optimiser.zero_grad()
        objective.backward()
        nn.utils.clip_grad_norm_(composer.parameters(), self.max_norm)
        optimiser.step()
