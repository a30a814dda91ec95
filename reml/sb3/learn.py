"""RecurrentPPO and PPO as alternatives to the direct policy gradient, on the same process."""

import sys
from collections.abc import Callable
from math import ceil

import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3 import PPO

from reml.policy.gradient import roll_out
from reml.sb3.env import ComposeVecEnv
from reml.sb3.policy import Sb3Composer
from reml.sb3.shared import StopWhen, forwarding_logger, private_randomness


def train_with_sb3(
    composer: Sb3Composer,
    vec_env: ComposeVecEnv,
    *,
    lr: Callable[[], float],
    clip: float,
    epochs: int,
    minibatches: int,
    rollouts_per_update: int,
    entropy: float,
    gamma: float = 1.0,
    gae_lambda: float = 0.95,
    generator: torch.Generator,
    log: Callable[..., None],
) -> None:
    """Train the composer's policy until the environment is over; Adam's moments start anew.

    The library stops before it has learned from the last `rollouts_per_update` batches, and cannot
    play a last batch that is smaller than the others. That one is played here, so that `finished`
    hears of every task that was drawn.

    Args:
        composer: is trained in place.
        vec_env: made for this composer.
        lr: learning rate, asked for at each update.
        clip: PPO's clip range.
        epochs: passes over the collected episodes in each update.
        minibatches: gradient steps in each pass.
        rollouts_per_update: batches of episodes collected for each update.
        entropy: weight of the entropy of each task's own policy; may be negative.
        gamma: discount.
        gae_lambda: 1 gives advantages without bias; lower ones have less variance.
        generator: seeds the library; global random states are left as they were.
        log: called with `policy_loss`, `value_loss`, `explained_variance`, `clip_fraction` and
            `policy_entropy` of the update before, the entropy being summed over decisions.
    """
    steps = rollouts_per_update * len(composer.layout.choices)

    def summed(**values: float) -> None:
        if "policy_entropy" in values:
            values["policy_entropy"] *= len(composer.layout.choices)
        log(**values)

    device = next(composer.parameters()).device
    algorithm = RecurrentPPO if composer.kind == "recurrent_ppo" else PPO
    with private_randomness(generator, device):
        model = algorithm(
            composer.policy_class,
            vec_env,
            learning_rate=lambda _: lr(),
            n_steps=steps,
            batch_size=ceil(steps * vec_env.num_envs / minibatches),
            n_epochs=epochs,
            gamma=gamma,
            gae_lambda=gae_lambda,
            clip_range=clip,
            ent_coef=entropy,
            policy_kwargs=composer.policy_kwargs,
            device=device,
        )
        composer.policy.optimizer = torch.optim.Adam(composer.policy.parameters(), eps=1e-5)
        model.policy = composer.policy
        model.set_logger(forwarding_logger(summed))
        model.learn(sys.maxsize, callback=StopWhen(lambda: vec_env.over))
    if vec_env.remainder is not None:
        batch, vec_env.remainder = vec_env.remainder, None
        vec_env.finished(batch, roll_out(vec_env.env, composer, batch, generator).reward)
