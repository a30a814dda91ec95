"""The training loop of the learners that descend the query loss after adaptation."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from baselines._episodic import Cap, Count, Decay, Rate, Recipe
from baselines._gradient import GradientLearner
from baselines._learn2learn import adapt
from benchmarks.core import BudgetedSource, TaskBatch
from benchmarks.core.budget import TrainShots
from benchmarks.core.search import LogUniform, OneOf, Space, Whole


@dataclass
class MetaGradientLearner(GradientLearner):
    """Meta-learns by gradient descent through the adaptation of a batch of tasks.

    The defaults are the suite's common recipe, which REML's is, too; see CONTRIBUTING.md.

    Attributes:
        train_shots: support points of a training task: always so many, or fewest and most; None is
            as in the test. Fewer where the family has fewer.
        decay: how Adam's learning rate falls: not at all (`none`), or along half a `cosine` down to
            0 over the budget.
        max_norm: cap on the norm of the gradient of an update; 0 is none.
    """

    meta_lr: Rate = 0.003
    meta_batch: Count = 25
    train_steps: Count = 2
    train_shots: TrainShots = None
    train_queries: Count = 50
    first_order: bool = False
    decay: Decay = "cosine"
    max_norm: Cap = 10.0
    max_inner_norm: Cap = 30.0

    trains_with: ClassVar[tuple[str, ...]] = ("baselines._import_learn2learn",)
    """Modules imported before training, and in the process that workers are forked from."""
    search: ClassVar[Space] = {
        "meta_lr": LogUniform(3e-4, 1e-2),
        "inner_lr": LogUniform(1e-3, 0.3),
        "train_steps": Whole(1, 5),
        "meta_batch": Whole(8, 64, log=True),
        "hidden": OneOf(((40, 40), (40, 40, 40, 40), (80, 80), (80, 80, 80, 80))),
        "filters": OneOf((32, 64)),
    }
    later: ClassVar[Mapping[str, Any]] = {
        **GradientLearner.later,
        "decay": "none",
        "max_norm": 0.0,
    }

    @abstractmethod
    def _batched(self, tasks: int) -> Any:
        """learn2learn's algorithm around one copy of the network for each task."""

    def _meta_parameters(self) -> Sequence[nn.Parameter]:
        return list(self.network_.parameters())

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments start anew."""
        self._to(source.device)
        optimiser = torch.optim.Adam(self._meta_parameters(), self.meta_lr, fused=True)
        recipe = Recipe(
            self.meta_batch,
            self.train_shots,
            self.train_queries,
            decay=self.decay,
            max_norm=self.max_norm,
            steps=self.train_steps,
        )
        self._descend(source, generator, optimiser, self._query_loss, recipe, after=self._keep_sane)

    def _keep_sane(self) -> None:
        """Put back what an update must not have moved too far; nothing, unless told otherwise."""

    def _query_loss(self, batch: TaskBatch) -> Tensor:
        """The mean loss on query points after adaptation, to be differentiated."""
        support, query = batch.support, batch.query
        learner = self._batched(len(batch))
        for _ in range(self.train_steps):
            self._step(learner, support.x, support.y)
        prediction = self._answer(learner, support, query.x, query.real)
        return self._loss(prediction, query.y, query.mask).mean()

    def _step(self, learner: Any, x: Tensor, y: Tensor) -> None:
        adapt(learner, x, y, self._loss, self.max_inner_norm)

    def _to(self, device: torch.device) -> None:
        self.network_.to(device)
