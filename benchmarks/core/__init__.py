"""The contract: task batches, families, learners, budgets, seeds, losses and errors."""

from benchmarks.core.budget import Budget, BudgetedSource, HistoryRow
from benchmarks.core.contract import Diagnoses, MetaLearner, State, TaskFamily
from benchmarks.core.losses import task_mse, task_nmse, task_variance
from benchmarks.core.seeds import generator_of, seed_of
from benchmarks.core.types import (
    Choice,
    Diagnosis,
    Predictor,
    Problem,
    Query,
    Split,
    Support,
    TaskBatch,
)

__all__ = [
    "Budget",
    "BudgetedSource",
    "Choice",
    "Diagnoses",
    "Diagnosis",
    "HistoryRow",
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
    "task_mse",
    "task_nmse",
    "task_variance",
]
