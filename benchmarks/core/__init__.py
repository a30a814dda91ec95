"""The contract: task batches, families, learners, budgets, seeds, losses and errors."""

from benchmarks.core.budget import Budget, BudgetedSource, HistoryRow
from benchmarks.core.contract import Diagnoses, MetaLearner, State, TaskFamily
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
    "MetaLearner",
    "Predictor",
    "Problem",
    "Query",
    "Split",
    "State",
    "Support",
    "TaskBatch",
    "TaskFamily",
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
