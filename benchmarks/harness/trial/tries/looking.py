"""How a training does on validation tasks while it goes on, and when that is hopeless."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from benchmarks.core import Budget, MetaLearner
from benchmarks.core.budget import MOMENTS
from benchmarks.core.errors import RemlError
from benchmarks.core.text import described
from benchmarks.harness.disk.columns import HISTORY_TYPES, VALIDATION
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.trial.moments import Moment, Moments
from benchmarks.harness.trial.packing import pack


class GivenUp(RemlError):
    """A training has lost more so far than the median of the others had by then."""


class Looking(Moments):
    """Scores the states of a training as they come, and ends it where that is hopeless.

    Attributes:
        losses: on validation tasks, where a constant guess loses 1; infinite where the learner
            could not be asked.
        moments: which tenths of the budget had been spent by then.
        seconds: what looking has taken.
        trouble: why it could not be asked, the last time.
    """

    def __init__(
        self, learner: MetaLearner, loss: Callable[[Moment], float], spec: TrialSpec
    ) -> None:
        """`loss` is what a state loses; the bars are those of `spec.tried`."""
        assert spec.tried is not None
        super().__init__(learner.state)
        self._loss, self._bars, self._keep = loss, spec.tried.bars, spec.keep
        self._budget = spec.budget
        self.losses: list[float] = []
        self.moments: list[int] = []
        self.seconds = 0.0
        self.trouble: Exception | None = None
        self._rows: list[tuple[int, float, str, float]] = []

    @property
    def loss(self) -> float:
        """What the training is worth by now: its best loss, or its last."""
        if not self.losses:
            return math.inf
        return self.losses[-1] if self._keep == "last" else min(self.losses)

    @property
    def curve(self) -> pd.DataFrame:
        rows = [it for it in self._rows if math.isfinite(it[-1])]
        return pd.DataFrame(rows, columns=list(HISTORY_TYPES)).astype(HISTORY_TYPES)

    def position(self) -> dict[str, Any]:
        seen = {"losses": self.losses, "moments": self.moments, "rows": self._rows}
        return {**super().position(), **seen, "looked": self.seconds}

    def go_to(self, position: Mapping[str, Any]) -> None:
        super().go_to(position)
        self.losses, self.moments = [*position["losses"]], [*position["moments"]]
        self._rows, self.seconds = [*position["rows"]], position["looked"]

    def keep(self, tasks: int, seconds: float) -> None:
        """Look at the present state.

        Raises:
            GivenUp: the best so far is above the bar.
        """
        self._look(tasks, seconds)
        bar = dict(enumerate(self._bars, 1)).get(self.moments[-1], math.inf)
        if min(self.losses) > bar:
            best = f"{min(self.losses):.3g}"
            raise GivenUp(f"its loss is {best} after {tasks:,} tasks, the bar {bar:.3g}")

    def finish(self, tasks: int, seconds: float) -> None:
        """Look at the last state; nobody is given up any more."""
        self._look(tasks, seconds)
        self.moments[-1] = MOMENTS

    def _look(self, tasks: int, seconds: float) -> None:
        started = time.perf_counter()
        try:
            found = self._loss(Moment(tasks, seconds, pack(self._state())))
        except Exception as error:
            print(f"it cannot be asked after {tasks:,} tasks: {described(error)}", flush=True)
            found, self.trouble = math.inf, error
        self.losses.append(found if math.isfinite(found) else math.inf)
        self.moments.append(_tenths(self._budget, tasks, seconds))
        self.seconds += time.perf_counter() - started
        self._rows.append((tasks, seconds, VALIDATION, self.losses[-1]))


def _tenths(budget: Budget, tasks: int, seconds: float) -> int:
    whole, part = (budget.tasks, tasks) if budget.tasks is not None else (budget.seconds, seconds)
    return min(MOMENTS, math.floor(MOMENTS * part / whole + 1e-9)) if whole else MOMENTS
