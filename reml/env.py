"""The decision process: compose a network for each of many tasks, all stepped together."""

import math
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from typing_extensions import Protocol, runtime_checkable

from benchmarks.core import TaskBatch, task_loss, task_mse, task_variance
from reml.inner.head import likelihood
from reml.inner.network import ComposedNetwork, adapt, believed, run, standard_targets
from reml.inner.observation import Observation
from reml.inner.partial import PartialNetwork
from reml.inner.pool import LayerPool
from reml.reward import (
    LIKELIHOODS,
    LOG_FLOOR,
    REWARD_FLOOR,
    Loss,
    log_nmse_reward,
    mixed_loss,
    pool_losses,
)


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
    """An episode composes one network a task; each decision picks from one bank or menu.

    The order is that of `reml.inner.decisions.Menu`. The last decision completes the network: it is
    adapted on the support set for `steps` gradient steps and the reward is −log(NMSE + 0.01) of
    its query loss along the way. All other rewards are 0.

    In classification, the cross-entropy takes the place of the squared error, and what it is to
    somebody who knows nothing, ln(ways), that of the variance. Before any step a network is just
    such a somebody (see `reml.inner.bank.Heads`), so only the losses after it count.

    With a likelihood as the loss (see `reml.inner.head.Likelihood`) the reward is minus that, and
    so it is of `log_nmse`, which is what its name says.

    After the last decision `losses` holds the query losses after 0, 1, ..., `steps` steps, each of
    shape (rows,), `variance` the tasks' target variances, or ln(ways), and `descended` what the
    pool is to descend. There are `episodes` rows for each task of the batch, side by side.

    Attributes:
        watched: whether the composer looks at what the partial network does.
        recurring: which share of the points was there before; the loss `auto` is `joint` where none
            was, `conditional` where all were.
        gradients: whether losses and networks stay attached to the pool, and then whether through
            the adaptation gradients as well (`second_order`) or around them (`first_order`).
    """

    def __init__(
        self,
        pool: LayerPool,
        *,
        steps: int,
        unadapted_weight: float,
        max_norm: float,
        gradients: Literal["none", "first_order", "second_order"],
        loss: Loss = "nmse",
        episodes: int = 1,
        watched: bool = True,
    ) -> None:
        self.pool = pool
        self.steps = steps
        self.unadapted_weight = 0.0 if pool.kind == "classification" else unadapted_weight
        self.max_norm = max_norm
        self.gradients = gradients
        self.loss = loss
        self.episodes = episodes
        self.watched = watched
        self.recurring = 0.0
        self.losses: list[Float[Tensor, " tasks"]] = []

    @property
    def choices(self) -> tuple[int, ...]:
        """How many options each decision has."""
        return self.pool.choices

    def reset(self, batch: TaskBatch) -> Observation:
        """Begin `episodes` episodes for each task of the batch."""
        if self.episodes > 1:
            rows = torch.arange(len(batch), device=batch.support.x.device)
            batch = batch.rows(rows.repeat_interleave(self.episodes))
        self._batch = batch
        self._partial = PartialNetwork(
            self.pool, batch.support, watched=self.watched, episodes=self.episodes
        )
        self.losses = []
        return self._partial.observation

    def step(self, choice: Int[Tensor, " tasks"]) -> Transition:
        """Make one decision for every task.

        Raises:
            RuntimeError: the episode is over.
        """
        if self._partial.complete:
            raise RuntimeError("the episode is over; call reset")
        self._partial.add(choice)
        done = self._partial.complete
        reward = self._finish() if done else self._batch.support.x.new_zeros(len(choice))
        ended = torch.full_like(choice, done, dtype=torch.bool)
        return Transition(self._partial.observation, reward, ended)

    @property
    def unexplained(self) -> Float[Tensor, ""]:
        """The query loss at the end; that of a constant guess is 1: near it nothing is learned."""
        return self.losses[-1].detach().mean() / self.variance.mean()

    @property
    def composition(self) -> Int[Tensor, "tasks decisions"]:
        """The choices so far, in decision order."""
        return self._partial.composition

    def absorb(self, share: float) -> None:
        """Move the pool's layers by `share` of the way to what adaptation made of them."""
        self.pool.absorb(self._completed, self._adapted, share)

    def _finish(self) -> Float[Tensor, " tasks"]:
        batch, self._completed = self._batch, self.composition
        self.variance = self._variance()
        batch, back = self._once(batch)
        likely = self.loss in LIKELIHOODS and self.pool.kind == "regression"
        losses = self._surprise(batch) if likely else self._query_losses(batch)
        losses = [loss if back is None else loss[back] for loss in losses]
        self.losses = losses[1:] if likely else losses
        if self.pool.kind == "classification":
            self.losses.insert(0, self.variance)
        if likely:
            self.descended = losses[0]
            return -self.descended.detach()
        loss = mixed_loss(self.losses, self.unadapted_weight)
        if self.loss == "log_nmse":
            self.descended = -log_nmse_reward(loss, self.variance, LOG_FLOOR)
            return -self.descended.detach()
        self.descended = pool_losses(self.losses, self.variance, self.unadapted_weight)
        return log_nmse_reward(loss.detach(), self.variance, REWARD_FLOOR)

    def _once(self, batch: TaskBatch) -> tuple[TaskBatch, Int[Tensor, " rows"] | None]:
        """The tasks of the networks to be run, and where in them each row is; None if as it was.

        What several episodes composed for a task is run once, and networks are in the order in
        which they run fastest.
        """
        back = None
        if self.episodes > 1:
            task = torch.arange(len(batch), device=self._completed.device) // self.episodes
            pairs = torch.cat([task.unsqueeze(1), self._completed], 1)
            pairs, back = pairs.unique(dim=0, return_inverse=True)
            batch, self._completed = batch.rows(pairs[:, 0] * self.episodes), pairs[:, 1:]
        order = self.pool.order(self._completed)
        if order is None:
            return batch, back
        batch, self._completed = batch.rows(order), self._completed[order]
        return batch, order.argsort() if back is None else order.argsort()[back]

    def _surprise(self, batch: TaskBatch) -> list[Float[Tensor, " tasks"]]:
        """Minus the log likelihood of each task's points, a point, and its query loss."""
        points, shown = batch.points(), batch.support.points
        network = self.pool.gather(self._completed)
        mean, psi = believed(network, points.x)
        assert network.prior is not None
        residual = standard_targets(network, points.y) - mean
        found = likelihood(psi, residual, network.prior.noise, points.mask, shown)
        if self.loss == "auto":
            surprise = found.joint.lerp(found.conditional, self.recurring).float()
        else:
            surprise = getattr(found, self.loss).float()
        left = (residual[:, shown:] - found.mean) * self.pool.y_scale
        loss = task_mse(left.detach(), torch.zeros_like(left), batch.query.mask).float()
        return [surprise, loss]

    def _query_losses(self, batch: TaskBatch) -> list[Float[Tensor, " tasks"]]:
        """Losses along adaptation; of classes, only those after a step."""
        support = batch.support
        network = self.pool.gather(self._completed, batch.support.y.shape[2])
        attached = self.gradients != "none"
        if not attached:
            network = network.detach()
        losses = [self._query_loss(network, batch)] if self.pool.kind == "regression" else []
        for _ in range(self.steps):
            network = adapt(
                network,
                support.x,
                support.y,
                max_norm=self.max_norm,
                differentiable=attached,
                second_order=self.gradients == "second_order",
            )
            losses.append(self._query_loss(network, batch))
        self._adapted = network
        return losses

    def _query_loss(self, network: ComposedNetwork, batch: TaskBatch) -> Float[Tensor, " tasks"]:
        support, query = batch.support, batch.query
        prediction = run(network, query.x, support.x, query.real)
        return task_loss(self.pool.kind)(prediction, query.y, query.mask)

    def _variance(self) -> Float[Tensor, " tasks"]:
        y, query = self._batch.support.y, self._batch.query
        if self.pool.kind == "classification":
            return torch.full_like(y[:, 0, 0], math.log(y.shape[2]))
        known = torch.ones_like(y[..., 0], dtype=torch.bool)
        return task_variance(torch.cat([y, query.y], 1), torch.cat([known, query.mask], 1))
