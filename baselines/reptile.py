"""Reptile (Nichol, Achiam & Schulman, 2018), on all tasks of a meta-batch at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from baselines._copies import Copies
from baselines._episodic import Cap, Count, Rate
from baselines._gradient import GradientLearner
from baselines._steps import predictors
from benchmarks.core import BudgetedSource, Predictor, Query, State, Support
from benchmarks.core.budget import TrainShots, drawn
from benchmarks.core.search import LogUniform, OneOf, Space, Uniform, Whole


@dataclass
class Reptile(GradientLearner):
    """Moves an initialisation towards where a few optimiser steps on each task lead.

    An update is w ← w + meta_step · mean over tasks of (w of the task - w), and `meta_step` falls
    linearly to 0 as the budget is spent, as in the paper (section 6). Where the paper's code lets
    Adam's moments live on from task to task, they start anew here with every task.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: learning rate of the optimiser's steps, in training and at test.
        network: `mlp` or `cnn4`, as for MAML; likewise `filters`, `pooling` and `batch_norm`.
        optimiser: who takes the steps; `adam` has no momentum (β1 = 0), as in the paper.
        meta_step: the share of the way towards the tasks' weights that the first update goes.
        meta_batch: tasks in each update of the initialisation.
        train_steps: optimiser steps on each training task.
        inner_batch: points of the task in each of these steps, drawn anew.
        train_shots: support points of a training task, or fewest and most; None is as in the
            test (fewer where the family has fewer).
        train_queries: query points of a training task; all points are trained on.
        max_inner_norm: cap on the norm of a task's gradient in a step; 0 is none.
    """

    optimiser: Literal["sgd", "adam"] = "sgd"
    meta_step: Rate = 1.0
    meta_batch: Count = 5
    train_steps: Count = 5
    inner_batch: Count = 10
    train_shots: TrainShots = None
    train_queries: Count = 50
    max_inner_norm: Cap = 30.0

    name: ClassVar[str] = "reptile"
    effort: ClassVar[float] = 6e-4
    search: ClassVar[Space] = {
        "inner_lr": LogUniform(1e-3, 0.1),
        "meta_step": Uniform(0.1, 1.0),
        "meta_batch": Whole(2, 25, log=True),
        "train_steps": Whole(2, 10),
        "hidden": OneOf(((40, 40), (40, 40, 40, 40), (80, 80), (80, 80, 80, 80))),
        "filters": OneOf((32, 64)),
    }
    all_points_alike: ClassVar[bool] = True
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "meta_batch": 12}

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; `meta_step` starts anew."""
        network = self.network_.to(source.device)
        span = source.shot_range(self.train_shots)
        while not source.exhausted:
            rate = self.meta_step * (1 - source.progress)
            shots = drawn(span, generator)
            batch = source.sample(self.meta_batch, shots=shots, queries=self.train_queries)
            points = batch.points()
            copies = Copies(network, len(batch), self._start, self.max_inner_norm)
            for _ in range(self.train_steps):
                some = draw(points, self.inner_batch, generator)
                loss = self._loss(copies(some.x, some.real), some.y, some.mask)
                copies.adapt(loss.sum())
            move_towards(network, copies.module, rate)
            source.count(inner_gradients=len(batch) * self.train_steps)
            source.log(query_loss=loss.mean())

    def checkpoint(self) -> State:
        """See `core.Resumes`; updates carry nothing along but the weights."""
        return {"learner": self.state()}

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of steps; see `MetaLearner.adapt`."""
        network = self.network_.to(support.x.device)
        copies = Copies(network, len(support), self._start, self.max_inner_norm)
        return predictors(copies, support, steps, self._loss, self._answer)

    def _start(self, weights: Any) -> torch.optim.Optimizer:
        if self.optimiser == "sgd":
            return torch.optim.SGD(weights, self.inner_lr)
        return torch.optim.Adam(weights, self.inner_lr, betas=(0.0, 0.999))


def draw(points: Query, n: int, generator: torch.Generator) -> Query:
    """`n` points of each task, or all; masked ones only where others are few."""
    order = torch.rand(points.mask.shape, generator=generator).to(points.mask.device)
    place = (order + ~points.mask).argsort(1)[:, :n]
    return points.at(place)


@torch.no_grad()
def move_towards(network: nn.Module, copies: nn.Module, rate: float) -> None:
    """Move each weight by `rate` times the mean difference of the tasks' copies from it."""
    for weight, copy in zip(network.parameters(), copies.parameters(), strict=True):
        weight.lerp_(copy.mean(0), rate)
