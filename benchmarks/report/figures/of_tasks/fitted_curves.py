"""Fitted curves: predictions after each number of steps for the first tasks, a row a learner."""

import textwrap
from collections.abc import Callable, Iterator, Mapping
from itertools import product, zip_longest

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.core.landmarks import spread_out
from benchmarks.harness.disk.columns import DRAWN_STEPS
from benchmarks.report.figures.drawing.fitting import fitting
from benchmarks.report.figures.drawing.legends import above
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.style import (
    caption_name,
    panels,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.wording import plural

PLACE = 80
FITTED_TASKS = 4
TITLE_WIDTH = 24
FEW_POINTS = 30
TRUTH = "#9A9A9A"
PREDICTION, STD = "prediction", "std"
USED = ("learner", "seed", "steps", "task", "kind", "x", "y", "output")
Points = Float[np.ndarray, "_ 2"]


def pictures(view: View) -> Iterator[Picture]:
    curves = finite(view.rows("curves"))
    if curves.empty:
        return
    bands = ""
    if (curves["kind"] == STD).any():
        bands = (
            " The bands, of learners that say how sure they are, go two standard deviations of a "
            "new observation to either side after the most steps."
        )
    yield view.picture(
        "fitted-curves",
        "Fitted curves",
        f"Predictions for the first {view.comparison.split} tasks, from before adaptation (light) "
        "to after the most steps (dark); the first seed of each learner, at the fewest "
        f"shots.{bands}",
        lambda: fitted_curves(view.comparison, curves, view.names),
    )


def finite(curves: pd.DataFrame) -> pd.DataFrame:
    return curves.loc[np.isfinite(curves[["x", "y"]].to_numpy(dtype=float)).all(axis=1)]


def fitted_curves(
    comparison: Comparison,
    curves: pd.DataFrame,
    tasks_of: Callable[[int], Mapping[int, str]] = lambda shots: {},
) -> Figure:
    """Predictions after each number of steps for the first tasks scored, one row a learner.

    Of several targets each has its row. Shows the fewest shots and, for each learner, its first
    seed that is there. `tasks_of` gives the names of the tasks at so many shots, where they have
    any.
    """
    curves = finite(curves)
    shots = int(curves["shots"].min())
    used = [it for it in USED if it in curves]
    curves = curves.loc[curves["shots"] == shots, used].sort_values(["x", "y"])
    drawn = [it for it in comparison.entrants if (curves["learner"] == it.label).any()]
    tasks = sorted({int(task) for task in curves["task"]})[: fitting(FITTED_TASKS, 1.2)]
    names = tasks_of(shots)
    predicted = curves.loc[curves["kind"] == PREDICTION, "steps"]
    steps = spread_out(sorted({int(at) for at in predicted}), DRAWN_STEPS)
    targets = targets_of(comparison)
    chosen = styles(comparison.entrants)
    figure, axes = panels(
        len(drawn) * len(targets),
        len(tasks),
        1.2 + 2.0 * len(tasks),
        0.8 + 1.35 * len(drawn) * len(targets),
        sharex=True,
        sharey="col" if len(targets) == 1 else False,
    )
    limits: list[tuple[Axes, tuple[float, float] | None]] = []
    for (entrant, output), row in zip(product(drawn, range(len(targets))), axes, strict=True):
        mine = curves[curves["learner"] == entrant.label]
        mine = mine[mine["seed"] == mine["seed"].min()]
        if "output" in mine:
            mine = mine[mine["output"] == output]
        for task, ax in zip(tasks, row, strict=True):
            reach = _fit(ax, mine[mine["task"] == task], steps, chosen[entrant.label].colour)
            limits.append((ax, reach))
        name = caption_name(entrant)
        wrapped = textwrap.wrap(name, 16)
        if len(targets) > 1:
            wrapped += textwrap.wrap(targets[output], 16)
        row[0].set_ylabel("\n".join(wrapped), color=chosen[entrant.label].colour, fontweight="bold")
    for ax, reach in limits:  # once all is there: each looks at all panels that share an axis
        if reach is not None:
            ax.set_ylim(reach)
    for task, ax in zip(tasks, axes[0], strict=True):
        ax.set_title(_title(names.get(task, f"{comparison.split} task {task + 1}")))
    problem = comparison.problem
    figure.supxlabel(str(next(iter(problem.get("inputs") or ["x"]))), fontsize="medium")
    if len(targets) == 1:
        figure.supylabel(targets[0], fontsize="medium")
    above(figure, _fit_legend(steps, shots))
    return figure


def targets_of(comparison: Comparison) -> list[str]:
    """What each output is called, with its unit."""
    problem = comparison.problem
    names = list(problem.get("targets") or [problem.get("target", "y")])
    units = list(problem.get("units") or [problem.get("unit", "")])
    return [
        f"{name} in {unit}" if unit else str(name)
        for name, unit in zip_longest(names, units[: len(names)], fillvalue="")
    ]


def _title(name: str) -> str:
    return "\n".join(textwrap.wrap(name, TITLE_WIDTH, max_lines=2, placeholder="…"))


def _fit(ax: Axes, rows: pd.DataFrame, steps: list[int], colour: str) -> tuple[float, float] | None:
    """What one learner makes of one task, whose rows are sorted by x and y.

    Returns:
        From where to where points and support points make the panel go, if there are any.
    """
    kind, at = rows["kind"].to_numpy(object), rows["steps"].to_numpy()
    points = rows[["x", "y"]].to_numpy(dtype=float)
    support, truth = points[kind == "support"], points[kind == "query"]
    if len(truth) < FEW_POINTS:  # a short series: the support points are part of it
        truth = np.concatenate([truth, support])
    truth = _first(truth)
    dots = "." if len(truth) < FEW_POINTS else ""
    ax.plot(
        *truth.T,
        color=TRUTH,
        linewidth=scaled(3),
        alpha=0.7,
        marker=dots,
        markersize=scaled(8),
    )
    for step, shade in zip(steps, _shades(colour, len(steps)), strict=True):
        made = _first(points[(kind == PREDICTION) & (at == step)])
        ax.plot(*made.T, color=shade, linewidth=scaled(1.4))
    if steps:
        last = at == steps[-1]
        means, spreads = (_first(points[last & (kind == it)]) for it in (PREDICTION, STD))
        _band(ax, means, spreads, colour)
    ax.plot(
        *support.T,
        linestyle="",
        marker="^",
        markersize=scaled(5.5),
        color="black",
        markeredgecolor="white",
        markeredgewidth=scaled(0.6),
        zorder=5,
    )
    known = np.concatenate([truth[:, 1], support[:, 1]])
    if not known.size:
        return None
    margin = 0.35 * (known.max() - known.min()) or 1.0
    return known.min() - margin, known.max() + margin


def _first(points: Points) -> Points:
    """By x, the first of each."""
    return points[np.unique(points[:, 0], return_index=True)[1]]


def _band(ax: Axes, means: Points, spreads: Points, colour: str) -> None:
    """How sure the learner is, if it says so."""
    x, one, other = np.intersect1d(means[:, 0], spreads[:, 0], return_indices=True)
    if x.size:
        y, wide = means[one, 1], 2 * spreads[other, 1]
        ax.fill_between(x, y - wide, y + wide, color=colour, alpha=0.15, linewidth=0, zorder=0.5)


def _shades(colour: str, n: int) -> list[tuple[float, float, float]]:
    """From light to the full colour."""
    base = np.array(to_rgb(colour))
    strengths = np.linspace(0.35, 1, n) if n > 1 else [1.0]
    return [tuple(1 - strength * (1 - base)) for strength in strengths]


def _fit_legend(steps: list[int], shots: int) -> list[Line2D]:
    shades = zip(steps, _shades("#333333", len(steps)), strict=True)
    return [
        Line2D([], [], color=TRUTH, linewidth=scaled(3), label="truth"),
        Line2D(
            [], [], color="black", marker="^", linestyle="", label=plural(shots, "support point")
        ),
        *(Line2D([], [], color=shade, label=plural(at, "step")) for at, shade in shades),
    ]
