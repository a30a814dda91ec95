"""Scores that hold a learner against a network from scratch, or against what it was before."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core import Budget, BudgetedSource, MetaLearner, Problem, TaskFamily, generator_of
from benchmarks.harness.evaluation import gains
from benchmarks.harness.evaluation.evaluator import SCORE_TYPES, Evaluation
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.evaluation.task_names import rows_of
from benchmarks.harness.plan.protocols import Protocol, Transfer

SECOND = frozenset({"then", "forward"})
"""Metrics of `retention` whose tasks are of the second family."""

Levels = Mapping[int, Float[Tensor, "steps tasks"]]
"""By shots, the problem's own metric of each task after each number of steps."""


def fit_reference(
    reference: MetaLearner, family: TaskFamily, seed: int, device: torch.device | str
) -> None:
    """Let the reference draw its weights, as the learner of a trial of this seed would."""
    source = BudgetedSource(family, Budget(tasks=0), generator_of("no tasks"), device=device)
    reference.fit(source, generator_of("learner", seed))


def levels(evaluation: Evaluation, problem: Problem) -> Levels:
    scores = evaluation.scores
    own = scores[scores["metric"] == problem.metric]
    return {
        int(str(shots)): torch.tensor(
            rows.pivot(index="steps", columns=["draw", "task"], values="value").to_numpy(
                dtype=float
            )
        )
        for shots, rows in own.groupby("shots", sort=True)
    }


def _flags(evaluation: Evaluation, problem: Problem) -> Mapping[int, Bool[Tensor, "steps tasks"]]:
    """Of those `levels`, which are of a task that diverged."""
    scores = evaluation.scores
    marked = scores.assign(value=scores["diverged"].astype(float))
    return {k: it > 0 for k, it in levels(evaluation._replace(scores=marked), problem).items()}


def with_reference(
    evaluation: Evaluation, reference: Evaluation, problem: Problem, protocol: Protocol
) -> Evaluation:
    """The same, with the metrics of `transfer` or `unrelated` among the scores.

    One that follows from a score that diverged is marked as such, too.
    """
    own, scratch = levels(evaluation, problem), levels(reference, problem)
    diverged = _flags(evaluation, problem)
    table = Columns(SCORE_TYPES)
    for shots in protocol.shots:
        steps, pair = protocol.steps, (own[shots], scratch[shots])
        rows = rows_of(evaluation.tasks, shots, pair[0].shape[1], protocol.draws)
        if isinstance(protocol, Transfer):
            for metric, values in gains.of_transfer(*pair, steps, problem.kind).items():
                gone = diverged[shots].any(0)
                _add(table, shots, steps[-1], metric, values, gone, rows)
        if protocol.other is not None:
            for metric, values in gains.of_elsewhere(*pair, problem.kind).items():
                gone = diverged[shots]
                _add_steps(table, shots, steps, metric, values, gone, protocol.drawn, rows)
    return _with(evaluation, table)


def with_both(
    after: Evaluation,
    others: Mapping[str, Evaluation],
    problem: Problem,
    protocol: Protocol,
) -> Evaluation:
    """The scores after both families, with the metrics of `retention` among them.

    `others` are `before`, `unseen`, `then` and `scratch`; see `gains.of_retention`.
    """
    every = {**others, "after": after}
    known = {name: levels(it, problem) for name, it in every.items()}
    marks = {name: _flags(it, problem) for name, it in every.items()}
    table = Columns(SCORE_TYPES)
    for shots in protocol.shots:
        at = {name: it[shots] for name, it in known.items()}
        for metric, values in gains.of_retention(**at, kind=problem.kind).items():
            of = others["then"] if metric.removeprefix("accuracy_") in SECOND else after
            rows = rows_of(of.tasks, shots, values.shape[1], protocol.draws)
            gone = torch.zeros_like(values, dtype=torch.bool)
            for name in gains.RETAINED[metric.removeprefix("accuracy_")]:
                gone |= marks[name][shots]
            steps = protocol.steps
            _add_steps(table, shots, steps, metric, values, gone, steps, rows)
    return _with(after, table)


def _add_steps(
    table: Columns,
    shots: int,
    steps: Sequence[int],
    metric: str,
    values: Float[Tensor, "steps tasks"],
    diverged: Bool[Tensor, "steps tasks"],
    wanted: Sequence[int],
    rows: Mapping[str, Any],
) -> None:
    for at, row, gone in zip(steps, values, diverged, strict=True):
        if at in wanted:
            _add(table, shots, at, metric, row, gone, rows)


def _add(
    table: Columns,
    shots: int,
    steps: int,
    metric: str,
    values: Float[Tensor, " tasks"],
    diverged: Bool[Tensor, " tasks"],
    rows: Mapping[str, Any],
) -> None:
    cell = {"shots": shots, "steps": steps, "metric": metric, **rows}
    table.add(**cell, value=values, diverged=diverged)


def _with(evaluation: Evaluation, table: Columns) -> Evaluation:
    scores = pd.concat([evaluation.scores, table.frame()], ignore_index=True).astype(SCORE_TYPES)
    return evaluation._replace(scores=scores)
