"""The contract: task batches, families, learners, budgets, seeds, losses and errors.

Names are imported when they are first asked for: errors and texts need no torch, which takes a
second or two.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.core.budget import BudgetedSource, HistoryRow
    from benchmarks.core.contract import (
        Diagnoses,
        MetaLearner,
        Resumes,
        Spread,
        State,
        Uncertain,
    )
    from benchmarks.core.family import TaskFamily
    from benchmarks.core.kinds import Budget
    from benchmarks.core.losses import (
        CONSTANT,
        task_accuracy,
        task_cross_entropy,
        task_loss,
        task_mse,
        task_nmse,
        task_variance,
        variance_scale,
    )
    from benchmarks.core.search import LogUniform, OneOf, Uniform, Whole
    from benchmarks.core.seeds import generator_of, seed_of
    from benchmarks.core.types import (
        Choice,
        Diagnosis,
        Kind,
        Predictor,
        Problem,
        Query,
        Split,
        Support,
        TaskBatch,
    )

__all__ = [
    "CONSTANT",
    "Budget",
    "BudgetedSource",
    "Choice",
    "Diagnoses",
    "Diagnosis",
    "HistoryRow",
    "Kind",
    "LogUniform",
    "MetaLearner",
    "OneOf",
    "Predictor",
    "Problem",
    "Query",
    "Resumes",
    "Split",
    "Spread",
    "State",
    "Support",
    "TaskBatch",
    "TaskFamily",
    "Uncertain",
    "Uniform",
    "Whole",
    "generator_of",
    "seed_of",
    "task_accuracy",
    "task_cross_entropy",
    "task_loss",
    "task_mse",
    "task_nmse",
    "task_variance",
    "variance_scale",
]

_MODULES = (
    "kinds",
    "search",
    "types",
    "seeds",
    "losses",
    "family",
    "budget",
    "contract",
)
"""Those that need no torch are first."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            there = vars(import_module(f"{__name__}.{module}"))
            if name in there:
                globals()[name] = there[name]
                return there[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
