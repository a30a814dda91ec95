"""Best so far: how the search for settings has gone, learner by learner."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import line
from benchmarks.report.figures.drawing.style import fit_scale, panels, styles
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant

PLACE = 107


def pictures(view: View) -> Iterator[Picture]:
    found = _found(view.comparison, view.results.tuning)
    if found:
        yield view.picture(
            "best-so-far",
            "Tuning: the best so far",
            "What the best of the settings that were tried by then loses on validation tasks, "
            "where a constant guess loses 1; the first are the defaults. All learners have as many "
            "trials, of the same budget.",
            lambda: best_so_far(view.comparison, found),
            of_training=True,
        )


def _found(comparison: Comparison, tuning: pd.DataFrame) -> list[tuple[Entrant, pd.DataFrame]]:
    """Whose settings were searched on the family: a row for each trial and search."""
    if tuning.empty:
        return []
    rows = tuning[(tuning["family"] == comparison.family) & (tuning["state"] != "failed")]
    return [
        (entrant, mine)
        for entrant in comparison.entrants
        for mine in [rows[rows["learner"] == entrant.label]]
        if mine["number"].nunique() > 1
    ]


def best_so_far(comparison: Comparison, found: list[tuple[Entrant, pd.DataFrame]]) -> Figure:
    """Several searches of one learner, of folds say, are their mean."""
    chosen = styles(comparison.entrants)
    entrants = [it for it, _ in found]
    figure, axes = panels(1, 1, 5.5 + legend_width(entrants), 3.6)
    ax = axes[0][0]
    shown: list[float] = []
    for entrant, rows in found:
        losses = rows["loss"].where(rows["state"] == "done")
        wide = rows.assign(loss=losses).pivot(index="number", columns="study", values="loss")
        whole = wide.reindex(range(int(rows["number"].max()) + 1))
        best = whole.cummin().ffill().mean(axis=1).dropna().rename(lambda number: number + 1)
        line(ax, best, chosen[entrant.label], drawstyle="steps-post")
        shown += [float(it) for it in best]
    ax.set_xlabel("trials")
    ax.set_ylabel("best loss on validation tasks,\nof a constant guess's")
    ax.xaxis.get_major_locator().set_params(integer=True)
    fit_scale(ax.yaxis, ax, shown)
    legend(figure, entrants, chosen)
    return figure
