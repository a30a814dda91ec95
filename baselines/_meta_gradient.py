"""The training loop of the learners that descend the query loss after adaptation."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from baselines._gradient import Count, GradientLearner, Rate
from benchmarks.core import BudgetedSource, TaskBatch


@dataclass
class MetaGradientLearner(GradientLearner):
    """Meta-learns by gradient descent through the adaptation of a batch of tasks.

    Attributes:
        decay: how Adam's learning rate falls: not at all (`none`), or along half a `cosine` down to
            0 over the budget.
    """

    meta_lr: Rate = 0.001
    meta_batch: Count = 25
    train_steps: Count = 1
    train_shots: Count = 10
    train_queries: Count = 10
    first_order: bool = False
    decay: Literal["none", "cosine"] = "none"

    later: ClassVar[Mapping[str, Any]] = {**GradientLearner.later, "decay": "none"}

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
            optimiser.param_groups[0]["lr"] = self.meta_lr * self._decayed(source.progress)
            batch = source.sample(self.meta_batch, shots=shots, queries=self.train_queries)
            loss = self._query_loss(batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            source.count(inner_gradients=len(batch) * self.train_steps, outer_gradients=len(batch))
            source.log(query_loss=loss)

    def _decayed(self, progress: float) -> float:
        return (1 + math.cos(math.pi * progress)) / 2 if self.decay == "cosine" else 1.0

    def _query_loss(self, batch: TaskBatch) -> Tensor:
        """The mean loss on query points after adaptation, to be differentiated."""
        support, query = batch.support, batch.query
        learner = self._batched(len(batch))
        for _ in range(self.train_steps):
            learner.adapt(self._loss(learner(support.x), support.y).sum())
        prediction = self._answer(learner, support, query.x, query.real)
        return self._loss(prediction, query.y, query.mask).mean()

    def _to(self, device: torch.device) -> None:
        self.network_.to(device)
