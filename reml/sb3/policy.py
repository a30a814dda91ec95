"""A composer whose policy is one of stable-baselines3's, and what that policy sees."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from gymnasium import spaces
from jaxtyping import Bool, Float, Int
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from benchmarks.core import Support
from reml.inner.observation import Observation
from reml.policy.composer import Memory
from reml.policy.encoders import SetEncoder
from reml.sb3.shared import private_randomness

Kind = Literal["recurrent_ppo", "ppo"]


class Layout:
    """How an `Observation` becomes one row of numbers for each task, as the library wants it.

    A row is the points, one after the other, each with its inputs, its targets, what the partial
    network predicts there, and a 1; then zeros up to `max_points` points; then the decision and
    each of the choices so far, all one-hot. The tail has a fixed length and the points come first,
    so a policy can read rows of any number of points.

    All decisions share one action space, of `max(choices)` actions. An action counts as the allowed
    option with the same number, modulo how many are allowed: so every action is valid.
    """

    def __init__(
        self, features: int, outputs: int, choices: Sequence[int], max_points: int
    ) -> None:
        self.values = features + 2 * outputs
        self.choices = tuple(choices)
        self.max_points = max_points
        self.tail = len(self.choices) + sum(self.choices)
        size = max_points * (self.values + 1) + self.tail
        self.space = spaces.Box(-float("inf"), float("inf"), (size,))

    def remember(
        self, history: Float[Tensor, "tasks history"] | None, observation: Observation
    ) -> Float[Tensor, "tasks history"]:
        """The choices so far, one-hot by decision: `history` and the observation's last choice."""
        previous, made = observation.previous, observation.decision - 1
        if history is None:
            history = observation.points.new_zeros(len(previous), sum(self.choices))
        if made >= 0:
            history = history.clone()
            at = previous + sum(self.choices[:made])
            history[torch.arange(len(at), device=at.device), at] = 1.0
        return history

    def rows(
        self,
        observation: Observation,
        history: Float[Tensor, "tasks history"],
        *,
        padded: bool,
    ) -> Float[Tensor, "tasks numbers"]:
        """One row a task; without `padded`, as long as its points need.

        Raises:
            ValueError: rows are to be padded and there are more points than they have room for.
        """
        values = torch.cat([observation.points, observation.outputs], 2)
        tasks, points, _ = values.shape
        if padded and points > self.max_points:
            raise ValueError(f"expected at most {self.max_points} support points, got {points}")
        values = torch.cat([values, values.new_ones(tasks, points, 1)], 2)
        missing = self.max_points - points if padded else 0
        values = nn.functional.pad(values, (0, 0, 0, missing))
        decision = values.new_zeros(tasks, len(self.choices))
        decision[:, observation.decision] = 1.0
        return torch.cat([values.flatten(1), decision, history], 1)

    def meaning(self, observation: Observation) -> Int[Tensor, "tasks actions"]:
        """The choice that each action stands for."""
        tasks, size = len(observation.points), self.choices[observation.decision]
        action = torch.arange(max(self.choices), device=observation.points.device)
        action = action.expand(tasks, -1)
        if observation.allowed is None:
            return action % size
        # sorting brings each task's allowed options to the front, in their order
        options = (~observation.allowed).long().argsort(dim=1, stable=True)
        return options.gather(1, action % observation.allowed.sum(1, keepdim=True))


class TaskFeatures(BaseFeaturesExtractor):
    """Reads rows of a `Layout`: the order-invariant summary of the points, then the tail as is."""

    def __init__(self, observation_space: spaces.Box, values: int, tail: int, width: int) -> None:
        super().__init__(observation_space, 2 * width + tail)
        self.tail = tail
        self.encoder = SetEncoder(values, width)

    def forward(self, rows: Float[Tensor, "tasks numbers"]) -> Float[Tensor, "tasks read"]:
        """Rows may hold any number of points; those whose last value is 0 are padding."""
        points, tail = rows[:, : -self.tail], rows[:, -self.tail :]
        points = points.unflatten(1, (-1, len(self.encoder.offset) + 1))
        return torch.cat([_encode(self.encoder, points[..., :-1], points[..., -1] > 0), tail], 1)


