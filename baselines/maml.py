"""MAML (Finn, Abbeel & Levine, 2017), by learn2learn, on all tasks of a meta-batch at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from baselines._gradient import Count, GradientLearner, Rate
from baselines._learn2learn import task_batched_maml
from benchmarks.core import BudgetedSource, task_mse


@dataclass
class MAML(GradientLearner):
    """Learns an initialisation from which a few gradient steps go far.

    The defaults are those of Finn et al. (2017, section 5.1) but for the network, which is the
    suite's common one; theirs is `hidden = (40, 40)`.

    Attributes:
        hidden: widths of the hidden layers.
        inner_lr: learning rate of the adaptation steps, in training and at test.
        meta_lr: Adam's learning rate for the initialisation.
        meta_batch: tasks in each update of the initialisation.
        train_steps: adaptation steps that training looks through.
        train_shots: support points of a training task (fewer where the family has fewer).
        train_queries: query points of a training task.
        first_order: drop the second derivatives (FOMAML, section 5.2 of the paper).
    """

    meta_lr: Rate = 0.001
    meta_batch: Count = 25
    train_steps: Count = 1
    train_shots: Count = 10
    train_queries: Count = 10
    first_order: bool = False

    name: ClassVar[str] = "maml"
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "meta_batch": 5}

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train the initialisation further; Adam's moments start anew."""
        network = self.network_.to(source.device)
        optimiser = torch.optim.Adam(network.parameters(), self.meta_lr)
        shots = source.train_shots(self.train_shots)
        while not source.exhausted:
            batch = source.sample(self.meta_batch, shots=shots, queries=self.train_queries)
            support, query = batch.support, batch.query
            learner = task_batched_maml(network, len(batch), self.inner_lr, self.first_order)
            for _ in range(self.train_steps):
                learner.adapt(task_mse(learner(support.x), support.y).sum())
            loss = task_mse(learner(query.x), query.y, query.mask).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            source.count(inner_gradients=len(batch) * self.train_steps, outer_gradients=len(batch))
            source.log(query_loss=loss)
