"""ANIL (Raghu, Raghu, Bengio & Vinyals, 2020), by learn2learn, on a meta-batch at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from baselines._learn2learn import task_batched_maml
from baselines._meta_gradient import MetaGradientLearner
from baselines._steps import frozen, sgd_predictors
from benchmarks.core import Predictor, Support, TaskBatch
from benchmarks.networks import Network


@dataclass
class ANIL(MetaGradientLearner):
    """MAML in which only the output layer adapts; everything before it is learned once for all.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: learning rate of the adaptation steps, in training and at test.
        network: `mlp` or `cnn4`, as for MAML; likewise `filters`, `pooling` and `batch_norm`.
        meta_lr: Adam's learning rate for the initialisation.
        decay: how `meta_lr` falls over the budget: not (`none`), or by a `cosine`, down to 0.
        meta_batch: tasks in each update of the initialisation.
        train_steps: adaptation steps that training looks through.
        train_shots: support points of a training task, or fewest and most; None is as in the
            test (fewer where the family has fewer).
        train_queries: query points of a training task.
        max_norm: cap on the norm of the gradient of an update of the initialisation; 0 is none.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step; 0 is none.
        first_order: drop the second derivatives.
    """

    name: ClassVar[str] = "anil"
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "meta_batch": 12}

    @property
    def adapted_parameters(self) -> int:
        """How many numbers adaptation may change for one task: those of the output layer."""
        return sum(weight.numel() for weight in self.network_[-1].parameters())

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of steps; see `MetaLearner.adapt`."""
        network = frozen(self.network_, support.x.device)
        assert isinstance(network, Network)
        body, head = network[:-1], network[-1]
        with torch.no_grad():
            seen = replace(support, x=body(support.x))

        def answer(head: nn.Module, _: Support, x: Tensor) -> Tensor:
            return head(self._answer(body, support, x))

        return sgd_predictors(
            head, seen, steps, self.inner_lr, self._loss, answer, self.max_inner_norm
        )

    def _query_loss(self, batch: TaskBatch) -> Tensor:
        support, query = batch.support, batch.query
        body = self.network_[:-1]
        seen, asked = body(support.x), self._answer(body, support, query.x, query.real)
        head = self._batched(len(batch))
        for _ in range(self.train_steps):
            self._step(head, seen, support.y)
        return self._loss(head(asked), query.y, query.mask).mean()

    def _batched(self, tasks: int) -> Any:
        return task_batched_maml(self.network_[-1], tasks, self.inner_lr, self.first_order)
