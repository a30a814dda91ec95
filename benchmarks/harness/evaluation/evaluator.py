"""Scores of every test task, each on its own. Nothing is averaged here."""

from collections.abc import Callable
from dataclasses import replace
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
    task_nmse,
    task_variance,
    variance_scale,
)
from benchmarks.core.landmarks import landmarks
from benchmarks.core.protocol import Change, Protocol
from benchmarks.harness.disk.columns import (
    CONFUSION_TYPES,
    CURVE_TYPES,
    EPISODE_TYPES,
    SCORE_TYPES,
    TASK_TYPES,
)
from benchmarks.harness.evaluation.confusion import CLASS, add_confusion, class_names
from benchmarks.harness.evaluation.diagnostics import Diagnostics
from benchmarks.harness.evaluation.diverging import diverged_in, limit, mse_of
from benchmarks.harness.evaluation.episodes import add_episodes
from benchmarks.harness.evaluation.fits import add_fits, add_points, is_drawable
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.evaluation.predictions import adapt_and_predict, portions_of
from benchmarks.harness.evaluation.sureness import Residuals, spread, sureness
from benchmarks.harness.evaluation.task_names import add_tasks, numbers_of


class Evaluation(NamedTuple):
    """What `evaluate` finds, one row a test task in each.

    Attributes:
        scores: columns shots, steps, task, draw, group, metric, value, diverged; see `score`. Of a
            lean protocol, the problem's own metric alone. Of each task there are as many draws of
            its points as the protocol says. A task that is an independent draw of the family has
            the group "". The other tables are of the first draw of points.
        curves: columns shots, steps, task, kind, x, y, output of the first test tasks, in own
            units: their points, and predictions on a grid over all of these; empty unless the
            problem has one feature. Predictions that diverged are not among them.
        diagnostics: columns shots, steps, task, kind, name, value, options. A `choice` is what the
            learner decided out of so many options, a `measure` a number it gives; both only of
            learners that diagnose. The measure `support_mse` (own units), or in classification
            `support_accuracy`, is of every learner, after every number of steps that is drawn. A
            `trait` is a privileged scalar of the task, whether the learner saw it or not. Steps are
            -1 where they play no part.
        confusion: which class was called which after the most steps; see `add_confusion`. Only of
            classification where classes have names.
        episodes: pictures of the first tasks at the fewest shots, with the predictions after the
            most steps; see `add_episodes`. Only of classification of pictures.
        tasks: columns shots, task, name, group: which task each number stands for.
    """

    scores: pd.DataFrame
    curves: pd.DataFrame
    diagnostics: pd.DataFrame
    confusion: pd.DataFrame
    episodes: pd.DataFrame
    tasks: pd.DataFrame


def draw_test_tasks(family: TaskFamily, identity: str, protocol: Protocol, shots: int) -> TaskBatch:
    """The tasks everybody is scored on: they depend on the family and the protocol's kind alone."""
    size = family.size(protocol.split, shots)
    n_tasks = protocol.tasks if size is None else min(protocol.tasks, size)
    generator = generator_of(protocol.split, identity, protocol.kind)
    more = {"draws": protocol.draws} if protocol.draws > 1 else {}
    return family.sample(
        n_tasks, protocol.split, generator, shots=shots, queries=protocol.queries, **more
    )


