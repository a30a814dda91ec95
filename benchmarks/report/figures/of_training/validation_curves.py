"""Validation curves: how the states of each training did on validation tasks."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.harness.disk.columns import VALIDATION
from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.marks import line
from benchmarks.report.figures.drawing.style import fit_scale, panels, styles
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant

PLACE = 105
GUESS = "#9A9A9A"


def pictures(view: View) -> Iterator[Picture]:
    seen = _seen(view.comparison, view.rows("history"))
    if seen:
        yield view.picture(
            "validation-curves",
            "Validation curves",
            "What the states of each training lose on the same validation tasks, where a constant "
            "guess loses 1 (dashed): thin lines are seeds, thick their mean. Which of the states "
            "is tested is decided by this, unless it is the last.",
            lambda: validation_curves(view.comparison, seen),
            of_training=True,
        )


def _seen(comparison: Comparison, history: pd.DataFrame) -> list[tuple[Entrant, pd.DataFrame]]:
    """Whose trainings were looked at more than once, and what was seen."""
    rows = history[history["metric"] == VALIDATION]
    return [
        (entrant, mine.sort_values("tasks"))
        for entrant in comparison.entrants
        for mine in [rows[rows["learner"] == entrant.label]]
        if mine["tasks"].nunique() > 1
    ]


def validation_curves(comparison: Comparison, seen: list[tuple[Entrant, pd.DataFrame]]) -> Figure:
    chosen = styles(comparison.entrants)
    entrants = [it for it, _ in seen]
    figure, axes = panels(1, 1, 5.5 + legend_width(entrants), 3.6)
    ax = axes[0][0]
    for entrant, rows in seen:
        style = chosen[entrant.label]
        for _, one in rows.groupby("trial", sort=True, observed=True):
            ax.plot(
                one["tasks"], one["value"], color=style.colour, linewidth=scaled(0.5), alpha=0.4
            )
        line(ax, rows.groupby("tasks")["value"].mean(), style)
    ax.axhline(1, color=GUESS, linestyle="--", linewidth=scaled(1))
    everything = pd.concat([rows for _, rows in seen])
    fit_scale(ax.xaxis, ax, [float(it) for it in everything["tasks"]])
    fit_scale(ax.yaxis, ax, [1.0, *(float(it) for it in everything["value"])])
    ax.set_xlabel("training tasks")
    ax.set_ylabel("loss on validation tasks,\nof a constant guess's")
    legend(figure, entrants, chosen)
    return figure
