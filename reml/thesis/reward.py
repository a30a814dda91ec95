"""The thesis's reward: losses scaled by a calibration pass, with credit for layers, not Adam."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core import TaskBatch, task_mse
from reml.thesis.pool import AdamTraining, ThesisPool, Weights, run

COMPOSITIONS = 8
"""How many random networks each calibration task is given; extremes of fewer say little."""


class RewardScale(NamedTuple):
    """The smallest and the largest loss of each calibration task, before and after Adam.

    Tasks are told apart by their task information; one that is not among them is scaled as the
    nearest that is (Euclidean distance).
    """

    information: Float[Tensor, "tasks values"]
    low: Float[Tensor, " tasks"]
    high: Float[Tensor, " tasks"]

    def scaled(
        self, information: Float[Tensor, "rows values"], loss: Float[Tensor, " rows"]
    ) -> Float[Tensor, " rows"]:
        """(high − loss) / (high − low), at least 0: 1 is the best that calibration saw."""
        # by subtraction: torch's other way loses what nearly equal tasks differ in
        exact = "donot_use_mm_for_euclid_dist"
        task = torch.cdist(information, self.information, compute_mode=exact).argmin(1)
        low, high = self.low[task], self.high[task]
        return ((high - loss) / (high - low).clamp_min(1e-6)).clamp_min(0.0)

    def reward(
        self,
        information: Float[Tensor, "rows values"],
        before: Float[Tensor, " rows"],
        after: Float[Tensor, " rows"],
    ) -> Float[Tensor, " rows"]:
        """scaled(after) × scaled(before): what Adam alone achieved on bad layers earns nothing.

        Both factors are at least 0, so a lower loss never earns less. (In the author's code the
        product of two negative factors rewards a network that is bad twice.)
        """
        return self.scaled(information, after) * self.scaled(information, before)


class Trained(NamedTuple):
    """Composed networks after Adam, and their losses on the query points before and after."""

    weights: Weights
    before: Float[Tensor, " tasks"]
    after: Float[Tensor, " tasks"]
    support: Float[Tensor, " tasks"]


def train_and_score(
    weights: Weights,
    support: tuple[Tensor, Tensor],
    query: tuple[Tensor, Tensor, Bool[Tensor, "tasks points"]],
    lr: float,
    steps: int,
) -> Trained:
    """Train each network on its support points, x and y; score it on its query points."""
    x, y, mask = query
    before = task_mse(run(weights, x), y, mask)
    training = AdamTraining(weights, lr)
    training.train(*support, steps)
    trained = training.snapshot()
    after = task_mse(run(trained, x), y, mask)
    return Trained(trained, before, after, task_mse(run(trained, support[0]), support[1]))


def calibrate(
    pool: ThesisPool,
    batch: TaskBatch,
    information: Float[Tensor, "tasks values"],
    lr: float,
    steps: int,
    generator: torch.Generator,
) -> RewardScale:
    """Train `COMPOSITIONS` random networks for each task; neither pool nor policy changes."""
    repeated = torch.arange(len(batch), device=information.device).repeat(COMPOSITIONS)
    batch = batch.rows(repeated)
    trained = train_and_score(
        pool.gather(pool.random_layers(len(batch), generator)),
        (batch.support.x, batch.support.y),
        (batch.query.x, batch.query.y, batch.query.mask),
        lr,
        steps,
    )
    tasks, task = information[repeated].unique(dim=0, return_inverse=True)
    both, task = torch.cat([trained.before, trained.after]), task.repeat(2)
    empty = torch.zeros(len(tasks), device=both.device)
    low = empty.scatter_reduce(0, task, both, "amin", include_self=False)
    high = empty.scatter_reduce(0, task, both, "amax", include_self=False)
    return RewardScale(tasks, low, high)
