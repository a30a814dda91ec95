"""Tuning: learners that differ in a grid of fields, laid out by those fields."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.harness.store.results import Settings
from benchmarks.report.figures.drawing.legends import beside
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.seaborn_style import color_palette
from benchmarks.report.figures.drawing.style import (
    MARKERS,
    OTHER_COLOURS,
    above_floor,
    fit_scale,
    panels,
    percent_axis,
    tick,
)
from benchmarks.report.figures.view import Picture, View, band_of
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.wording import listing, plural, setting
from benchmarks.report.statistics import Interval

PLACE = 50
FEWEST = 4
APART = 0.13
"""Between the points of one place, where places are 1 apart."""


def pictures(view: View) -> Iterator[Picture]:
    grid = find_grid(view.whole, view.results.settings)
    for group in view.whole.groups if grid is not None else ():
        if grid is not None and _has_score(view.whole, grid, group):
            yield _picture(view, grid, group)


def _picture(view: View, grid: "Grid", group: Group) -> Picture:
    comparison = view.whole
    shots, steps = setting(comparison, group.shots), plural(group.steps[-1], "adaptation step")
    fields = ", ".join(f"`{name}`" for name in grid.values)
    labels = set(grid.labels.values())
    partial = [
        f"`{it.label}` ({it.seeds})"
        for it in comparison.entrants
        if it.label in labels and 0 < it.done < it.planned
    ]
    fewer = f" ⚠ From fewer seeds than planned: {listing(partial)}." if partial else ""
    return Picture(
        f"tuning-{group.shots}-shots{view.ending}",
        f"Tuning, {comparison.title}, {shots}",
        f"Mean {view.metric} after {steps} {band_of(comparison)}, for each combination of {fields}."
        f" A cross is a combination without a score: it failed, or was not run.{fewer}",
        lambda: tuning(comparison, grid, group),
    )


@dataclass(frozen=True)
class Grid:
    """Learners of one kind that differ in a grid of fields.

    Attributes:
        values: by field, its values in ascending order; the field with the most numbers first.
        labels: the learner with each combination of values, in the order of `values`; those of
            which nothing is known, or that the matrix does not have, are not there.
    """

    values: Mapping[str, tuple[Any, ...]]
    labels: Mapping[tuple[str, ...], str]

    def label(self, *values: Any) -> str | None:
        return self.labels.get(tuple(map(_key, values)))


def find_grid(comparison: Comparison, settings: Mapping[str, Settings]) -> Grid | None:
    """The first kind of learner that comes in a grid of two fields or more.

    That is: at least four learners of one name, each with values of its own for the fields that
    differ, and together more than half of all combinations. A few variants that each change
    another field are no grid.
    """
    kinds: dict[str, dict[str, Mapping[str, Any]]] = {}
    for entrant in comparison.entrants:
        known = settings.get(entrant.label)
        if known is not None and known.fields:
            kinds.setdefault(known.name, {})[entrant.label] = known.fields
    for learners in kinds.values():
        values = _differing(list(learners.values()))
        labels = {
            tuple(_key(fields.get(name)) for name in values): label
            for label, fields in learners.items()
        }
        combinations = math.prod(map(len, values.values()))
        if (
            len(values) > 1
            and len(learners) >= FEWEST
            and len(labels) == len(learners)
            and 2 * len(labels) > combinations
        ):
            return Grid(values, labels)
    return None


def _differing(learners: list[Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The fields in which the learners differ: those with numbers first, and most values first."""
    found = {}
    for name in dict.fromkeys(name for fields in learners for name in fields):
        values = {_key(fields.get(name)): fields.get(name) for fields in learners}
        if len(values) > 1:
            found[name] = tuple(sorted(values.values(), key=_rank))
    ordered = sorted(
        found, key=lambda name: (not all(map(_is_number, found[name])), -len(found[name]))
    )
    return {name: found[name] for name in ordered}


def _has_score(comparison: Comparison, grid: Grid, group: Group) -> bool:
    return any(
        (label, group.steps[-1], comparison.metric) in group.cells for label in grid.labels.values()
    )


