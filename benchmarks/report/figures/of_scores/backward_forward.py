"""Backward against forward transfer at the most steps, one panel a number of shots."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import ZERO, cross, drawn_at
from benchmarks.report.figures.drawing.style import (
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.wording import metric_name, plural, setting

PLACE = 10
PANEL = 4.0


def pictures(view: View) -> Iterator[Picture]:
    family, other = view.whole.family, view.whole.other
    if _drawn(view.comparison):
        yield view.picture(
            "retention",
            "Backward and forward transfer",
            f"Mean transfer after the most adaptation steps {view.band}. Below 0, carrying on with "
            f"{other} made a learner forget {family}; left of 0, it was worse on {other} than from "
            "scratch before it was trained on it.",
            lambda: backward_forward(view.comparison),
        )


def _drawn(comparison: Comparison) -> list[Entrant]:
    backward = comparison.gain("backward")
    return [
        it
        for it in comparison.entrants
        if any(drawn_at(group, it, group.steps[-1], backward) for group in comparison.groups)
    ]


def backward_forward(comparison: Comparison) -> Figure:
    backward, forward = comparison.gain("backward"), comparison.gain("forward")
    groups = comparison.groups
    drawn = _drawn(comparison)
    chosen = styles(comparison.entrants)
    figure, axes = panels(1, len(groups), PANEL * len(groups) + legend_width(drawn), 3.6)
    for group, ax in zip(groups, axes[0], strict=True):
        ax.axhline(0, **ZERO)
        ax.axvline(0, **ZERO)
        for entrant in drawn:
            x, y = (
                drawn_at(group, entrant, group.steps[-1], metric) for metric in (forward, backward)
            )
            if x is not None and y is not None:
                cross(ax, x, y, chosen[entrant.label])
        ax.set_title(f"{setting(comparison, group.shots)}, {plural(group.steps[-1], 'step')}")
        ax.set_xlabel(metric_name(forward, comparison.problem))
        if comparison.ways is not None:
            percent_axis(ax.xaxis)
            percent_axis(ax.yaxis)
    axes[0][0].set_ylabel(metric_name(backward, comparison.problem))
    legend(figure, drawn, chosen)
    return figure
