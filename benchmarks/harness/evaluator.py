"""Scores of every test task, each on its own. Nothing is averaged here."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import (
    MetaLearner,
    Problem,
    TaskBatch,
    TaskFamily,
    generator_of,
    task_accuracy,
    task_mse,
    task_nmse,
    task_variance,
)
from benchmarks.core.errors import ContractError, Diverged
from benchmarks.harness.diagnostics import Diagnostics
from benchmarks.harness.frames import Columns
from benchmarks.harness.protocols import FewShot

CURVE_TASKS = 4
DATA = -1
"""What the column `steps` of the curves says of points that are data, not predictions."""

SCORE_TYPES = {
    "shots": "int64",
    "steps": "int64",
    "task": "int64",
    "metric": "str",
    "value": "float64",
}
CURVE_TYPES = {
    "shots": "int64",
    "steps": "int64",
    "task": "int64",
    "kind": "str",
    "x": "float64",
    "y": "float64",
}


class Evaluation(NamedTuple):
    """What `evaluate` finds, one row a test task in each.

    Attributes:
        scores: columns shots, steps, task, metric, value; see `score`.
        curves: columns shots, steps, task, kind, x, y of the first test tasks, in own units; empty
            unless the problem has one feature and one output.
        diagnostics: columns shots, steps, task, kind, name, value, options. A `choice` is what the
            learner decided out of so many options, a `measure` a number it gives; both only of
            learners that diagnose. The measure `support_mse` (own units), or in classification
            `support_cross_entropy`, is of every learner, after every number of steps. A `trait` is
            a privileged scalar of the task, whether the learner saw it or not. Steps are -1 where
            they play no part.
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    diagnostics: pd.DataFrame


def draw_test_tasks(family: TaskFamily, identity: str, protocol: FewShot, shots: int) -> TaskBatch:
    """The tasks everybody is scored on: they depend on the family and the protocol's kind alone."""
    size = family.size(protocol.split, shots)
    n_tasks = protocol.tasks if size is None else min(protocol.tasks, size)
    generator = generator_of(protocol.split, identity, protocol.kind)
    return family.sample(n_tasks, protocol.split, generator, shots=shots, queries=protocol.queries)


def evaluate(
    learner: MetaLearner,
    family: TaskFamily,
    identity: str,
    protocol: FewShot,
    *,
    device: torch.device | str = "cpu",
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> Evaluation:
    """Score a trained learner on the test tasks of every k, after every number of steps.

    Raises:
        Diverged: a prediction is not finite.
        ContractError: the learner yields too few or too many predictors, or a wrong shape.
    """
    scores = Columns(SCORE_TYPES)
    curves = Columns(CURVE_TYPES)
    diagnostics = Diagnostics()
    problem = family.problem
    drawable = problem.features == 1 and problem.outputs == 1
    cells = len(protocol.shots) * len(protocol.steps)
    for i, shots in enumerate(protocol.shots):
        everything = draw_test_tasks(family, identity, protocol, shots)
        batch = everything.showing(learner.needs)
        on_device = batch.to(device)
        diagnostics.add_traits(everything.support, shots)
        if drawable:
            _draw_data(curves, batch, problem, shots)
        predictors = learner.adapt(on_device.support, protocol.steps)
        done = 0
        for steps, predictor in zip(protocol.steps, predictors, strict=False):
            with torch.no_grad():
                prediction = predictor(on_device.query.x).detach().cpu().double()
            _check(prediction, batch, shots, steps)
            for metric, values in score(prediction, batch, problem).items():
                tasks = range(len(batch))
                scores.add(shots=shots, steps=steps, task=tasks, metric=metric, value=values)
            if drawable:
                _draw(curves, batch, prediction, problem, shots, steps)
            diagnostics.add_support_error(predictor, on_device.support, problem, shots, steps)
            done += 1
            on_progress((i * len(protocol.steps) + done) / cells)
        if done < len(protocol.steps):
            raise ContractError(f"adapt yielded {done} predictors for steps {protocol.steps}")
        diagnostics.add_diagnosis(learner, on_device.support, shots)
    return Evaluation(scores.frame(), curves.frame(), diagnostics.frame())


def score(
    prediction: Float[Tensor, "tasks points outputs"], batch: TaskBatch, problem: Problem
) -> dict[str, Float[Tensor, " tasks"]]:
    """Each metric of each task, in double precision.

    In classification that is `accuracy`, in [0, 1]. In regression `mse` and `rmse` are in the
    target's own units (squared for `mse`), and `nmse` divides by the variance of all the task's
    points, support and query; the floor under that variance is relative to the mean variance of
    these tasks.
    """
    y = batch.query.y.double()
    if problem.kind == "classification":
        return {"accuracy": task_accuracy(prediction.double(), y, batch.query.mask)}
    mse = task_mse(prediction.double(), y, batch.query.mask)
    support = batch.support.y.double()
    everything = torch.cat([support, y], 1)
    shown = torch.ones(support.shape[:2], dtype=torch.bool)
    variance = task_variance(everything, torch.cat([shown, batch.query.mask], 1))
    own = mse * problem.target_scale**2
    return {
        "mse": own,
        "rmse": own.sqrt(),
        "nmse": task_nmse(mse, variance, float(variance.mean())),
    }


def _check(prediction: Tensor, batch: TaskBatch, shots: int, steps: int) -> None:
    expected = tuple(batch.query.y.shape)
    if tuple(prediction.shape) != expected:
        raise ContractError(
            f"expected predictions of shape {expected}, got {tuple(prediction.shape)}"
        )
    bad = int((~prediction.isfinite()).flatten(1).any(1).sum())
    if bad:
        raise Diverged(
            f"the predictions of {bad} of {len(batch)} test tasks are not finite "
            f"({shots} shots, {steps} steps)"
        )


def _draw_data(curves: Columns, batch: TaskBatch, problem: Problem, shots: int) -> None:
    query = batch.query
    for task in range(min(CURVE_TASKS, len(batch))):
        mask = query.mask[task]
        for kind, x, y in (
            ("support", batch.support.x[task], batch.support.y[task]),
            ("query", query.x[task][mask], query.y[task][mask]),
        ):
            x, y = _own_units(x, y, problem)
            curves.add(shots=shots, steps=DATA, task=task, kind=kind, x=x, y=y)


def _draw(
    curves: Columns,
    batch: TaskBatch,
    prediction: Tensor,
    problem: Problem,
    shots: int,
    steps: int,
) -> None:
    for task in range(min(CURVE_TASKS, len(batch))):
        mask = batch.query.mask[task]
        x, y = _own_units(batch.query.x[task][mask], prediction[task][mask], problem)
        curves.add(shots=shots, steps=steps, task=task, kind="prediction", x=x, y=y)


def _own_units(x: Tensor, y: Tensor, problem: Problem) -> tuple[Tensor, Tensor]:
    return (
        x[:, 0].double() * problem.input_scale[0] + problem.input_offset[0],
        y[:, 0].double() * problem.target_scale + problem.target_offset,
    )
