"""What learners log of their policies in training, one panel a quantity, the mean over seeds."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import line
from benchmarks.report.figures.drawing.style import (
    panels,
    styles,
    tick,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant

PLACE = 110
LOGGED = (
    "policy_entropy",
    "marginal_entropy",
    "policy_loss",
    "value_loss",
    "explained_variance",
    "clip_fraction",
    "error_rate",
    "reward",
    "reading_loss",
)
PANELS_A_ROW = 3
BINS = 60


def pictures(view: View) -> Iterator[Picture]:
    history = view.rows("history")
    if _drawn(view.comparison, history):
        yield view.picture(
            "training-diagnostics",
            "Training diagnostics",
            "What learners with a policy log of it in training, the mean over seeds; entropies are "
            "in nats.",
            lambda: training_diagnostics(view.comparison, history),
            of_training=True,
        )


def _drawn(comparison: Comparison, history: pd.DataFrame) -> list[Entrant]:
    there = set(history.loc[history["metric"].isin(LOGGED), "learner"])
    return [it for it in comparison.entrants if it.label in there]


def training_diagnostics(comparison: Comparison, history: pd.DataFrame) -> Figure:
    rows = history.loc[history["metric"].isin(LOGGED), ["learner", "tasks", "metric", "value"]]
    metrics = [metric for metric in LOGGED if (rows["metric"] == metric).any()]
    drawn = _drawn(comparison, history)
    chosen = styles(comparison.entrants)
    columns = min(PANELS_A_ROW, len(metrics))
    lines = math.ceil(len(metrics) / columns)
    height = max(0.4 + 2.0 * lines, 0.4 + 0.22 * len(drawn))
    figure, axes = panels(
        lines, columns, 0.3 + 2.7 * columns + legend_width(drawn), height, sharex=True
    )
    means = _binned(rows)
    for ax, metric in zip(axes.flat, metrics, strict=False):
        for entrant in drawn:
            if (mean := means.get((metric, entrant.label))) is not None:
                style = chosen[entrant.label]
                line(ax, mean, style, marker=style.marker if len(mean) == 1 else "")
        ax.set_title(metric.replace("_", " "))
        ax.yaxis.set_major_locator(MaxNLocator(5))
        if metric == "explained_variance":
            ax.set_ylim(max(-1.0, ax.get_ylim()[0]), 1.05)
    for ax in axes.flat[len(metrics) :]:
        ax.set_visible(False)
    for ax in axes.flat[max(0, len(metrics) - columns) : len(metrics)]:
        ax.tick_params(labelbottom=True)
        ax.xaxis.set_major_locator(MaxNLocator(4))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    for ax in axes[-1]:
        ax.set_xlabel("training tasks")
    legend(figure, drawn, chosen)
    return figure


def _binned(rows: pd.DataFrame) -> "dict[Any, pd.Series[float]]":
    """By metric and learner the mean over seeds, and over a sixtieth of the training."""
    end = max(float(rows["tasks"].max()), 1.0)
    bins = np.minimum(rows["tasks"] * BINS // end, BINS - 1)
    grouped = rows.assign(bin=bins).groupby(["metric", "learner", "bin"], sort=True)
    means = grouped[["value", "tasks"]].mean()
    return {
        key: pd.Series(mine["value"].to_numpy(), index=mine["tasks"].to_numpy())
        for key, mine in means.groupby(["metric", "learner"], sort=False)
    }
