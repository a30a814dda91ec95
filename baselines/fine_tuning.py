"""Pretraining on all training tasks together, then fine-tuning on the task at hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from baselines._gradient import Count, GradientLearner, Rate
from benchmarks.core import BudgetedSource, task_mse


@dataclass
class FineTuning(GradientLearner):
    """One network fitted to the points of all training tasks at once; the "pretrained" baseline.

    It is the oracle-free baseline of Finn, Abbeel & Levine (2017, section 5.1): joint training
    ignores which task a point came from, and adaptation is the same gradient descent as MAML's.

    Attributes:
        hidden: widths of the hidden layers.
        inner_lr: learning rate of fine-tuning.
        pretrain_lr: Adam's learning rate in pretraining.
        batch_tasks: tasks in each pretraining update.
        train_shots: support points drawn from a training task (fewer where it has fewer).
        train_queries: query points drawn from a training task; all points are trained on.
    """

    pretrain_lr: Rate = 0.001
    batch_tasks: Count = 25
    train_shots: Count = 10
    train_queries: Count = 10

    name: ClassVar[str] = "fine_tuning"
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "batch_tasks": 5}

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Pretrain further; Adam's moments start anew."""
        network = self.network_.to(source.device)
        optimiser = torch.optim.Adam(network.parameters(), self.pretrain_lr)
        shots = source.train_shots(self.train_shots)
        while not source.exhausted:
            batch = source.sample(self.batch_tasks, shots=shots, queries=self.train_queries)
            support, query = batch.support, batch.query
            x = torch.cat([support.x, query.x], 1)
            y = torch.cat([support.y, query.y], 1)
            seen = torch.ones_like(support.x[..., 0], dtype=torch.bool)
            loss = task_mse(network(x), y, torch.cat([seen, query.mask], 1)).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            source.count(outer_gradients=len(batch))
            source.log(query_loss=loss)
