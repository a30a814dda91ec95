"""Training curves: each learner's own loss over training tasks."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.harness.disk.columns import VALIDATION
from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.marks import line
from benchmarks.report.figures.drawing.style import (
    fit_scale,
    panels,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant

PLACE = 100
PREFERRED = "query_loss"
BINS = 40


def pictures(view: View) -> Iterator[Picture]:
    logged = _logged(view.comparison, view.rows("history"))
    if logged:
        yield view.picture(
            "training-curves",
            "Training curves",
            "Loss on training tasks as each learner logs it (thin: single seeds, thick: their "
            "mean); losses of different learners are not the same quantity.",
            lambda: _curves(view.comparison, logged),
            of_training=True,
        )


Logged = list[tuple[Entrant, str, pd.DataFrame]]
"""Who logs a loss, what it is called, and its rows."""


def _logged(comparison: Comparison, history: pd.DataFrame) -> Logged:
    history = history[["learner", "seed", "tasks", "metric", "value"]]
    return [
        (entrant, metric, rows)
        for entrant in comparison.entrants
        for metric, rows in [_own_loss(history[history["learner"] == entrant.label])]
        if len(rows)
    ]


def training_curves(comparison: Comparison, history: pd.DataFrame) -> Figure:
    return _curves(comparison, _logged(comparison, history))


def _curves(comparison: Comparison, logged: Logged) -> Figure:
    chosen = styles(comparison.entrants)
    figure, axes = panels(1, 1, 5.5 + legend_width([it for it, _, _ in logged]), 3.6)
    ax = axes[0][0]
    shown: list[float] = []
    for entrant, _, rows in logged:
        style = chosen[entrant.label]
        for _, one in rows.groupby("seed", sort=True):
            ax.plot(
                one["tasks"], one["value"], color=style.colour, linewidth=scaled(0.5), alpha=0.3
            )
        line(ax, _binned(rows), style)
        shown += [float(value) for value in rows["value"]]
    fit_scale(ax.xaxis, ax, [float(tasks) for _, _, rows in logged for tasks in rows["tasks"]])
    fit_scale(ax.yaxis, ax, shown)
    ax.set_xlabel("training tasks")
    metrics = {metric for _, metric, _ in logged}
    own = metrics.pop().replace("_", " ") if len(metrics) == 1 else "loss"
    ax.set_ylabel(f"{own}, as each learner logs it")
    legend(figure, [entrant for entrant, _, _ in logged], chosen)
    return figure


def _own_loss(rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The loss a learner logs, by preference on query points."""
    metrics = sorted(
        (it for it in rows["metric"].unique() if not str(it).startswith(VALIDATION)),
        key=lambda it: (it != PREFERRED, not it.endswith("loss"), it),
    )
    metric = metrics[0] if metrics else ""
    return metric, rows[rows["metric"] == metric].sort_values(["seed", "tasks"])


def _binned(rows: pd.DataFrame) -> "pd.Series[float]":
    """The mean over seeds in bins of equal width on the log axis."""
    place = np.log(rows["tasks"].clip(lower=1))
    width = (place.max() - place.min()) / BINS or 1.0
    bins = ((place - place.min()) / width).astype(int).clip(upper=BINS - 1)
    grouped = rows.assign(bin=bins).groupby("bin")
    return pd.Series(grouped["value"].mean().to_numpy(), index=grouped["tasks"].mean().to_numpy())