def tuning(comparison: Comparison, grid: Grid, group: Group) -> Figure:
    """Score at the most steps over one field, the others being colours, columns and rows.

    A combination without a score has a cross at the foot of its panel, and a gap in its line.
    """
    along, hue, *others = grid.values
    across, down = others[:1], others[1:]
    columns = list(product(*(grid.values[name] for name in across)))
    rows = list(product(*(grid.values[name] for name in down)))
    n = len(grid.values[along])
    figure, axes = panels(
        len(rows),
        len(columns),
        1.9 + len(columns) * (0.9 + 0.5 * n),
        0.6 + 2.3 * len(rows),
        sharex=True,
        sharey=True,
    )
    order = list(grid.values)
    shown: list[float] = []
    missing = 0
    for row, above in zip(axes, rows, strict=True):
        for ax, there in zip(row, columns, strict=True):
            fixed = dict(zip((*across, *down), (*there, *above), strict=True))
            ax.set_title(", ".join(f"{name} {_text(value)}" for name, value in fixed.items()))
            for rank, colour in enumerate(_colours(grid.values[hue])):
                here = []
                for value in grid.values[along]:
                    combination = {along: value, hue: grid.values[hue][rank], **fixed}
                    label = grid.label(*(combination[name] for name in order))
                    cell = group.cells.get((label or "", group.steps[-1], comparison.metric))
                    here.append(cell.mean.drawn if cell else None)
                shift = APART * (rank - (len(grid.values[hue]) - 1) / 2)
                _line(ax, here, shift, colour, MARKERS[rank % len(MARKERS)])
                shown += [end for it in here if it for end in it]
                missing += sum(it is None for it in here)
            ax.set_xticks(range(n), [_text(value) for value in grid.values[along]])
            ax.set_xlim(-0.5, n - 0.5)
            ax.grid(visible=False, axis="x")
    for ax in axes[-1]:
        ax.set_xlabel(along)
    figure.supylabel(comparison.metrics.called(comparison.metric), fontsize="medium")
    if higher_is_better(comparison.metric):
        percent_axis(axes[0][0].yaxis)
    else:
        fit_scale(axes[0][0].yaxis, axes[0][0], above_floor(shown))
    _legend(figure, hue, grid.values[hue], missing)
    return figure


def _line(
    ax: Axes, intervals: list[Interval | None], shift: float, colour: Any, marker: str
) -> None:
    """Points with error bars and a line between neighbours; crosses for what is not there."""
    x = np.arange(len(intervals)) + shift
    value, low, high = np.array([it or (np.nan,) * 3 for it in intervals], dtype=float).T
    ax.errorbar(
        x,
        value,
        yerr=[np.maximum(0, value - low), np.maximum(0, high - value)],
        color=colour,
        marker=marker,
        markersize=scaled(4.5),
        linewidth=scaled(0.9),
        elinewidth=scaled(1.3),
    )
    absent = [at for at, it in zip(x, intervals, strict=True) if it is None]
    if absent:
        ax.plot(
            absent,
            [0.03] * len(absent),
            linestyle="",
            marker="x",
            markersize=scaled(4.5),
            color=colour,
            transform=ax.get_xaxis_transform(),
        )


def _legend(figure: Figure, field: str, values: tuple[Any, ...], missing: int) -> None:
    handles = [
        Line2D([], [], color=colour, marker=marker, markersize=scaled(4.5), label=_text(value))
        for value, colour, marker in zip(
            values, _colours(values), MARKERS * len(values), strict=False
        )
    ]
    if missing:
        handles.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker="x",
                markersize=scaled(4.5),
                color="#555555",
                label="no score",
            )
        )
    beside(figure, handles, field)


def _colours(values: tuple[Any, ...]) -> list[Any]:
    """From light to dark for numbers, apart for anything else."""
    if all(map(_is_number, values)):
        return list(color_palette("flare", len(values)))
    return [OTHER_COLOURS[i % len(OTHER_COLOURS)] for i in range(len(values))]


def _text(value: Any) -> str:
    if _is_number(value):
        return tick(value) if abs(value) >= 1e4 else f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _rank(value: Any) -> tuple[int, float, str]:
    return (0, value, "") if _is_number(value) else (1, 0.0, _key(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
