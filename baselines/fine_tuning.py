"""Pretraining on all training tasks together, then fine-tuning on the task at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from baselines._episodic import Cap, Count, Decay, Rate, Recipe
from baselines._gradient import GradientLearner
from benchmarks.core import BudgetedSource, Problem, TaskBatch, task_cross_entropy
from benchmarks.core.budget import TrainShots
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import Linear


@dataclass
class FineTuning(GradientLearner):
    """One network fitted to the points of all training tasks at once; the "pretrained" baseline.

    In regression it is the oracle-free baseline of Finn, Abbeel & Levine (2017, section 5.1): joint
    training ignores which task a point came from, and adaptation is the same gradient descent as
    MAML's.

    In classification a number stands for another class in every task, and one output layer for all
    would learn nothing. So each batch of tasks is merged into one ordinary classification problem
    with all their classes, `batch_tasks` × ways of them, and an output layer of its own: starting
    at zero, that takes `head_steps` gradient steps on the batch, then all other layers take one
    step of Adam under it. At test a new output layer starts at zero, and all layers are tuned: the
    fine-tuning of Chen et al. (2019), but for the classes that meet in one pretraining batch.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: learning rate of fine-tuning, and of the output layers in pretraining.
        network: `mlp` or `cnn4`, as for MAML; likewise `filters`, `pooling` and `batch_norm`.
        pretrain_lr: Adam's learning rate in pretraining.
        batch_tasks: tasks in each pretraining update.
        train_shots: support points drawn from a training task, or fewest and most of them; None is
            as in the test (fewer where it has fewer).
        train_queries: query points drawn from a training task; all points are trained on.
        head_steps: gradient steps of a batch's output layer; classification only.
        decay: how `pretrain_lr` falls over the budget: not (`none`), or by a `cosine`, down to 0.
        max_norm: cap on the norm of the gradient of a pretraining update; 0 is none.
        max_inner_norm: cap on the norm of a task's gradient in a step of fine-tuning; 0 is none.
    """

    pretrain_lr: Rate = 0.001
    batch_tasks: Count = 25
    train_shots: TrainShots = None
    train_queries: Count = 50
    head_steps: Count = 5
    decay: Decay = "cosine"
    max_norm: Cap = 10.0
    max_inner_norm: Cap = 30.0

    name: ClassVar[str] = "fine_tuning"
    effort: ClassVar[float] = 3e-4
    search: ClassVar[Space] = {
        "pretrain_lr": LogUniform(1e-4, 1e-2),
        "inner_lr": LogUniform(1e-3, 0.3),
        "batch_tasks": Whole(8, 64, log=True),
        "head_steps": Whole(1, 10),
        "hidden": OneOf(((40, 40), (40, 40, 40, 40), (80, 80), (80, 80, 80, 80))),
        "filters": OneOf((32, 64)),
    }
    all_points_alike: ClassVar[bool] = True
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "batch_tasks": 12}
    later: ClassVar[Mapping[str, Any]] = {
        **GradientLearner.later,
        "head_steps": 5,
        "decay": "none",
        "max_norm": 0.0,
    }

    def idle(self, problem: Problem) -> frozenset[str]:
        """Fields that make no difference, given the others."""
        only_there = {"head_steps"} if problem.kind == "regression" else set()
        return super().idle(problem) | only_there

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Pretrain further; Adam's moments start anew."""
        network = self.network_.to(source.device)
        optimiser = torch.optim.Adam(network.parameters(), self.pretrain_lr)
        classes = source.problem.kind == "classification"
        loss = self._merged_loss if classes else self._joint_loss
        sizes = self.batch_tasks, self.train_shots, self.train_queries
        recipe = Recipe(*sizes, decay=self.decay, max_norm=self.max_norm)
        self._descend(source, generator, optimiser, loss, recipe)

    def _joint_loss(self, batch: TaskBatch) -> Tensor:
        points = batch.points()
        predicted = self.network_(points.x, real=points.real)
        return self._loss(predicted, points.y, points.mask).mean()

    def _merged_loss(self, batch: TaskBatch) -> Tensor:
        """The loss of the batch as one problem, under an output layer that is fitted to it."""
        points = batch.points()
        label, ways = points.y.argmax(2), points.y.shape[2]
        first = torch.arange(len(batch), device=label.device).unsqueeze(1) * ways
        x = points.x[points.mask]
        y = functional.one_hot((label + first)[points.mask], len(batch) * ways).to(x.dtype)
        z = self.network_[:-1](x.unsqueeze(0)).squeeze(0)
        head = fitted_head(z.detach(), y, self.head_steps, self.inner_lr * len(batch))
        return task_cross_entropy((_with_ones(z) @ head).unsqueeze(0), y.unsqueeze(0)).mean()

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        super()._build(problem, generator)
        head = self.network_[-1]
        if problem.kind == "classification" and isinstance(head, Linear):
            for parameter in head.parameters():
                torch.nn.init.zeros_(parameter)


@torch.no_grad()
def fitted_head(z: Tensor, y: Tensor, steps: int, lr: float) -> Tensor:
    """A linear layer (features + 1, classes), after gradient steps on the cross-entropy from zero.

    The last row is the bias. `lr` is as large as there are tasks in the batch, so that a class
    learns as fast from its points as if it were alone with those of its own task.
    """
    z = _with_ones(z)
    head = z.new_zeros(z.shape[1], y.shape[1])
    for _ in range(steps):
        error = (z @ head).softmax(1) - y
        head -= lr / len(z) * (z.T @ error)
    return head


def _with_ones(z: Tensor) -> Tensor:
    return torch.cat([z, z.new_ones(len(z), 1)], 1)
