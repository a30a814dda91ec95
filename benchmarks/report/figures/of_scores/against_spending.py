"""Mean score against what meta-training took: tasks, seconds, seconds of one processor."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from benchmarks.report.figures.drawing.fitting import fitting
from benchmarks.report.figures.drawing.labels import Spot, place_labels, shifted
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.marks import PANEL, bar, drawn_at, score_axis, scored
from benchmarks.report.figures.drawing.style import (
    above_floor,
    caption_name,
    fit_scale,
    panels,
    styles,
    tick,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.budget_matching import unmatched
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.wording import UNMATCHED, UNMATCHED_NOTE, plural, setting
from benchmarks.report.statistics import Interval
from benchmarks.report.statistics.pareto import pareto_front

PLACE = 140
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


def pictures(view: View) -> Iterator[Picture]:
    if scored(view.comparison):
        note = f" {UNMATCHED_NOTE}" if unmatched(view.comparison) else ""
        yield view.picture(
            "score-against-spending",
            "Score against spending",
            f"Mean {view.metric} after the most adaptation steps {view.band}, against the training "
            "tasks and the time that meta-training took; who spent the same stands side by side. "
            "The dashed line joins those whom nobody beats that spent no more, privileged learners "
            f"aside.{note}",
            lambda: against_spending(view.comparison),
        )


def against_spending(comparison: Comparison) -> Figure:
    """Mean score at the most steps over tasks, seconds and processor seconds, one row a shots.

    A line joins those that nobody beats who spent no more, privileged learners aside.
    """
    groups, drawn = comparison.groups, scored(comparison)
    chosen = styles(comparison.entrants)
    spendings = [name for name in FLOOR if any(name in it.spending for it in drawn)]
    spendings = spendings[: fitting(len(spendings), 2.6)]
    apart = unmatched(comparison)
    width, height = 0.2 + 4.4 * len(spendings), 0.5 + PANEL * len(groups)
    figure, axes = panels(len(groups), len(spendings), width, height, sharex="col", sharey="row")
    spots: list[tuple[Axes, list[Spot]]] = []
    for group, row in zip(groups, axes, strict=True):
        for ax, spent in zip(row, spendings, strict=True):
            here = [
                (entrant, max(entrant.spending[spent], FLOOR[spent]), it)
                for entrant in drawn
                if spent in entrant.spending
                and (it := drawn_at(group, entrant, group.steps[-1], comparison.metric)) is not None
            ]
            shifts = _side_by_side([x for _, x, _ in here])
            for (entrant, x, it), shift in zip(here, shifts, strict=True):
                bar(ax, x, it, chosen[entrant.label], shift)
            _spending_scale(ax, [x for _, x, _ in here])
            names = [
                Spot(_spot_name(entrant, apart), chosen[entrant.label].colour, x, it, shift)
                for (entrant, x, it), shift in zip(here, shifts, strict=True)
            ]
            spots.append((ax, names))
            _front(ax, comparison.metric, here, shifts)
        score_axis(comparison, row[0], [group], last_only=True)
        shots = setting(comparison, group.shots)
        row[0].set_title(f"{shots}, {plural(group.steps[-1], 'step')}", loc="left")
        if ends := [end for _, _, it in here for end in it]:
            log = row[0].get_yscale() == "log"
            row[0].set_ylim(_padded(above_floor(ends) if log else ends, row[0].get_yscale()))
    for ax, spent in zip(axes[-1], spendings, strict=True):
        ax.set_xlabel(SPENT[spent])
    place_labels(figure, spots)
    return figure


def _spot_name(entrant: Entrant, apart: frozenset[str]) -> str:
    name = caption_name(entrant)
    return f"{name} {UNMATCHED}" if entrant.label in apart else name


def _front(
    ax: Axes, metric: str, here: list[tuple[Entrant, float, Interval]], shifts: list[float]
) -> None:
    """Join those whom nobody beats that spent no more; the ends are moved as their points are."""
    sign = -1 if higher_is_better(metric) else 1
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
                linewidth=scaled(0.9),
                linestyle=(0, (4, 3)),
                zorder=1.4,
            )
        )


def _side_by_side(places: list[float]) -> list[float]:
    """How far to move each point, so that those at the same place do not hide each other."""
    return [
        scaled(APART) * (places[:i].count(x) - (places.count(x) - 1) / 2)
        for i, x in enumerate(places)
    ]


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
