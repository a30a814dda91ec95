"""The thesis's MDP as a batched environment of stable-baselines3."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Int
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor

from benchmarks.core import BudgetedSource, State, TaskBatch
from reml.thesis.building import Building, task_information
from reml.thesis.pool import ThesisPool
from reml.thesis.reward import RewardScale, train_and_score

ERROR = -1.0


class Rules(NamedTuple):
    """What an episode is: points of a task, Adam at its end, and the most decisions it may take."""

    shots: int
    queries: int
    lr: float
    steps: int
    longest: int


class Normaliser:
    """Subtracts the running mean of observations and divides by their standard deviation."""

    def __init__(self, size: int) -> None:
        self.statistics = RunningMeanStd(shape=(size,))

    def __call__(self, seen: Float[Tensor, "rows values"]) -> Float[Tensor, "rows values"]:
        mean, deviation = (
            torch.as_tensor(values, dtype=seen.dtype, device=seen.device)
            for values in (self.statistics.mean, np.sqrt(self.statistics.var + 1e-8))
        )
        return ((seen - mean) / deviation).clamp(-10.0, 10.0)

    def update(self, seen: Float[Tensor, "rows values"]) -> None:
        self.statistics.update(seen.cpu().double().numpy())

    def state(self) -> State:
        kept = self.statistics
        return {
            "mean": torch.from_numpy(kept.mean),
            "var": torch.from_numpy(kept.var),
            "count": float(kept.count),
        }

    def load_state(self, state: State) -> None:
        self.statistics.mean = state["mean"].cpu().numpy()
        self.statistics.var = state["var"].cpu().numpy()
        self.statistics.count = state["count"]


def observation_space(size: int) -> spaces.Box:
    return spaces.Box(-10.0, 10.0, (size,), np.float32)


class ThesisEnv(VecEnv):
    """`rows` episodes side by side, all stepped at once; each starts anew where it ends.

    A choice that does not fit costs `ERROR` and adds nothing. Where the network is complete, Adam
    trains it on the support points, its layers go back to the pool and the reward is
    `RewardScale.reward` on the query points; every other decision earns 0. The networks of all
    rows that are complete at the same moment are trained as one batch.

    Where the budget's last draw is too small for the rows that need a task, they share its tasks;
    `spent` is set at the first draw that is impossible.
    """

    render_mode = None

    def __init__(
        self,
        pool: ThesisPool,
        source: BudgetedSource,
        scale: RewardScale,
        normaliser: Normaliser,
        needs: list[str],
        rows: int,
        rules: Rules,
    ) -> None:
        self.spent = False
        self._pool = pool
        self._source = source
        self._scale = scale
        self._normaliser = normaliser
        self._needs = needs
        self._rules = rules
        size = len(normaliser.statistics.mean)
        super().__init__(rows, observation_space(size), spaces.Discrete(len(pool)))

    def reset(self) -> np.ndarray:
        batch = self._draw(self.num_envs)
        if batch is None:
            raise ValueError("expected a budget that is not spent")
        rows, device = self.num_envs, self._source.device
        queries = (rows, self._rules.queries)
        problem = self._source.problem
        self._x = torch.zeros(*queries, problem.features, device=device)
        self._y = torch.zeros(*queries, problem.outputs, device=device)
        self._mask = torch.zeros(queries, dtype=torch.bool, device=device)
        self._length = torch.zeros(rows, dtype=torch.long, device=device)
        self._return = torch.zeros(rows, device=device)
        information = task_information(batch.support, self._needs)
        self._building = Building(self._pool, batch.support, information)
        self._keep_query(torch.arange(rows, device=device), batch)
        return self._observe()

    def step_async(self, actions: np.ndarray) -> None:
        self._choice = torch.as_tensor(actions, device=self._source.device).long()

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        fits = self._building.add(self._choice)
        reward = torch.where(fits, 0.0, ERROR)
        self._length += 1
        complete = self._building.stage == self._pool.depth
        over = complete | (self._length >= self._rules.longest)
        finished = complete.nonzero().squeeze(1)
        if len(finished):
            reward[finished] = self._finish(finished)
        self._return += reward
        self._source.count(environment_steps=self.num_envs)
        self._source.log(error_rate=1 - fits.float().mean())
        ended = over.nonzero().squeeze(1)
        if len(ended):
            self._source.log(reward=self._return[ended].mean())
            self._start_over(ended)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        return self._observe(), reward.cpu().numpy(), over.cpu().numpy(), infos

    def _finish(self, rows: Int[Tensor, " some"]) -> Float[Tensor, " some"]:
        """Train the complete networks, put their layers back, and say what they earn."""
        building = self._building
        layers = building.layers[rows]
        trained = train_and_score(
            self._pool.gather(layers),
            (building.x[rows], building.y[rows]),
            (self._x[rows], self._y[rows], self._mask[rows]),
            self._rules.lr,
            self._rules.steps,
        )
        self._pool.write_back(layers, trained.weights)
        self._source.count(inner_gradients=len(rows) * self._rules.steps)
        self._source.log(
            query_loss=trained.after.mean(),
            query_loss_before=trained.before.mean(),
            support_loss=trained.support.mean(),
        )
        return self._scale.reward(building.information[rows], trained.before, trained.after)

    def _start_over(self, rows: Int[Tensor, " some"]) -> None:
        batch = self._draw(len(rows))
        if batch is None:
            return
        self._building.restart(rows, batch.support, task_information(batch.support, self._needs))
        self._keep_query(rows, batch)
        self._length[rows], self._return[rows] = 0, 0.0

    def _draw(self, n: int) -> TaskBatch | None:
        """A task for each of `n` rows, or None where the budget is spent."""
        if self._source.exhausted:
            self.spent = True
            return None
        batch = self._source.sample(n, shots=self._rules.shots, queries=self._rules.queries)
        return batch.rows(torch.arange(n, device=self._source.device) % len(batch))

    def _keep_query(self, rows: Int[Tensor, " some"], batch: TaskBatch) -> None:
        query, width = batch.query, batch.query.x.shape[1]
        self._mask[rows] = False
        self._x[rows, :width], self._y[rows, :width] = query.x, query.y
        self._mask[rows, :width] = query.mask

    def _observe(self) -> np.ndarray:
        seen = self._building.observation()
        self._normaliser.update(seen)
        return self._normaliser(seen).cpu().numpy()

    def close(self) -> None:
        """Nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        return [getattr(self, method_name)(*args, **kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> Sequence[bool]:  # type: ignore[override]
        return [False] * self.num_envs
