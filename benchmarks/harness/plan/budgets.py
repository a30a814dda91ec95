"""What a training may spend, as matrices say it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from pydantic import AllowInfNan, BaseModel, ConfigDict, model_validator

from benchmarks.core import Budget
from benchmarks.harness.plan.fields import parse

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
