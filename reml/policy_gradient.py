"""The composer that learns, and the recurrent policy gradient that teaches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from benchmarks.core import TaskBatch
from reml.composer import Composer, Memory, draw
from reml.env import ComposeEnv
from reml.observation import Observation, SetEncoder


class RecurrentComposer(nn.Module):
    """An LSTM that reads the support set and its own choices; one head a decision.

    Args:
        values: numbers that describe a support point (features + outputs).
        choices: how many layers each decision chooses from.
        width: units of the encoder and of the LSTM.
        generator: for the initial weights.
    """

    greedy = True

    def __init__(
        self, values: int, choices: Sequence[int], width: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.encoder = SetEncoder(values, width)
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
    env: ComposeEnv, composer: Composer, batch: TaskBatch, generator: torch.Generator
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
    baseline, standardised over the batch (Williams, 1992). Two entropy bonuses keep exploration
    alive: a small one on each task's policy, and one on the average policy, which lets each task
    be certain as long as tasks differ. Both fall linearly with training to `floor` of their start.
    """

    entropy: float
    marginal_entropy: float
    entropy_floor: float
    marginal_floor: float
    max_norm: float = 1.0

    def update(
        self,
        composer: RecurrentComposer,
        optimiser: torch.optim.Optimizer,
        rollout: Rollout,
        progress: float,
    ) -> None:
        """One gradient step; `progress` in [0, 1] is how much of training is over."""
        assert rollout.baseline is not None
        advantage = rollout.reward - rollout.baseline.detach()
        advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-6)
        falling = 1 - 1.5 * progress
        objective = (
            -(advantage * rollout.log_prob).mean()
            - self.entropy * max(self.entropy_floor, falling) * rollout.entropy
            - self.marginal_entropy * max(self.marginal_floor, falling) * rollout.marginal_entropy
            + 0.5 * ((rollout.baseline - rollout.reward) ** 2).mean()
        )
        optimiser.zero_grad()
        objective.backward()
        nn.utils.clip_grad_norm_(composer.parameters(), self.max_norm)
        optimiser.step()
