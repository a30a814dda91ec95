"""Figures of single protocols: scores against scratch on other families, and retention."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.figures.style import (
    Style,
    legend,
    legend_width,
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.wording import metric_name, plural, setting
from benchmarks.report.statistics import Interval

PANEL = 4.0
ZERO: dict[str, Any] = {"color": "#777777", "linewidth": 0.9, "zorder": 1}
"""The line where neither side is ahead."""
WIDTH = 0.7
"""The share of a family's place that its learners stand on."""


@dataclass(frozen=True)
class Elsewhere:
    """The comparisons of one protocol that trained on the same family and were tested on others."""

    family: str
    protocol: str
    comparisons: tuple[Comparison, ...]


def elsewhere(comparisons: Sequence[Comparison]) -> Iterator[Elsewhere]:
    """Every protocol of that sort, in the order in which they come."""
    found: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for it in comparisons:
        if it.kind in ("unrelated", "transfer") and it.other and it.groups:
            found[it.family, it.protocol.removesuffix(f": {it.other}")].append(it)
    for (family, protocol), members in found.items():
        yield Elsewhere(family, protocol, tuple(members))


def against_scratch(these: Elsewhere) -> Figure | None:
    """By family tested on: how each learner does against scratch, one panel a number of shots.

    Intervals are 95 %; they are of the most adaptation steps.
    """
    first = these.comparisons[0]
    entrants = first.entrants
    metric = first.gain("vs_scratch")
    shots = sorted({group.shots for it in these.comparisons for group in it.groups})
    drawn = [
        it
        for it in entrants
        if any(_end(c, k, it, metric) for c in these.comparisons for k in shots)
    ]
    if not drawn:
        return None
    chosen = styles(entrants)
    width = max(PANEL, 0.25 * len(drawn) * len(these.comparisons))
    figure, axes = panels(1, len(shots), width * len(shots) + legend_width(drawn), 3.6, sharey=True)
    for k, ax in zip(shots, axes[0], strict=True):
        ax.axhline(0, **ZERO)
        for place, comparison in enumerate(these.comparisons):
            for rank, entrant in enumerate(drawn):
                it = _end(comparison, k, entrant, metric)
                if it is not None:
                    x = place + WIDTH * ((rank + 0.5) / len(drawn) - 0.5)
                    _cross(ax, Interval(x, x, x), it, chosen[entrant.label])
        places = range(len(these.comparisons))
        ax.set_xticks(places, [it.other for it in these.comparisons])
        ax.set_xlim(-0.5, len(places) - 0.5)
        ax.grid(visible=False, axis="x")
        ax.set_title(setting(first, k))
        ax.set_xlabel("tested on")
    axes[0][0].set_ylabel(metric_name(metric, first.problem))
    if first.ways is not None:
        percent_axis(axes[0][0].yaxis)
    legend(figure, drawn, chosen)
    return figure


def backward_forward(comparison: Comparison) -> Figure | None:
    """Backward against forward transfer at the most steps, one panel a number of shots."""
    backward, forward = comparison.gain("backward"), comparison.gain("forward")
    groups = comparison.groups
    drawn = [
        it for it in comparison.entrants if any(_mean(group, it, backward) for group in groups)
    ]
    if not drawn:
        return None
    chosen = styles(comparison.entrants)
    figure, axes = panels(1, len(groups), PANEL * len(groups) + legend_width(drawn), 3.6)
    for group, ax in zip(groups, axes[0], strict=True):
        ax.axhline(0, **ZERO)
        ax.axvline(0, **ZERO)
        for entrant in drawn:
            x, y = (_mean(group, entrant, metric) for metric in (forward, backward))
            if x is not None and y is not None:
                _cross(ax, x, y, chosen[entrant.label])
        ax.set_title(f"{setting(comparison, group.shots)}, {plural(group.steps[-1], 'step')}")
        ax.set_xlabel(metric_name(forward, comparison.problem))
        if comparison.ways is not None:
            percent_axis(ax.xaxis)
            percent_axis(ax.yaxis)
    axes[0][0].set_ylabel(metric_name(backward, comparison.problem))
    legend(figure, drawn, chosen)
    return figure


def _end(comparison: Comparison, shots: int, entrant: Entrant, metric: str) -> Interval | None:
    group = next((it for it in comparison.groups if it.shots == shots), None)
    return None if group is None else _mean(group, entrant, metric)


def _mean(group: Group, entrant: Entrant, metric: str) -> Interval | None:
    cell = group.cells.get((entrant.label, group.steps[-1], metric))
    return None if cell is None else cell.mean.drawn


def _cross(ax: Axes, x: Interval, y: Interval, style: Style) -> None:
    """A point with an error bar in each direction in which it has an extent."""
    ax.errorbar(
        x.value,
        y.value,
        xerr=_reach(x) if x.high > x.low else None,
        yerr=_reach(y),
        color=style.colour,
        marker=style.marker,
        markersize=5,
        markeredgewidth=0,
        elinewidth=1.4,
        zorder=style.order,
    )


def _reach(it: Interval) -> list[list[float]]:
    return [[max(0.0, it.value - it.low)], [max(0.0, it.high - it.value)]]