def evaluate(
    learner: MetaLearner,
    family: TaskFamily,
    identity: str,
    protocol: Protocol,
    *,
    device: torch.device | str = "cpu",
    on_progress: Callable[[float], None] = lambda fraction: None,
    change: Change | None = None,
    scores_only: bool = False,
    residuals: Residuals | None = None,
) -> Evaluation:
    """Score a trained learner on the test tasks of every k, after every number of steps.

    What it adapts to is what `change` makes of them; it is scored on the tasks as they are.
    Where `scores_only`, the other tables stay empty, and the learner is asked for no more.
    In regression, unless the protocol is lean, the scores say also how sure predictions are (see
    `sureness`, after the landmarks of the steps), as far as predictors or `residuals` tell.

    Raises:
        ContractError: as `ask` and `Diagnostics`.
    """
    scores = Columns(SCORE_TYPES)
    curves = Columns(CURVE_TYPES)
    diagnostics = Diagnostics()
    confusion = Columns(CONFUSION_TYPES)
    episodes = Columns(EPISODE_TYPES)
    named = Columns(TASK_TYPES)
    problem = family.problem
    drawable = is_drawable(problem)
    names = class_names(family, protocol.split)
    drawn = () if scores_only else protocol.drawn
    silent = scores_only or protocol.lean or problem.kind == "classification"
    sure = () if silent else landmarks(protocol.steps)
    for i, shots in enumerate(protocol.shots):
        sound = everything = draw_test_tasks(family, identity, protocol, shots)
        if change is not None:
            chance = generator_of("change", protocol.split, identity, protocol.kind, shots)
            everything = replace(change(sound, problem, chance), query=sound.query)
        batch = everything.showing(learner.needs)
        portions = list(portions_of(batch))
        rows = numbers_of(len(batch), protocol.draws)
        first_draw = slice(len(batch) // protocol.draws)
        shown = everything.rows(first_draw)
        add_tasks(named, shown, shots)
        groups = everything.groups or [""] * len(batch)
        if not scores_only:
            diagnostics.add_traits(shown.support, shots)
        if drawable and not scores_only:
            add_points(curves, batch, problem, shots)
        answers, lost = [], dict[int, list[bool]]()
        for n, portion in enumerate(portions):
            answers.append(
                adapt_and_predict(learner, portion.to(device), protocol.steps, problem, drawn, sure)
            )
            on_progress((i + (n + 1) / len(portions)) / len(protocol.shots))
        for steps, parts in zip(protocol.steps, zip(*answers, strict=True), strict=True):
            prediction = torch.cat([part.query for part in parts])
            diverged = diverged_in(prediction, sound, problem)
            found = score(prediction, sound, problem)
            if steps in sure:
                std = spread(parts, residuals or {}, shots, steps, problem)
                found |= {} if std is None else sureness(prediction, std, sound, problem)
            for metric, values in found.items():
                if metric == problem.metric or not protocol.lean:
                    cell = {"shots": shots, "steps": steps, "group": groups, "metric": metric}
                    scores.add(**cell, **rows, value=values, diverged=diverged)
            if steps not in drawn:
                continue
            lost[steps] = diverged.tolist()
            on_support = torch.cat([part.support for part in parts if part.support is not None])
            support, most = batch.support.rows(first_draw), limit(sound)
            diagnostics.add_support_error(
                on_support[first_draw], support, problem, shots, steps, most
            )
        if scores_only:
            continue
        if drawable:
            add_fits(curves, learner, batch, problem, shots, drawn, lost, device)
        for n, portion in enumerate(portions_of(batch.rows(first_draw))):
            first = n * len(portions[0])
            seen = portion.support.within() if problem.within_tasks else portion.support
            diagnostics.add_diagnosis(learner, seen.to(device), shots, first)
        if problem.kind == "classification":
            fine = ~diverged
            if names is not None and CLASS in everything.support.privileged and fine.any():
                add_confusion(
                    confusion, prediction[fine], everything.rows(fine), names, shots, steps
                )
            if problem.image is not None and i == 0:
                add_episodes(episodes, prediction, everything, problem.image, names, shots, steps)
    return Evaluation(
        scores.frame(),
        curves.frame(),
        diagnostics.frame(),
        confusion.frame(),
        episodes.frame(),
        named.frame(),
    )


def score(
    prediction: Float[Tensor, "tasks points outputs"], batch: TaskBatch, problem: Problem
) -> dict[str, Float[Tensor, " tasks"]]:
    """Each metric of each task, in double precision.

    In classification that is `accuracy`, in [0, 1], and 0 where a task diverged. In regression
    `mse` and `rmse` are in the target's own units (squared for `mse`), and `nmse` divides by the
    variance of all the task's points, support and query; the floor under that variance is relative
    to what is typical of these tasks (`variance_scale`), which stands in where a target is
    constant. An `mse` of more than `limit` counts as that, and the others follow.

    With several targets `nmse` is the mean of each target's, and beside it there is the `rmse of`
    each in its own units.
    """
    y = batch.query.y.double()
    if problem.kind == "classification":
        accuracy = task_accuracy(prediction.double().nan_to_num(), y, batch.query.mask)
        return {"accuracy": accuracy.masked_fill(diverged_in(prediction, batch, problem), 0.0)}
    if problem.targets:
        return _each(prediction, batch, problem)
    mse, _ = mse_of(prediction, batch)
    support = batch.support.y.double()
    everything = torch.cat([support, y], 1)
    shown = torch.ones(support.shape[:2], dtype=torch.bool)
    variance = task_variance(everything, torch.cat([shown, batch.query.mask], 1))
    # what single precision leaves of a constant; the training split's targets vary by 1
    standardised = (problem.target_offset, problem.target_scale) != (0.0, 1.0)
    least = 1e-12 if standardised else 1e-14 * float((everything**2).mean((1, 2)).median())
    own = mse * problem.target_scale**2
    return {
        "mse": own,
        "rmse": own.sqrt(),
        "nmse": task_nmse(mse, variance, variance_scale(variance, least)),
    }


def _each(
    prediction: Float[Tensor, "tasks points outputs"], batch: TaskBatch, problem: Problem
) -> dict[str, Float[Tensor, " tasks"]]:
    """The metrics of several targets, each scored as if it were the only one."""
    nmse: list[Tensor] = []
    own: dict[str, Tensor] = {}
    for number, (name, scale, offset) in enumerate(problem.columns):
        one = slice(number, number + 1)
        support = replace(batch.support, y=batch.support.y[..., one])
        query = replace(batch.query, y=batch.query.y[..., one])
        alone = replace(
            problem, outputs=1, targets=(), target_scale=scale, target_offset=offset, metric="rmse"
        )
        alike = replace(batch, support=support, query=query)
        scores = score(prediction[..., one], alike, alone)
        nmse.append(scores["nmse"])
        own[f"rmse of {name}"] = scores["rmse"]
    return {"nmse": torch.stack(nmse).mean(0), **own}
