"""What a training may spend, and what a trial may take, as matrices say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import AfterValidator, AllowInfNan, BaseModel, ConfigDict, model_validator

from benchmarks.core import Budget
from benchmarks.harness.plan.fields import parse
from benchmarks.units import bytes_in, seconds_in

Keep = Literal["best", "last"]
"""Which state of a training is tested: that which did best on validation tasks, or the last."""


class _Budget(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tasks: Annotated[int, Ge(0), Le(10**15)] | None = None
    seconds: Annotated[float, Gt(0), Le(1e9), AllowInfNan(False)] | None = None

    @model_validator(mode="after")
    def _one(self) -> "_Budget":
        if (self.tasks is None) == (self.seconds is None):
            raise ValueError("expected either tasks = ... or seconds = ...")
        return self


class _WholeBudget(_Budget):
    keep: Keep = "best"


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
