"""What a training may spend, a trial take, and a search for settings, as matrices say it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from pydantic import AfterValidator, AllowInfNan, BaseModel, ConfigDict, model_validator

from benchmarks.core import Budget
from benchmarks.harness.plan.fields import parse
from benchmarks.units import bytes_in, seconds_in

Keep = Literal["best", "last"]
"""Which state of a training is tested: that which did best on validation tasks, or the last."""


MOST_TASKS = 10**10
"""The quickest learners take a day for so many."""
MOST_SECONDS = 366 * 86400.0


class _Budget(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tasks: Annotated[int, Ge(0), Le(MOST_TASKS)] | None = None
    seconds: Annotated[float, Gt(0), Le(MOST_SECONDS), AllowInfNan(False)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "_Budget":
        if (self.tasks is None) == (self.seconds is None):
            raise ValueError("expected either tasks = ... or seconds = ...")
        return self


class _WholeBudget(_Budget):
    keep: Keep = "best"


@dataclass(frozen=True)
class Tuning:
    """How settings are searched for: alike for every learner of a matrix.

    Attributes:
        trials: so many settings are tried of each learner, the first of them its defaults.
        budget: what each training of a trial may spend.
        seeds: each trial trains once with each of them.
    """

    trials: int
    budget: Budget
    seeds: tuple[int, ...]


class TuningTable(BaseModel):
    """The keys of `[tuning]`.

    Attributes:
        trials: how many settings are tried of each learner; the first are its defaults.
        tasks: training tasks that each of them may draw; as in `[budget]` if left out.
        seconds: what each training may take instead.
        seeds: with how many seeds each of them is trained (others than those of the test), or a
            list of seeds; the mean counts.
    """

    model_config = ConfigDict(extra="forbid")

    trials: Annotated[int, Ge(1), Le(1000)]
    tasks: Annotated[int, Ge(1), Le(MOST_TASKS)] | None = None
    seconds: Annotated[float, Gt(0), Le(MOST_SECONDS), AllowInfNan(False)] | None = None
    seeds: (
        Annotated[int, Ge(1), Le(100)]
        | Annotated[list[Annotated[int, Ge(0)]], MinLen(1), MaxLen(100)]
    ) = 1

    @model_validator(mode="after")
    def _one(self) -> "TuningTable":
        if self.tasks is not None and self.seconds is not None:
            raise ValueError("expected either tasks = ... or seconds = ..., or neither")
        if isinstance(self.seeds, list) and len(set(self.seeds)) < len(self.seeds):
            raise ValueError("key 'seeds': a seed is there twice")
        return self


def tuning_of(data: Mapping[str, Any], budget: Budget, tested: Sequence[int], where: str) -> Tuning:
    """The search that a table asks for; `budget` and the seeds `tested` are those of the matrix.

    Raises:
        MatrixError: a key is unknown, missing or wrong.
    """
    table = parse(TuningTable, data, where)
    if table.tasks is not None or table.seconds is not None:
        budget = Budget(table.tasks, table.seconds)
    if isinstance(table.seeds, list):
        return Tuning(table.trials, budget, tuple(table.seeds))
    first = max(tested) + 1
    return Tuning(table.trials, budget, tuple(range(first, first + table.seeds)))


def budget_of(data: Mapping[str, Any], where: str) -> Budget:
    """The budget of a table.

    Raises:
        MatrixError: a key is unknown, missing or wrong.
    """
    budget = parse(_Budget, data, where)
    return Budget(budget.tasks, budget.seconds)


def whole_budget_of(data: Mapping[str, Any], where: str) -> tuple[Budget, Keep]:
    """The budget of a matrix, and what it says of all trainings beside it.

    Raises:
        MatrixError: a key is unknown, missing or wrong.
    """
    budget = parse(_WholeBudget, data, where)
    return Budget(budget.tasks, budget.seconds), budget.keep


@dataclass(frozen=True)
class Limits:
    """What ends a trial from outside: no part of what its scores depend on.

    Attributes:
        timeout: seconds by the clock for all of it, testing included; infinite where there is
            expressly no such limit, None where nobody says.
        memory: bytes, for it and all that it has started; likewise.
    """

    timeout: float | None = None
    memory: float | None = None

    @property
    def bounds_memory(self) -> bool:
        return self.memory is not None and self.memory < math.inf

    @property
    def holds(self) -> bool:
        """Whether there is any."""
        return self.bounds_memory or (self.timeout is not None and self.timeout < math.inf)

    def over(self, other: "Limits") -> "Limits":
        """These, and where they don't say, the others."""
        return Limits(
            other.timeout if self.timeout is None else self.timeout,
            other.memory if self.memory is None else self.memory,
        )


UNLIMITED = Limits()


class _Limits(BaseModel):
    model_config = ConfigDict(extra="forbid")

    timeout: Annotated[float | str, AfterValidator(seconds_in)] | None = None
    memory: Annotated[float | str, AfterValidator(bytes_in)] | None = None


def limits_of(data: Mapping[str, Any] | None, where: str) -> Limits:
    """The limits of a table, or none without one.

    Raises:
        MatrixError: a key is unknown or wrong.
    """
    found = parse(_Limits, data or {}, where)
    return Limits(found.timeout, found.memory)  # type: ignore[arg-type]
