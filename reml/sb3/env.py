"""A decision process of ours as a vectorised environment of stable-baselines3."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn
from torch import Tensor

from benchmarks.core import TaskBatch
from reml.env import Environment
from reml.inner.observation import Observation
from reml.sb3.policy import Sb3Composer


class ComposeVecEnv(VecEnv):
    """The tasks of a batch are the rows; all begin and end their episodes together.

    After the last decision `finished` is called with the batch and the rewards, while `env` still
    holds what the episode left behind; then the next batch begins. Where that is None or holds
    fewer tasks than there are rows, because the budget ends, `over` becomes true, the smaller batch
    is kept in `remainder`, and there is nothing more to step.

    Args:
        env: the decision process.
        composer: whose layout of rows, and whose actions, the environment speaks.
        first: the first batch; its size is the number of rows.
        next_batch: what to go on with after an episode; None when there is nothing left.
        finished: told of each batch that was played to its end, and of its rewards.
        rarity: weight of a bonus −log(share of the rows that make the same choice at the same
            decision), paid with that decision. Its mean is the entropy of the average policy.
    """

    def __init__(
        self,
        env: Environment,
        composer: Sb3Composer,
        first: TaskBatch,
        next_batch: Callable[[], TaskBatch | None],
        finished: Callable[[TaskBatch, Tensor], None],
        *,
        rarity: Callable[[], float],
    ) -> None:
        self.env = env
        self.layout = composer.layout
        self.batch = first
        self.next_batch = next_batch
        self.finished = finished
        self.rarity = rarity
        self.over = False
        self.remainder: TaskBatch | None = None
        self._infos: list[dict[str, Any]] = [{} for _ in range(len(first))]
        super().__init__(len(first), composer.layout.space, composer.actions)

    def reset(self) -> np.ndarray:
        """Begin the batch that is next."""
        self._history: Tensor | None = None
        return self._see(self.env.reset(self.batch))

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Make one decision in every row; at the end of the episodes, begin the next ones.

        Raises:
            RuntimeError: there was nothing more to step.
        """
        if self.over:
            raise RuntimeError("all batches have been played")
        action = torch.as_tensor(self._actions, device=self._meaning.device)
        choice = self._meaning.gather(1, action.unsqueeze(1)).squeeze(1)
        transition = self.env.step(choice)
        done = bool(transition.done.all())
        weight = self.rarity()
        reward = transition.reward.detach()
        paid = reward + weight * rarity_of(choice) if weight else reward
        if done:
            self.finished(self.batch, reward)
            following = self.next_batch()
            if following is not None and len(following) == self.num_envs:
                self.batch = following
                seen = self.reset()
            else:
                self.over, self.remainder = True, following
                seen = self._seen
        else:
            seen = self._see(transition.observation)
        return seen, paid.cpu().numpy(), np.full(self.num_envs, done), self._infos

    def _see(self, observation: Observation) -> np.ndarray:
        self._history = self.layout.remember(self._history, observation)
        self._meaning = self.layout.meaning(observation)
        rows = self.layout.rows(observation, self._history, padded=True)
        self._seen: np.ndarray = rows.detach().cpu().numpy()
        return self._seen

    def close(self) -> None:
        """Nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.env, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        raise NotImplementedError("rows are no environments of their own")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def rarity_of(choice: Int[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    """−log of the share of the rows that made the same choice."""
    share = torch.bincount(choice) / len(choice)
    return -torch.log(share)[choice]
