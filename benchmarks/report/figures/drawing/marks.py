"""Marks and axes that figures share."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from benchmarks.report.figures.drawing.labels import shifted
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.style import (
    Style,
    above_floor,
    fit_scale,
    percent_axis,
)
from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.statistics import Interval

PANEL = 3.3
"""Inches that a panel is wide and high."""
MANY_STEPS = 8
ZERO: dict[str, Any] = {"color": "#777777", "linewidth": 0.9, "zorder": 1}
"""The line where neither side is ahead."""


def scored(comparison: Comparison) -> list[Entrant]:
    """Who has a score in the problem's own metric."""
    scored = {
        label
        for group in comparison.groups
        for label, _, metric in group.cells
        if metric == comparison.metric
    }
    return [entrant for entrant in comparison.entrants if entrant.label in scored]


def drawn_at(group: Group, entrant: Entrant, steps: int, metric: str) -> Interval | None:
    """The mean after so many steps; None where there is none."""
    cell = group.cells.get((entrant.label, steps, metric))
    return cell.mean.drawn if cell else None


def band(ax: Axes, x: list[int], intervals: list[Interval], style: Style) -> None:
    """A line with markers and its band; error bars where there is but one point."""
    if len(x) == 1:
        bar(ax, x[0], intervals[0], style)
        return
    ax.fill_between(
        x,
        [it.low for it in intervals],
        [it.high for it in intervals],
        color=style.colour,
        alpha=0.18,
        linewidth=0,
        zorder=1.5,
    )
    ax.plot(
        x,
        [it.value for it in intervals],
        color=style.colour,
        linestyle=style.line,
        linewidth=scaled(style.width),
        marker=style.marker if len(x) <= MANY_STEPS else "",
        markersize=scaled(5),
        markeredgecolor="white",
        markeredgewidth=scaled(0.6),
        zorder=style.order,
    )


def bar(ax: Axes, x: float, it: Interval, style: Style, shift: float = 0.0) -> None:
    """A point with its error bar, moved right by `shift` points."""
    ax.errorbar(
        x,
        it.value,
        yerr=[[max(0.0, it.value - it.low)], [max(0.0, it.high - it.value)]],
        color=style.colour,
        marker=style.marker,
        markersize=scaled(5),
        markeredgewidth=0,
        elinewidth=scaled(1.4),
        zorder=style.order,
        transform=shifted(ax, shift) if shift else ax.transData,
    )


def cross(ax: Axes, x: Interval, y: Interval, style: Style) -> None:
    """A point with an error bar in each direction in which it has an extent."""
    ax.errorbar(
        x.value,
        y.value,
        xerr=_reach(x) if x.high > x.low else None,
        yerr=_reach(y),
        color=style.colour,
        marker=style.marker,
        markersize=scaled(5),
        markeredgewidth=0,
        elinewidth=scaled(1.4),
        zorder=style.order,
    )


def _reach(it: Interval) -> list[list[float]]:
    return [[max(0.0, it.value - it.low)], [max(0.0, it.high - it.value)]]


def score_axis(
    comparison: Comparison,
    ax: Axes,
    groups: Sequence[Group],
    last_only: bool = False,
) -> None:
    """Log axis for errors, linear for accuracy, with the metric and its unit."""
    shown = [
        end
        for group in groups
        for (_, steps, metric), cell in group.cells.items()
        if metric == comparison.metric and (not last_only or steps == group.steps[-1])
        for end in cell.mean.drawn
    ]
    ax.set_ylabel(comparison.metrics.called(comparison.metric))
    if higher_is_better(comparison.metric):
        percent_axis(ax.yaxis)
    else:
        fit_scale(ax.yaxis, ax, above_floor(shown))


def line(ax: Axes, values: "pd.Series[float]", style: Style, **more: Any) -> None:
    """What a learner has come to, against the index."""
    ax.plot(
        values.index,
        values.to_numpy(),
        color=style.colour,
        linestyle=style.line,
        linewidth=scaled(style.width),
        zorder=style.order,
        **more,
    )
