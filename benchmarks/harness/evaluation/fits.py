"""What learners make of the first test tasks where these can be drawn: points, and curves."""

from collections.abc import Collection

import torch
from torch import Tensor

from benchmarks.core import MetaLearner, Predictor, Problem, Support, TaskBatch, Uncertain
from benchmarks.harness.evaluation.frames import Columns
from benchmarks.harness.evaluation.predictions import adapted

CURVE_TASKS = 4
GRID = 101
"""Places along the input at which a curve is predicted."""
DATA = -1
"""What the column `steps` of the curves says of points that are data, not predictions."""


def is_drawable(problem: Problem) -> bool:
    return problem.kind == "regression" and problem.features == 1


def add_points(curves: Columns, batch: TaskBatch, problem: Problem, shots: int) -> None:
    """The points of the first tasks, in own units: rows of the kinds `support` and `query`."""
    for task in range(min(CURVE_TASKS, len(batch))):
        for kind, x, y in points_of(batch, task):
            _add(curves, x, y, problem, shots=shots, steps=DATA, task=task, kind=kind)


def points_of(batch: TaskBatch, task: int) -> list[tuple[str, Tensor, Tensor]]:
    real = batch.query.mask[task]
    return [
        ("support", batch.support.x[task], batch.support.y[task]),
        ("query", batch.query.x[task][real], batch.query.y[task][real]),
    ]


def add_fits(
    curves: Columns,
    learner: MetaLearner,
    batch: TaskBatch,
    problem: Problem,
    shots: int,
    steps: Collection[int],
    diverged: dict[int, list[bool]],
    device: torch.device | str = "cpu",
) -> None:
    """Predictions on a grid over the inputs of the first tasks, and deviations where told.

    Rows are of the kinds `prediction` and `std`, in own units. Predictions of tasks that diverged
    and what is not finite are not among them.
    """
    few = batch.rows(slice(min(CURVE_TASKS, len(batch))))
    places = torch.cat([x for task in range(len(few)) for _, x, _ in points_of(few, task)])
    grid = torch.linspace(float(places.min()), float(places.max()), GRID, dtype=places.dtype)
    x = grid[None, :, None].expand(len(few), -1, -1)
    given = few.support.to(device)
    asked, last, found = sorted(steps), None, dict[str, Tensor]()
    for at, predictor in zip(asked, adapted(learner, _copy(given), asked, problem), strict=False):
        if predictor is not last:  # it stays what it was
            found, last = _predicted(predictor, x.to(device)), predictor
        for kind, values in found.items():
            for task in range(len(few)):
                if not diverged[at][task]:
                    y = values[task].detach().cpu()
                    _add(curves, x[task], y, problem, shots=shots, steps=at, task=task, kind=kind)


def _predicted(predictor: Predictor, x: Tensor) -> dict[str, Tensor]:
    with torch.no_grad():
        found = {"prediction": predictor(x.clone())}
        if isinstance(predictor, Uncertain):
            found["std"] = predictor.std(x.clone())
    return found


def own_units(x: Tensor, y: Tensor, problem: Problem, output: int = 0) -> tuple[Tensor, Tensor]:
    """The inputs and one of the outputs, each with the scale and offset of the problem."""
    _, scale, offset = problem.columns[output]
    return (
        x[:, 0].double() * problem.input_scale[0] + problem.input_offset[0],
        y[:, output].double() * scale + offset,
    )


def _add(curves: Columns, x: Tensor, y: Tensor, problem: Problem, **row: int | str) -> None:
    for output in range(problem.outputs):
        own_x, own_y = own_units(x, y, problem, output)
        if row["kind"] == "std":  # it has no offset
            own_y = own_y - problem.columns[output][2]
        finite = own_y.isfinite()
        curves.add(**row, x=own_x[finite], y=own_y[finite], output=output)


def _copy(support: Support) -> Support:
    """One that a learner may spoil."""
    privileged = {name: value.clone() for name, value in support.privileged.items()}
    return Support(support.x.clone(), support.y.clone(), privileged)
