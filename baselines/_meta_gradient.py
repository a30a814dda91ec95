"""The training loop of the learners that descend the query loss after adaptation."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from baselines._gradient import Count, GradientLearner, Rate
from benchmarks.core import BudgetedSource, TaskBatch


@dataclass
class MetaGradientLearner(GradientLearner):
    """Meta-learns by gradient descent through the adaptation of a batch of tasks."""

    meta_lr: Rate = 0.001
    meta_batch: Count = 25
    train_steps: Count = 1
    train_shots: Count = 10
    train_queries: Count = 10
    first_order: bool = False

    @abstractmethod
    def _batched(self, tasks: int) -> Any:
        """learn2learn's algorithm around one copy of the network for each task."""

    def _meta_parameters(self) -> Sequence[nn.Parameter]:
        return list(self.network_.parameters())

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments start anew."""
        self._to(source.device)
        optimiser = torch.optim.Adam(self._meta_parameters(), self.meta_lr)
        shots = source.train_shots(self.train_shots)
        while not source.exhausted:
            batch = source.sample(self.meta_batch, shots=shots, queries=self.train_queries)
            loss = self._query_loss(batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            source.count(inner_gradients=len(batch) * self.train_steps, outer_gradients=len(batch))
            source.log(query_loss=loss)

    def _query_loss(self, batch: TaskBatch) -> Tensor:
        """The mean loss on query points after adaptation, to be differentiated."""
        support, query = batch.support, batch.query
        learner = self._batched(len(batch))
        for _ in range(self.train_steps):
            learner.adapt(self._loss(learner(support.x), support.y).sum())
        prediction = self._answer(learner, support, query.x)
        return self._loss(prediction, query.y, query.mask).mean()

    def _to(self, device: torch.device) -> None:
        self.network_.to(device)
