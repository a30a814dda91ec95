"""Figures of scores: against adaptation steps, against shots, against spending."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from benchmarks.report.figures.labels import Spot, place_labels, shifted
from benchmarks.report.figures.style import (
    Style,
    above_floor,
    caption_name,
    fit_scale,
    legend,
    legend_width,
    panels,
    percent_axis,
    styles,
    tick,
)
from benchmarks.report.scores.budget_matching import unmatched
from benchmarks.report.scores.cells import HIGHER_IS_BETTER, Comparison, Entrant, Group
from benchmarks.report.scores.pareto import pareto_front
from benchmarks.report.scores.wording import UNMATCHED, metric_name, plural, setting
from benchmarks.report.statistics import Interval

PANEL = 3.3
MANY_STEPS = 8
FEW_MARKS = 2
FLOOR = {"tasks": 0.0, "seconds": 0.01, "cpu_seconds": 0.01}
SPENT = {
    "tasks": "training tasks",
    "seconds": "seconds of meta-training",
    "cpu_seconds": "seconds of one processor",
}
FRONT = "#8C8C8C"
APART = 7.0
"""Points between error bars drawn side by side."""


def against_steps(comparison: Comparison) -> Figure | None:
    """Mean score over adaptation steps with 95 % bands, one panel a number of shots."""
    groups, drawn = comparison.groups, _scored(comparison)
    if not drawn:
        return None
    chosen = styles(comparison.entrants)
    figure, axes = panels(
        1, len(groups), PANEL * len(groups) + legend_width(drawn), 3.3, sharey=True
    )
    for group, ax in zip(groups, axes[0], strict=True):
        for entrant in drawn:
            line = [(steps, it) for steps, it in _line(comparison, group, entrant)]
            if line:
                _band(
                    ax, [steps for steps, _ in line], [it for _, it in line], chosen[entrant.label]
                )
        ax.set_title(setting(comparison, group.shots))
        ax.set_xlabel("adaptation steps")
        if len(group.steps) <= MANY_STEPS:
            ax.set_xticks(group.steps)
    _score_axis(comparison, axes[0][0], comparison.groups)
    legend(figure, drawn, chosen)
    return figure


def against_shots(comparison: Comparison) -> Figure | None:
    """Mean score over shots at the most steps: lines where there are three or more, else points."""
    groups, drawn = comparison.groups, _scored(comparison)
    if not drawn:
        return None
    chosen = styles(comparison.entrants)
    lines = len(groups) > 2
    width = 4.2 if lines else 0.8 + max(2.6, len(groups) * max(1.2, 0.3 * len(drawn)))
    figure, axes = panels(1, 1, width + legend_width(drawn), 3.3)
    ax = axes[0][0]
    for rank, entrant in enumerate(drawn):
        points = [
            (place, it)
            for place, group in enumerate(groups)
            if (it := _at(comparison, group, entrant, group.steps[-1])) is not None
        ]
        style = chosen[entrant.label]
        if lines:
            _band(ax, [groups[place].shots for place, _ in points], [it for _, it in points], style)
        else:
            shift = 0.7 * ((rank + 0.5) / len(drawn) - 0.5)
            for place, it in points:
                _bar(ax, place + shift, it, style)
    if lines:
        ax.set_xticks([group.shots for group in groups])
    else:
        ax.set_xticks(range(len(groups)), [str(group.shots) for group in groups])
        ax.set_xlim(-0.5, len(groups) - 0.5)
        ax.grid(visible=False, axis="x")
        for edge in range(1, len(groups)):
            ax.axvline(edge - 0.5, color="#CCCCCC", linewidth=0.8)
    ax.set_xlabel(
        "shots" if comparison.ways is None else f"shots of each of {comparison.ways} classes"
    )
    *others, most = sorted({group.steps[-1] for group in groups})
    before = "".join(f"{steps} or " for steps in others)
    ax.set_title(f"after {before}{plural(most, 'adaptation step')}")
    _score_axis(comparison, ax, groups, last_only=True)
    legend(figure, drawn, chosen)
    return figure


def against_spending(comparison: Comparison) -> Figure | None:
    """Mean score at the most steps over tasks, seconds and processor seconds, one row a shots.

    A line joins those that nobody beats who spent no more, privileged learners aside.
    """
    groups, drawn = comparison.groups, _scored(comparison)
    if not drawn:
        return None
    chosen = styles(comparison.entrants)
    spendings = [name for name in FLOOR if any(name in it.spending for it in drawn)]
    apart = unmatched(comparison)
    width, height = 0.2 + 4.4 * len(spendings), 0.5 + 3.3 * len(groups)
    figure, axes = panels(len(groups), len(spendings), width, height, sharex="col", sharey="row")
    spots: list[tuple[Axes, list[Spot]]] = []
    for group, row in zip(groups, axes, strict=True):
        for ax, spent in zip(row, spendings, strict=True):
            here = [
                (entrant, max(entrant.spending[spent], FLOOR[spent]), it)
                for entrant in drawn
                if spent in entrant.spending
                and (it := _at(comparison, group, entrant, group.steps[-1])) is not None
            ]
            shifts = _side_by_side([x for _, x, _ in here])
            for (entrant, x, it), shift in zip(here, shifts, strict=True):
                _bar(ax, x, it, chosen[entrant.label], shift)
            _spending_scale(ax, [x for _, x, _ in here])
            names = [
                Spot(_spot_name(entrant, apart), chosen[entrant.label].colour, x, it, shift)
                for (entrant, x, it), shift in zip(here, shifts, strict=True)
            ]
            spots.append((ax, names))
            _front(ax, comparison.metric, here, shifts)
        _score_axis(comparison, row[0], [group], last_only=True)
        shots = setting(comparison, group.shots)
        row[0].set_title(f"{shots}, {plural(group.steps[-1], 'step')}", loc="left")
        if ends := [end for _, _, it in here for end in it]:
            log = row[0].get_yscale() == "log"
            row[0].set_ylim(_padded(above_floor(ends) if log else ends, row[0].get_yscale()))
    for ax, spent in zip(axes[-1], spendings, strict=True):
        ax.set_xlabel(SPENT[spent])
    for ax, names in spots:
        place_labels(figure, ax, names)
    return figure


def _spot_name(entrant: Entrant, apart: frozenset[str]) -> str:
    name = caption_name(entrant)
    return f"{name} {UNMATCHED}" if entrant.label in apart else name


def _front(
    ax: Axes, metric: str, here: list[tuple[Entrant, float, Interval]], shifts: list[float]
) -> None:
    """Join those whom nobody beats that spent no more; the ends are moved as their points are."""
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    ranked = [
        (x, sign * it.value, shift, it.value)
        for (entrant, x, it), shift in zip(here, shifts, strict=True)
        if not entrant.privileged
    ]
    front = [ranked[place] for place in pareto_front([(x, loss) for x, loss, _, _ in ranked])]
    for (x, _, shift, y), (next_x, _, next_shift, next_y) in pairwise(front):
        ax.add_artist(
            ConnectionPatch(
                (x, y),
                (next_x, next_y),
                coordsA=shifted(ax, shift),
                coordsB=shifted(ax, next_shift),
                color=FRONT,
                linewidth=0.9,
                linestyle=(0, (4, 3)),
                zorder=1.4,
            )
        )


def _scored(comparison: Comparison) -> list[Entrant]:
    scored = {
        label
        for group in comparison.groups
        for label, _, metric in group.cells
        if metric == comparison.metric
    }
    return [entrant for entrant in comparison.entrants if entrant.label in scored]


def _at(comparison: Comparison, group: Group, entrant: Entrant, steps: int) -> Interval | None:
    cell = group.cells.get((entrant.label, steps, comparison.metric))
    return cell.mean.drawn if cell else None


def _line(comparison: Comparison, group: Group, entrant: Entrant) -> Iterator[tuple[int, Interval]]:
    for steps in group.steps:
        it = _at(comparison, group, entrant, steps)
        if it is not None:
            yield steps, it


def _band(ax: Axes, x: list[int], intervals: list[Interval], style: Style) -> None:
    """A line with markers and its band; error bars where there is but one point."""
    if len(x) == 1:
        _bar(ax, x[0], intervals[0], style)
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
        linewidth=style.width,
        marker=style.marker if len(x) <= MANY_STEPS else "",
        markersize=5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        zorder=style.order,
    )


def _bar(ax: Axes, x: float, it: Interval, style: Style, shift: float = 0.0) -> None:
    ax.errorbar(
        x,
        it.value,
        yerr=[[max(0.0, it.value - it.low)], [max(0.0, it.high - it.value)]],
        color=style.colour,
        marker=style.marker,
        markersize=5,
        markeredgewidth=0,
        elinewidth=1.4,
        zorder=style.order,
        transform=shifted(ax, shift) if shift else ax.transData,
    )


def _side_by_side(places: list[float]) -> list[float]:
    """How far to move each point, so that those at the same place do not hide each other."""
    return [APART * (places[:i].count(x) - (places.count(x) - 1) / 2) for i, x in enumerate(places)]


def _score_axis(
    comparison: Comparison,
    ax: Axes,
    groups: tuple[Group, ...] | list[Group],
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
    ax.set_ylabel(metric_name(comparison.metric, comparison.problem))
    if comparison.metric in HIGHER_IS_BETTER:
        percent_axis(ax.yaxis)
    else:
        fit_scale(ax.yaxis, ax, above_floor(shown))


def _padded(values: list[float], scale: str) -> tuple[float, float]:
    """Limits with room for labels; shifted points cannot be left to matplotlib's own limits."""
    low, high = min(values), max(values)
    if scale == "log":
        room = (high / low) ** 0.18
        return low / room, high * room
    room = 0.18 * (high - low) or 0.5
    return low - room, high + room


def _spending_scale(ax: Axes, values: list[float]) -> None:
    """A log axis with room for labels on either side, and a place for 0 where somebody spent 0."""
    positive = [value for value in values if value > 0]
    if not positive:
        ax.set_xticks([0], ["0"])
        ax.set_xlim(-1, 1)
        return
    low, high = min(positive), max(positive)
    if len(positive) == len(values):
        ax.set_xlim(low / 4, high * 5)
        fit_scale(ax.xaxis, ax, [low / 4, high * 5])
        return
    ax.set_xscale("symlog", linthresh=low / 3, linscale=0.6)
    marks = sorted(set(positive))
    if len(marks) > FEW_MARKS:
        first, last = np.ceil(np.log10(low / 2)), np.floor(np.log10(high * 4))
        marks = [float(10**power) for power in np.arange(first, last + 1)]
    ax.set_xticks([0, *marks], [tick(value) for value in (0, *marks)])
    ax.minorticks_off()
    ax.set_xlim(-low / 6, high * 5)
