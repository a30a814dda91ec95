"""The training loop of all that descend a loss of training tasks, some tasks an update."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor, nn

from benchmarks.core import BudgetedSource, State, TaskBatch
from benchmarks.core.budget import TrainShots, drawn

Count = Annotated[int, Ge(1)]
Rate = Annotated[float, Gt(0)]
Cap = Annotated[float, Ge(0)]
"""The most that a norm may be; 0 lets it be whatever it is."""
Decay = Literal["none", "cosine"]
HALVED_EVERY = 2000


def decayed(
    decay: Literal["none", "cosine", "halving"], progress: float, updates: int = 0
) -> float:
    """What is left of a learning rate when `progress` of training is over, after some updates."""
    if decay == "cosine":
        return (1 + math.cos(math.pi * progress)) / 2
    return 0.5 ** (updates // HALVED_EVERY) if decay == "halving" else 1.0


@dataclass(frozen=True)
class Recipe:
    """What an update is made of.

    Attributes:
        tasks: training tasks in each update.
        shots: their support points, as in a field `train_shots`.
        queries: their query points.
        ways: their classes, if not those of the problem.
        decay: how the optimiser's learning rate falls over the budget.
        max_norm: cap on the norm of the gradient.
        steps: gradients of one task's loss that are taken before the one that is descended.
    """

    tasks: int
    shots: TrainShots
    queries: int
    ways: int | None = None
    decay: Literal["none", "cosine", "halving"] = "cosine"
    max_norm: float = 0.0
    steps: int = 0


@dataclass
class _Loop:
    """Where a training is, beside what it has learned."""

    optimiser: torch.optim.Optimizer
    updates: int = 0


class Descends(ABC):
    """Learns by `_descend`: a training that is cut off can go on; see `core.Resumes`.

    One whose loop is its own cannot, unless it says how.
    """

    _loop: _Loop | None = None
    _left: State | None = None
    """What the optimiser of a training that goes on had come to, until there is one."""

    @abstractmethod
    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None: ...

    @abstractmethod
    def state(self) -> State: ...

    @abstractmethod
    def load_state(self, state: State) -> None: ...

    def checkpoint(self) -> State | None:
        """See `Resumes.checkpoint`."""
        loop = self._loop
        if loop is None:
            return None
        optimiser = loop.optimiser.state_dict()
        return {"learner": self.state(), "optimiser": optimiser, "updates": loop.updates}

    def resume(self, state: State, source: BudgetedSource, generator: torch.Generator) -> None:
        """See `Resumes.resume`."""
        self.load_state(state["learner"])
        self._left = state
        try:
            self.partial_fit(source, generator)
        finally:
            self._left = None

    def _descend(
        self,
        source: BudgetedSource,
        generator: torch.Generator,
        optimiser: torch.optim.Optimizer,
        loss: Callable[[TaskBatch], Tensor],
        recipe: Recipe,
        *,
        called: str = "query_loss",
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Descend `loss`, the mean over a batch of tasks, until the budget is spent.

        `called` is its name in the training history, and `after` is done after each update.
        """
        self._loop = loop = _Loop(optimiser)
        if self._left is not None:
            optimiser.load_state_dict(self._left["optimiser"])
            loop.updates, self._left = self._left["updates"], None
        span = source.shot_range(recipe.shots)
        try:
            while not source.exhausted:
                decay = decayed(recipe.decay, source.progress, loop.updates)
                for group in optimiser.param_groups:
                    group["lr"] = optimiser.defaults["lr"] * decay
                shots = drawn(span, generator)
                batch = source.sample(
                    recipe.tasks, shots=shots, queries=recipe.queries, ways=recipe.ways
                )
                value = loss(batch)
                optimiser.zero_grad()
                value.backward()
                if recipe.max_norm:
                    parameters = [it for group in optimiser.param_groups for it in group["params"]]
                    nn.utils.clip_grad_norm_(parameters, recipe.max_norm)
                optimiser.step()
                after()
                loop.updates += 1
                tasks = len(batch)
                source.count(inner_gradients=tasks * recipe.steps, outer_gradients=tasks)
                source.log(**{called: value})
        finally:
            self._loop = None
