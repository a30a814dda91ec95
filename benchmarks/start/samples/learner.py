"""NewLearner: kernel regression (Nadaraya, 1964; Watson, 1964), its bandwidth learned across tasks.

It works as it is. `reml check new_learner.py:NewLearner` holds it to the laws of a learner, and
`reml run MATRIX --plugin new_learner.py` compares it where MATRIX has

    [[learner]]
    name = "new_learner"
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from benchmarks.core import BudgetedSource, Predictor, State, Support, task_mse


@dataclass
class NewLearner:
    """Predicts the mean of the support targets, weighted by how near their inputs are.

    Attributes:
        bandwidths: what is tried; keys of a matrix set fields like this one.
        batch: training tasks looked at together.
    """

    bandwidths: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    batch: int = 100

    name: ClassVar[str] = "new_learner"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # other names, with other defaults
    test_fields: ClassVar[Mapping[str, Any]] = {"batch": 10}  # small ones, for `reml check`
    needs: ClassVar[frozenset[str]] = frozenset()  # privileged information, by name

    def fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Forget what was learned, and learn; learned state ends in an underscore."""
        self.losses_ = torch.zeros(len(self.bandwidths))
        self.partial_fit(source, generator)

    def partial_fit(self, source: BudgetedSource, generator: torch.Generator) -> None:
        """Learn on, from training tasks of `source` alone, until its budget is spent."""
        while not source.exhausted:
            tasks = source.sample(self.batch, shots=source.train_shots(10), queries=10)
            query = tasks.query
            losses = [
                task_mse(smooth(tasks.support, width, query.x), query.y, query.mask).sum()
                for width in self.bandwidths
            ]
            self.losses_ = self.losses_ + torch.stack(losses).cpu()
            source.log(loss=min(losses) / len(tasks))

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        """A predictor for each number of steps; there are no steps here, so all are the same."""
        width = self.bandwidths[int(self.losses_.argmin())]
        for _ in steps:
            yield lambda x: smooth(support, width, x)

    def state(self) -> State:
        return {"losses": self.losses_}

    def load_state(self, state: State) -> None:
        self.losses_ = state["losses"]

    # With these two a training that was cut off goes on (optional; keep here what training needs
    # beside the state, as an optimiser's moments; random generators are taken care of).

    def checkpoint(self) -> State:
        return self.state()

    def resume(self, state: State, source: BudgetedSource, generator: torch.Generator) -> None:
        self.load_state(state)
        self.partial_fit(source, generator)


def smooth(support: Support, width: float, x: Tensor) -> Tensor:
    """Predictions at x (tasks, points, features); every task by itself."""
    distance = torch.cdist(x, support.x, compute_mode="donot_use_mm_for_euclid_dist")
    return torch.softmax(-((distance / width) ** 2) / 2, 2) @ support.y
