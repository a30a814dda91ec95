"""The thesis's policies, from sb3-contrib and stable-baselines3, and how they compose at test."""

from typing import Any, Literal, NamedTuple

import torch
from gymnasium import spaces
from jaxtyping import Float, Int
from sb3_contrib import RecurrentPPO
from sb3_contrib.ppo_recurrent import MlpLstmPolicy
from stable_baselines3 import PPO
from stable_baselines3.ppo import MlpPolicy
from torch import Tensor

from reml.sb3.shared import private_randomness
from reml.thesis.building import Building
from reml.thesis.env import Normaliser, observation_space

PolicyName = Literal["lstm", "mlp"]
ALGORITHMS: dict[PolicyName, Any] = {"lstm": RecurrentPPO, "mlp": PPO}
POLICIES: dict[PolicyName, type[MlpPolicy]] = {"lstm": MlpLstmPolicy, "mlp": MlpPolicy}


class Composed(NamedTuple):
    """Compositions, in the order of decision, and what the policy was like on the way.

    entropy: of the policy over all choices, summed over decisions; errors: the mean probability it
    gave to choices that do not fit.
    """

    layers: Int[Tensor, "tasks decisions"]
    entropy: Float[Tensor, " tasks"]
    errors: Float[Tensor, " tasks"]


def policy_fields(name: PolicyName, width: int) -> dict[str, Any]:
    """What stable-baselines3 calls `policy_kwargs`."""
    if name == "mlp":
        return {"net_arch": [width, width]}
    return {"net_arch": [width], "lstm_hidden_size": width, "enable_critic_lstm": False}


def new_policy(
    name: PolicyName,
    width: int,
    values: int,
    choices: int,
    generator: torch.Generator,
    device: torch.device,
) -> MlpPolicy:
    """An untrained policy for observations of `values` numbers and so many choices.

    Its own optimiser is never used: the algorithm that trains it brings another.
    """
    space = observation_space(values)
    with private_randomness(generator, device):
        policy = POLICIES[name](
            space, spaces.Discrete(choices), lambda _: 0.0, **policy_fields(name, width)
        )
    return policy.to(device)


@torch.no_grad()
def compose(policy: MlpPolicy, normaliser: Normaliser, building: Building) -> Composed:
    """Let the policy build every row's network, its most likely choice of what fits at a time."""
    network: Any = policy
    network.set_training_mode(False)
    rows, device = len(building.stage), building.stage.device
    memory: Any = None
    if isinstance(policy, MlpLstmPolicy):
        layers, _, width = policy.lstm_hidden_state_shape
        memory = (torch.zeros(layers, rows, width, device=device),) * 2
    entropies: list[Tensor] = []
    errors: list[Tensor] = []
    for _ in range(building.pool.depth):
        seen = normaliser(building.observation())
        if memory is None:
            distribution = network.get_distribution(seen)
        else:
            going_on = torch.zeros(rows, device=device)
            distribution, memory = network.get_distribution(seen, memory, going_on)
        logits, fitting = distribution.distribution.logits, building.fitting()
        entropies.append(distribution.entropy())
        errors.append((logits.softmax(1) * ~fitting).sum(1))
        building.add(logits.masked_fill(~fitting, -torch.inf).argmax(1))
    return Composed(building.layers, torch.stack(entropies).sum(0), torch.stack(errors).mean(0))
