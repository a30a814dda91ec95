"""The decision process: compose a network for each of many tasks, all stepped together."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable

from benchmarks.core import TaskBatch, task_mse, task_variance
from reml.inner import adapt, run
from reml.observation import Observation
from reml.pool import LayerPool
from reml.reward import log_nmse_reward, mixed_loss


class Transition(NamedTuple):
    """What a decision led to."""

    observation: Observation
    reward: Float[Tensor, " tasks"]
    done: Bool[Tensor, " tasks"]


@runtime_checkable
class Environment(Protocol):
    """What a policy gradient needs of a decision process whose episodes move in lock-step."""

    @property
    def choices(self) -> tuple[int, ...]: ...

    @property
    def composition(self) -> Int[Tensor, "tasks decisions"]: ...

    def reset(self, batch: TaskBatch) -> Observation: ...

    def step(self, choice: Int[Tensor, " tasks"]) -> Transition: ...


class ComposeEnv:
    """An episode composes one network a task; each decision picks a layer from one bank.

    The order is input layer, output layer, then the hidden layers from the front. The last
    decision completes the network: it is adapted on the support set for `steps` gradient steps and
    the reward is −log(NMSE + 0.01) of its query loss along the way. All other rewards are 0.

    After the last decision `losses` holds the query losses after 0, 1, ..., `steps` steps, each of
    shape (tasks,), still attached to the pool where `differentiable` is set, and `variance` the
    tasks' target variances.
    """

    def __init__(
        self,
        pool: LayerPool,
        *,
        steps: int,
        unadapted_weight: float,
        max_norm: float,
        differentiable: bool,
    ) -> None:
        self.pool = pool
        self.steps = steps
        self.unadapted_weight = unadapted_weight
        self.max_norm = max_norm
        self.differentiable = differentiable
        self.losses: list[Float[Tensor, " tasks"]] = []

    @property
    def choices(self) -> tuple[int, ...]:
        """How many layers each decision chooses from."""
        return self.pool.choices

    def reset(self, batch: TaskBatch) -> Observation:
        """Begin one episode for each task of the batch."""
        self._batch = batch
        self._chosen: list[Int[Tensor, " tasks"]] = []
        self.losses = []
        support = batch.support
        self._points = torch.cat([support.x, support.y], 2)
        nothing = torch.zeros(len(batch), dtype=torch.long, device=support.x.device)
        return Observation(self._points, 0, nothing)

    def step(self, choice: Int[Tensor, " tasks"]) -> Transition:
        """Make one decision for every task.

        Raises:
            RuntimeError: the episode is over.
        """
        decision = len(self._chosen)
        if decision == len(self.choices):
            raise RuntimeError("the episode is over; call reset")
        self._chosen.append(choice)
        observation = Observation(self._points, decision + 1, choice)
        done = decision + 1 == len(self.choices)
        reward = self._finish() if done else torch.zeros_like(self._points[:, 0, 0])
        return Transition(observation, reward, torch.full_like(choice, done, dtype=torch.bool))

    @property
    def composition(self) -> Int[Tensor, "tasks decisions"]:
        """The choices so far, in decision order."""
        return torch.stack(self._chosen, 1)

    def _finish(self) -> Float[Tensor, " tasks"]:
        support, query = self._batch.support, self._batch.query
        network = self.pool.gather(self.composition)
        if not self.differentiable:
            network = network.detach()
        self.losses = [task_mse(run(network, query.x), query.y, query.mask)]
        for _ in range(self.steps):
            network = adapt(
                network,
                support.x,
                support.y,
                max_norm=self.max_norm,
                differentiable=self.differentiable,
            )
            self.losses.append(task_mse(run(network, query.x), query.y, query.mask))
        known = torch.ones_like(support.y[..., 0], dtype=torch.bool)
        self.variance = task_variance(
            torch.cat([support.y, query.y], 1), torch.cat([known, query.mask], 1)
        )
        loss = mixed_loss([loss.detach() for loss in self.losses], self.unadapted_weight)
        return log_nmse_reward(loss, self.variance)
