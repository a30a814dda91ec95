"""Scores on the points adapted to and on the others over adaptation steps, a panel a learner."""

import math
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from benchmarks.harness.disk.columns import SUPPORT_ACCURACY, SUPPORT_MSE
from benchmarks.report.figures.drawing.legends import above
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.style import (
    caption_name,
    fit_scale,
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.metrics import higher_is_better

PLACE = 90
LEARNERS_A_ROW = 4
MANY_STEPS = 8
SHOWN = 1e4
"""Support errors are drawn down to the least query error divided by this."""


def pictures(view: View) -> Iterator[Picture]:
    told = _told(view.comparison, view.rows("diagnostics"))
    if told is not None:
        metric = view.metric if view.comparison.ways is not None else "MSE"
        yield view.picture(
            "support-against-query",
            f"Support against query {view.score}",
            f"Mean {metric} on the points adapted to (dashed) and on the others (solid, "
            f"{view.band}) after each number of adaptation steps, at the fewest shots: where they "
            "part, a learner fits its support set rather than the task.",
            lambda: support_against_query(view.comparison, *told),
        )


class Told(NamedTuple):
    """What is shown: a metric, the scores in it, and what the support points cost."""

    metric: str
    group: Group
    rows: pd.DataFrame


def _told(comparison: Comparison, diagnostics: pd.DataFrame) -> Told | None:
    metric, name = "mse", SUPPORT_MSE
    if comparison.ways is not None:
        metric, name = "accuracy", SUPPORT_ACCURACY
    used = ["learner", "seed", "shots", "steps", "task", "value"]
    rows = diagnostics.loc[diagnostics["name"] == name, used]
    if rows.empty or rows["steps"].nunique() < 2:
        return None
    group = next(it for it in comparison.groups if it.shots == rows["shots"].min())
    rows = rows[rows["shots"] == group.shots].sort_values(["steps", "seed", "task"])
    return Told(metric, group, rows) if metric in group.metrics else None


def support_against_query(
    comparison: Comparison, metric: str, group: Group, rows: pd.DataFrame
) -> Figure:
    drawn = [it for it in comparison.entrants if (rows["learner"] == it.label).any()]
    chosen = styles(comparison.entrants)
    columns = min(LEARNERS_A_ROW, len(drawn))
    lines = math.ceil(len(drawn) / columns)
    figure, axes = panels(
        lines, columns, 1.0 + 2.1 * columns, 0.8 + 1.9 * lines, sharex=True, sharey=True
    )
    shown: list[float] = []
    least: list[float] = []
    for ax, entrant in zip(axes.flat, drawn, strict=False):
        query = [(at, group.cells[entrant.label, at, metric].mean.drawn) for at in group.steps]
        support = rows[rows["learner"] == entrant.label].groupby("steps")["value"].mean()
        colour = chosen[entrant.label].colour
        steps = [at for at, _ in query]
        low, high = [it.low for _, it in query], [it.high for _, it in query]
        ax.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(steps, [it.value for _, it in query], color=colour, linewidth=scaled(1.8))
        ax.plot(
            support.index,
            support.to_numpy(),
            color=colour,
            linestyle="--",
            marker="^",
            markersize=scaled(4),
        )
        ax.set_title("\n".join(textwrap.wrap(caption_name(entrant), 24)), color=colour)
        shown += [*low, *high, *support]
        least.append(min(it.value for _, it in query))
    if higher_is_better(metric):
        percent_axis(axes[0][0].yaxis)
    else:
        _error_axis(axes[0][0], shown, min(least) / SHOWN)
    for ax in axes.flat[len(drawn) :]:
        ax.set_visible(False)
    for ax in axes.flat[max(0, len(drawn) - columns) : len(drawn)]:
        ax.tick_params(labelbottom=True)
        if len(group.steps) <= MANY_STEPS:
            ax.set_xticks(group.steps)
        else:
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.supxlabel("adaptation steps", fontsize="medium")
    figure.supylabel(comparison.metrics.called(metric), fontsize="medium")
    above(
        figure,
        [
            Line2D([], [], color="#333333", linewidth=scaled(1.8), label="query points"),
            Line2D(
                [],
                [],
                color="#333333",
                linestyle="--",
                marker="^",
                markersize=scaled(4),
                label="support points",
            ),
        ],
    )
    return figure


def _error_axis(ax: Axes, shown: list[float], floor: float) -> None:
    values = [max(value, floor) for value in shown if np.isfinite(value)]
    fit_scale(ax.yaxis, ax, values)
    if ax.get_yscale() == "log":
        ax.set_ylim(0.8 * min(values), 1.25 * max(values))