def _encode(
    encoder: SetEncoder,
    points: Float[Tensor, "tasks points values"],
    mask: Bool[Tensor, "tasks points"],
) -> Float[Tensor, "tasks width2"]:
    """What `encoder` says of the points that are not masked."""
    h = encoder.first(encoder.normal(points))
    told = _pool(h, mask).unsqueeze(1).expand(-1, h.shape[1], -1)
    return _pool(encoder.second(torch.cat([h, told], 2)), mask)


def _pool(
    h: Float[Tensor, "tasks points width"], mask: Bool[Tensor, "tasks points"]
) -> Float[Tensor, "tasks width2"]:
    # RecurrentPPO pads short sequences with rows that have no point: nothing may divide by 0.
    # An embedding ends in a ReLU, so a 0 in place of a masked point is never above the maximum.
    h = h * mask.unsqueeze(2)
    return torch.cat([h.sum(1) / mask.sum(1, keepdim=True).clamp_min(1), h.amax(1)], 1)


class Sb3Composer(nn.Module):
    """Composes with a policy of sb3-contrib's RecurrentPPO or of stable-baselines3's PPO.

    The score of a choice is the log of the summed probability of the actions that stand for it, see
    `Layout`.

    Args:
        kind: the algorithm that trains the policy; `recurrent_ppo`'s has an LSTM.
        features: inputs of a task.
        outputs: outputs of a task.
        choices: how many layers each decision chooses from.
        width: units of the encoder, of the LSTM and of the two hidden layers of each head.
        max_points: most support points of a training task; there is no limit at test.
        generator: for the initial weights.
    """

    greedy = True
    watches = True

    def __init__(
        self,
        kind: Kind,
        features: int,
        outputs: int,
        choices: Sequence[int],
        width: int,
        max_points: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.layout = Layout(features, outputs, choices, max_points)
        self.actions = spaces.Discrete(max(choices))
        self.policy_class: Any = ActorCriticPolicy
        self.policy_kwargs: dict[str, Any] = {
            "net_arch": [width, width],
            "features_extractor_class": TaskFeatures,
            "features_extractor_kwargs": {
                "values": self.layout.values,
                "tail": self.layout.tail,
                "width": width,
            },
        }
        if kind == "recurrent_ppo":
            self.policy_class = RecurrentActorCriticPolicy
            # the critic needs no memory: an observation holds all choices so far
            self.policy_kwargs |= {"lstm_hidden_size": width, "enable_critic_lstm": False}
        with private_randomness(generator, torch.device("cpu")):
            self.policy: ActorCriticPolicy = self.policy_class(
                self.layout.space, self.actions, lambda _: 0.0, **self.policy_kwargs
            )

    def standardise(self, support: Support) -> None:
        """Take offset and scale of the points' values from these tasks; predictions are targets."""
        extractor = self.policy.features_extractor
        assert isinstance(extractor, TaskFeatures)
        extractor.encoder.standardise(torch.cat([support.x, support.y, support.y], 2))

    def logits(
        self, observation: Observation, memory: Memory
    ) -> tuple[Float[Tensor, "tasks choices"], Memory]:
        """Scores of the next decision's choices; `memory` is (choices so far, LSTM state)."""
        history, state = (None, None) if memory is None else memory
        history = self.layout.remember(history, observation)
        rows = self.layout.rows(observation, history, padded=False)
        if isinstance(self.policy, RecurrentActorCriticPolicy):
            if state is None:
                empty = rows.new_zeros(1, len(rows), self.policy.lstm_actor.hidden_size)
                state = (empty, empty)
            distribution, state = self.policy.get_distribution(
                rows, state, rows.new_zeros(len(rows))
            )
        else:
            distribution = self.policy.get_distribution(rows)
        categorical: Any = distribution.distribution
        size = self.layout.choices[observation.decision]
        probability = rows.new_zeros(len(rows), size).scatter_add(
            1, self.layout.meaning(observation), categorical.probs
        )
        return probability.clamp_min(1e-30).log(), (history, state)
