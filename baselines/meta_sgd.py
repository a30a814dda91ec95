"""Meta-SGD (Li, Zhou, Chen & Li, 2017), by learn2learn, on all tasks of a meta-batch at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from baselines._episodic import Cap, Count
from baselines._learn2learn import task_batched_meta_sgd
from baselines._meta_gradient import MetaGradientLearner
from baselines._steps import Descent, expand, frozen, predictors
from benchmarks.core import Predictor, Problem, State, Support


@dataclass
class MetaSGD(MetaGradientLearner):
    """Learns an initialisation and, for every weight of the network, its own adaptation rate.

    Attributes:
        hidden: widths of the hidden layers of an `mlp`.
        inner_lr: where every adaptation rate starts.
        network: `mlp` or `cnn4`, as for MAML; likewise `filters`, `pooling` and `batch_norm`.
        meta_lr: Adam's learning rate for the initialisation and the rates.
        decay: how `meta_lr` falls over the budget: not (`none`), or by a `cosine`, down to 0.
        meta_batch: tasks in each update.
        train_steps: adaptation steps that training looks through.
        train_shots: support points of a training task, or fewest and most; None is as in the
            test (fewer where the family has fewer).
        train_queries: query points of a training task.
        max_norm: cap on the norm of the gradient of an update of the initialisation; 0 is none.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step; 0 is none.
        first_order: drop the second derivatives.
        most_steps: adaptation steps at test after which nothing changes any more. The learned rates
            are large, and made for `train_steps` steps: on some tasks more of them diverge.
        max_rate: no adaptation rate becomes larger than so many times `inner_lr`, nor smaller than
            minus that; 0 is no bound.
    """

    most_steps: Count | None = None
    max_rate: Cap = 3.0

    name: ClassVar[str] = "meta_sgd"
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "meta_batch": 12}
    later: ClassVar[Mapping[str, Any]] = {**MetaGradientLearner.later, "max_rate": 0.0}
    only_at_test: ClassVar[frozenset[str]] = frozenset({"most_steps"})

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of steps; see `MetaLearner.adapt`."""
        device = support.x.device
        self._to(device)
        learner = Descent(
            expand(frozen(self.network_, device), len(support)),
            [rate.detach() for rate in self.rates_],
            self.max_inner_norm,
        )
        if self.most_steps is not None:
            steps = [min(wanted, self.most_steps) for wanted in steps]
        return predictors(learner, support, steps, self._loss, self._answer)

    def state(self) -> State:
        return {**super().state(), "rates": [rate.detach() for rate in self.rates_]}

    def load_state(self, state: State) -> None:
        super().load_state(state)
        self.rates_ = nn.ParameterList(nn.Parameter(rate.clone()) for rate in state["rates"])

    def _build(self, problem: Problem, generator: torch.Generator) -> None:
        super()._build(problem, generator)
        self.rates_ = nn.ParameterList(
            nn.Parameter(torch.full_like(p, self.inner_lr)) for p in self.network_.parameters()
        )

    def _batched(self, tasks: int) -> Any:
        return task_batched_meta_sgd(self.network_, list(self.rates_), tasks, self.first_order)

    def _meta_parameters(self) -> Sequence[nn.Parameter]:
        return [*self.network_.parameters(), *self.rates_]

    def _keep_sane(self) -> None:
        if self.max_rate:
            most = self.max_rate * self.inner_lr
            with torch.no_grad():
                for rate in self.rates_:
                    rate.clamp_(-most, most)

    def _to(self, device: torch.device) -> None:
        super()._to(device)
        self.rates_.to(device)
