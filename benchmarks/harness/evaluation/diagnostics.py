"""What is kept of a trial beside its scores: what the learner decided, and for what tasks."""

import pandas as pd
import torch
from torch import Tensor

from benchmarks.core import (
    Diagnoses,
    Diagnosis,
    MetaLearner,
    Problem,
    Support,
    task_accuracy,
    task_mse,
)
from benchmarks.core.errors import ContractError
from benchmarks.harness.disk.columns import (
    DIAGNOSTIC_TYPES,
    NO_STEPS,
    SUPPORT_ACCURACY,
    SUPPORT_MSE,
)
from benchmarks.harness.evaluation.frames import Columns


class Diagnostics:
    """One row a test task for every choice, measure and trait; see `evaluate`."""

    def __init__(self) -> None:
        self._columns = Columns(DIAGNOSTIC_TYPES)

    def add_traits(self, support: Support, shots: int) -> None:
        """The scalars among all privileged fields, whatever the learner may see of them."""
        for name, values in support.privileged.items():
            if values.numel() == len(support):
                self._add(shots, "trait", name, values.flatten())

    def add_support_error(
        self,
        prediction: Tensor,
        support: Support,
        problem: Problem,
        shots: int,
        steps: int,
        most: float,
    ) -> None:
        """The score of each task on the points adapted to; MSE is in own units, cut at `most`."""
        y = support.y.double()
        if problem.kind == "classification":
            name, score = SUPPORT_ACCURACY, task_accuracy(prediction.nan_to_num(), y)
        else:
            mse = task_mse(prediction, y).nan_to_num(nan=most).clamp_max(most)
            name, score = SUPPORT_MSE, mse * problem.target_scale**2
        self._add(shots, "measure", name, score, steps=steps)

    def add_diagnosis(
        self, learner: MetaLearner, support: Support, shots: int, first: int = 0
    ) -> None:
        """What the learner says of itself, if it does; `first` is the number of the first task.

        Raises:
            ContractError: it does not say it as `Diagnosis` demands.
        """
        if not isinstance(learner, Diagnoses):
            return
        with torch.no_grad():
            diagnosis = learner.diagnose(support)
        check(diagnosis, len(support))
        for name, choice in diagnosis.choices.items():
            self._add(shots, "choice", name, choice.values, options=choice.options, first=first)
        for name, values in diagnosis.measures.items():
            self._add(shots, "measure", name, values, first=first)

    def frame(self) -> pd.DataFrame:
        return self._columns.frame()

    def _add(
        self,
        shots: int,
        kind: str,
        name: str,
        values: Tensor,
        *,
        steps: int = NO_STEPS,
        options: int = 0,
        first: int = 0,
    ) -> None:
        self._columns.add(
            shots=shots,
            steps=steps,
            task=range(first, first + len(values)),
            kind=kind,
            name=name,
            # single precision is all that the learner's numbers have, and half the file
            value=values.detach().cpu().float().double(),
            options=options,
        )


def check(diagnosis: Diagnosis, n_tasks: int) -> None:
    """Demand one value a task everywhere, and choices that are among their options.

    Raises:
        ContractError: which of them is not.
    """
    values = {name: choice.values for name, choice in diagnosis.choices.items()}
    for name, given in [*values.items(), *diagnosis.measures.items()]:
        if tuple(given.shape) != (n_tasks,):
            raise ContractError(
                f"diagnose: expected {name!r} of shape ({n_tasks},), got {tuple(given.shape)}"
            )
    for name, choice in diagnosis.choices.items():
        low, high = int(choice.values.min()), int(choice.values.max())
        if low < 0 or high >= choice.options:
            raise ContractError(
                f"diagnose: expected {name!r} from 0 to {choice.options - 1}, got {low} to {high}"
            )
