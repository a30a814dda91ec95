"""CAVIA (Zintgraf et al., 2019): a few inputs of the network are adapted, none of its weights."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from baselines._episodic import Cap, Count, Decay, Descends, Rate, Recipe
from baselines._steps import capped
from benchmarks.core import BudgetedSource, Predictor, State, Support, TaskBatch, task_mse
from benchmarks.core.budget import TrainShots, check_shots
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import Network, mlp


@dataclass
class CAVIA(Descends):
    """MAML whose steps move a few context parameters from 0, which the network reads beside x.

    Network, number of context parameters and inner rate are the paper's for sinusoids (section
    5.1.1). Deviations: the suite's recipe (the paper's Adam has a constant rate of 0.001; training
    looks through one step, at ten points to adapt on and ten to score on).

    Attributes:
        context: how many numbers are adapted.
        hidden: widths of the hidden layers.
        inner_lr: learning rate of the adaptation steps, in training and at test.
        meta_lr: Adam's learning rate for the network.
        decay: how `meta_lr` falls over the budget: not (`none`), or by a `cosine`, down to 0.
        meta_batch: tasks in each update of the network.
        train_steps: adaptation steps that training looks through.
        train_shots: support points of a training task, or fewest and most; None is as in the
            test (fewer where the family has fewer).
        train_queries: query points of a training task.
        max_norm: cap on the norm of the gradient of an update of the network; 0 is none.
        max_inner_norm: cap on the norm of a task's gradient in an adaptation step; 0 is none.
        first_order: drop the second derivatives.
    """

    context: Count = 5
    hidden: tuple[Count, ...] = (40, 40)
    inner_lr: Rate = 1.0
    meta_lr: Rate = 0.003
    meta_batch: Count = 25
    train_steps: Count = 2
    train_shots: TrainShots = None
    train_queries: Count = 50
    first_order: bool = False
    decay: Decay = "cosine"
    max_norm: Cap = 10.0
    max_inner_norm: Cap = 30.0

    name: ClassVar[str] = "cavia"
    effort: ClassVar[float] = 3.3e-4
    search: ClassVar[Space] = {
        "meta_lr": LogUniform(3e-4, 1e-2),
        "inner_lr": LogUniform(0.1, 3.0),
        "context": Whole(2, 10),
        "train_steps": Whole(1, 5),
        "meta_batch": Whole(8, 64, log=True),
        "hidden": OneOf(((40, 40), (40, 40, 40, 40), (80, 80))),
    }
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": (8, 8), "meta_batch": 12}
    needs: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        check_shots(self.train_shots)

    @property
    def adapted_parameters(self) -> int:
        """How many numbers adaptation may change for one task."""
        return self.context

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Draw new weights, then train them with `partial_fit`."""
        self._build(source.problem.features, source.problem.outputs, generator)
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Train further; Adam's moments and the fall of the learning rate start anew."""
        network = self.network_.to(source.device)
        optimiser = torch.optim.Adam(network.parameters(), self.meta_lr)
        recipe = Recipe(
            self.meta_batch,
            self.train_shots,
            self.train_queries,
            decay=self.decay,
            max_norm=self.max_norm,
            steps=self.train_steps,
        )
        self._descend(source, generator, optimiser, self._query_loss, recipe)

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """Yield a predictor after each number of steps; see `MetaLearner.adapt`."""
        self.network_.to(support.x.device)
        context, taken = self._start(support), 0
        for wanted in steps:
            for _ in range(wanted - taken):
                with torch.enable_grad():
                    context = self._step(context, support, further=False)
                context = context.detach().requires_grad_()
            taken = wanted
            yield self._predictor(context.detach())

    def state(self) -> State:
        return {"sizes": self.sizes_, "network": self.network_.state_dict()}

    def load_state(self, state: State) -> None:
        features, outputs = state["sizes"]
        self._build(features, outputs, torch.Generator())
        self.network_.load_state_dict(state["network"])

    def _build(self, features: int, outputs: int, generator: torch.Generator) -> None:
        self.sizes_ = features, outputs
        self.network_: Network = mlp(features + self.context, self.hidden, outputs, generator)

    def _start(self, support: Support) -> Float[Tensor, "tasks 1 context"]:
        return support.x.new_zeros(len(support), 1, self.context).requires_grad_()

    def _answer(self, context: Tensor, x: Tensor) -> Float[Tensor, "tasks points outputs"]:
        return self.network_(torch.cat([x, context.expand(-1, x.shape[1], -1)], 2))

    def _step(self, context: Tensor, support: Support, further: bool) -> Tensor:
        """One step of all tasks; with `further`, gradients flow through it."""
        loss = task_mse(self._answer(context, support.x), support.y).sum()
        gradients: Sequence[Tensor] = torch.autograd.grad(loss, [context], create_graph=further)
        if self.max_inner_norm:
            gradients = capped(gradients, self.max_inner_norm)
        return context - self.inner_lr * gradients[0]

    def _query_loss(self, batch: TaskBatch) -> Tensor:
        support, query = batch.support, batch.query
        context = self._start(support)
        for _ in range(self.train_steps):
            context = self._step(context, support, further=not self.first_order)
        return task_mse(self._answer(context, query.x), query.y, query.mask).mean()

    def _predictor(self, context: Tensor) -> Callable[[Tensor], Tensor]:
        @torch.no_grad()
        def predict(x: Tensor) -> Tensor:
            return self._answer(context, x)

        return predict
