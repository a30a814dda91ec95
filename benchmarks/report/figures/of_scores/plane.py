"""One metric against another at the most steps, as a protocol declares, a panel for each k."""

from collections.abc import Iterator
from functools import partial

from matplotlib.axis import Axis
from matplotlib.figure import Figure

from benchmarks.core.declaration import Plane
from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import ZERO, cross, drawn_at
from benchmarks.report.figures.drawing.style import (
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.metrics import of_accuracies
from benchmarks.report.scores.wording import plural, said, setting

PLACE = 10
PANEL = 4.0


def pictures(view: View) -> Iterator[Picture]:
    for it in view.whole.metrics.declared.planes:
        if _drawn(view.comparison, it):
            caption = said(it.caption, view.whole, band=view.band)
            draw = partial(draw_plane, view.comparison, it)
            yield view.picture(it.stem, it.title, caption, draw)


def draw_plane(comparison: Comparison, plane: Plane) -> Figure:
    metrics = comparison.metrics
    horizontal, vertical = metrics.stored(plane.x), metrics.stored(plane.y)
    groups = comparison.groups
    drawn = _drawn(comparison, plane)
    chosen = styles(comparison.entrants)
    figure, axes = panels(1, len(groups), PANEL * len(groups) + legend_width(drawn), 3.6)
    for group, ax in zip(groups, axes[0], strict=True):
        if metrics.around_zero(vertical):
            ax.axhline(0, **ZERO)
        if metrics.around_zero(horizontal):
            ax.axvline(0, **ZERO)
        for entrant in drawn:
            x, y = (
                drawn_at(group, entrant, group.steps[-1], metric)
                for metric in (horizontal, vertical)
            )
            if x is not None and y is not None:
                cross(ax, x, y, chosen[entrant.label])
        ax.set_title(f"{setting(comparison, group.shots)}, {plural(group.steps[-1], 'step')}")
        ax.set_xlabel(metrics.called(horizontal))
        _in_percent(ax.xaxis, horizontal)
        _in_percent(ax.yaxis, vertical)
    axes[0][0].set_ylabel(metrics.called(vertical))
    legend(figure, drawn, chosen)
    return figure


def _in_percent(axis: Axis, metric: str) -> None:
    if of_accuracies(metric):
        percent_axis(axis)


def _drawn(comparison: Comparison, plane: Plane) -> list[Entrant]:
    metric = comparison.metrics.stored(plane.y)
    return [
        it
        for it in comparison.entrants
        if any(drawn_at(group, it, group.steps[-1], metric) for group in comparison.groups)
    ]
