"""Scores that hold a learner against a network from scratch, or against what it was before."""

from collections.abc import Mapping, Sequence

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Budget, BudgetedSource, MetaLearner, Problem, TaskFamily, generator_of
from benchmarks.harness import gains
from benchmarks.harness.evaluator import SCORE_TYPES, Evaluation
from benchmarks.harness.frames import Columns
from benchmarks.harness.protocols import Protocol, Transfer
from benchmarks.harness.task_names import groups_of

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
            rows.pivot(index="steps", columns="task", values="value").to_numpy(dtype=float)
        )
        for shots, rows in own.groupby("shots", sort=True)
    }


def with_reference(
    evaluation: Evaluation, reference: Evaluation, problem: Problem, protocol: Protocol
) -> Evaluation:
    """The same, with the metrics of `transfer` or `unrelated` among the scores."""
    own, scratch = levels(evaluation, problem), levels(reference, problem)
    table = Columns(SCORE_TYPES)
    for shots in protocol.shots:
        steps, pair = protocol.steps, (own[shots], scratch[shots])
        groups = groups_of(evaluation.tasks, shots, pair[0].shape[1])
        if isinstance(protocol, Transfer):
            for metric, values in gains.of_transfer(*pair, steps, problem.kind).items():
                _add(table, shots, steps[-1], metric, values, groups)
        if protocol.other is not None:
            for metric, values in gains.of_elsewhere(*pair, problem.kind).items():
                _add_steps(table, shots, steps, metric, values, protocol.drawn, groups)
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
    known = {name: levels(it, problem) for name, it in {**others, "after": after}.items()}
    table = Columns(SCORE_TYPES)
    for shots in protocol.shots:
        at = {name: it[shots] for name, it in known.items()}
        for metric, values in gains.of_retention(**at, kind=problem.kind).items():
            of = others["then"] if metric.removeprefix("accuracy_") in SECOND else after
            groups = groups_of(of.tasks, shots, values.shape[1])
            _add_steps(table, shots, protocol.steps, metric, values, protocol.steps, groups)
    return _with(after, table)


def _add_steps(
    table: Columns,
    shots: int,
    steps: Sequence[int],
    metric: str,
    values: Float[Tensor, "steps tasks"],
    wanted: Sequence[int],
    groups: Sequence[str],
) -> None:
    for at, row in zip(steps, values, strict=True):
        if at in wanted:
            _add(table, shots, at, metric, row, groups)


def _add(
    table: Columns,
    shots: int,
    steps: int,
    metric: str,
    values: Float[Tensor, " tasks"],
    groups: Sequence[str],
) -> None:
    table.add(
        shots=shots,
        steps=steps,
        task=range(len(values)),
        group=groups,
        metric=metric,
        value=values,
    )


def _with(evaluation: Evaluation, table: Columns) -> Evaluation:
    scores = pd.concat([evaluation.scores, table.frame()], ignore_index=True).astype(SCORE_TYPES)
    return evaluation._replace(scores=scores)
