"""Figures of how learners learn: their own numbers in training, and support against query error."""

import math
import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.harness.evaluation.diagnostics import SUPPORT_ACCURACY, SUPPORT_MSE
from benchmarks.report.figures.style import (
    caption_name,
    fit_scale,
    legend,
    legend_width,
    panels,
    percent_axis,
    styles,
    tick,
)
from benchmarks.report.scores.cells import HIGHER_IS_BETTER, Comparison
from benchmarks.report.scores.wording import metric_name

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
LEARNERS_A_ROW = 4
MANY_STEPS = 8
BINS = 60
SHOWN = 1e4
"""Support errors are drawn down to the least query error divided by this."""


def training_diagnostics(comparison: Comparison, history: pd.DataFrame) -> Figure | None:
    """What the learners log of their policies, one panel a quantity, the mean over seeds."""
    rows = history[history["metric"].isin(LOGGED)]
    metrics = [metric for metric in LOGGED if (rows["metric"] == metric).any()]
    drawn = [it for it in comparison.entrants if (rows["learner"] == it.label).any()]
    if not drawn:
        return None
    chosen = styles(comparison.entrants)
    columns = min(PANELS_A_ROW, len(metrics))
    lines = math.ceil(len(metrics) / columns)
    height = max(0.4 + 2.0 * lines, 0.4 + 0.22 * len(drawn))
    figure, axes = panels(
        lines, columns, 0.3 + 2.7 * columns + legend_width(drawn), height, sharex=True
    )
    for ax, metric in zip(axes.flat, metrics, strict=False):
        here = rows[rows["metric"] == metric]
        for entrant in drawn:
            mine = here[here["learner"] == entrant.label]
            if len(mine):
                style = chosen[entrant.label]
                mean = _binned(mine, float(rows["tasks"].max()))
                ax.plot(
                    mean.index,
                    mean.to_numpy(),
                    color=style.colour,
                    linestyle=style.line,
                    linewidth=style.width,
                    marker=style.marker if len(mean) == 1 else "",
                    zorder=style.order,
                )
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


def _binned(rows: pd.DataFrame, end: float) -> "pd.Series[float]":
    """The mean over seeds, and over what was logged within a sixtieth of the training."""
    bins = np.minimum(rows["tasks"] * BINS // max(end, 1.0), BINS - 1)
    grouped = rows.assign(bin=bins).groupby("bin", sort=True)
    return pd.Series(grouped["value"].mean().to_numpy(), index=grouped["tasks"].mean().to_numpy())


def support_against_query(comparison: Comparison, diagnostics: pd.DataFrame) -> Figure | None:
    """Scores on the points adapted to and on the others over adaptation steps, a panel a learner.

    They are MSE, or in classification accuracy.
    """
    metric, name = "mse", SUPPORT_MSE
    if comparison.ways is not None:
        metric, name = "accuracy", SUPPORT_ACCURACY
    rows = diagnostics[diagnostics["name"] == name]
    if rows.empty or rows["steps"].nunique() < 2:
        return None
    group = next(it for it in comparison.groups if it.shots == rows["shots"].min())
    rows = rows[rows["shots"] == group.shots].sort_values(["steps", "seed", "task"])
    if metric not in group.metrics:
        return None
    drawn = [it for it in comparison.entrants if (rows["learner"] == it.label).any()]
    chosen = styles(comparison.entrants)
    columns = min(LEARNERS_A_ROW, len(drawn))
    lines = math.ceil(len(drawn) / columns)
    figure, axes = panels(
        lines, columns, 1.0 + 2.1 * columns, 0.8 + 1.9 * lines, sharex=True, sharey=True
    )
    shown: list[float] = []
    least: list[float] = []
    for ax, entrant in zip(axes.flat, drawn, strict=False):
        query = [(at, group.cells[entrant.label, at, metric].mean.drawn) for at in group.steps]
        support = rows[rows["learner"] == entrant.label].groupby("steps")["value"].mean()
        colour = chosen[entrant.label].colour
        steps = [at for at, _ in query]
        low, high = [it.low for _, it in query], [it.high for _, it in query]
        ax.fill_between(steps, low, high, color=colour, alpha=0.18, linewidth=0)
        ax.plot(steps, [it.value for _, it in query], color=colour, linewidth=1.8)
        ax.plot(
            support.index,
            support.to_numpy(),
            color=colour,
            linestyle="--",
            marker="^",
            markersize=4,
        )
        ax.set_title("\n".join(textwrap.wrap(caption_name(entrant), 24)), color=colour)
        shown += [*low, *high, *support]
        least.append(min(it.value for _, it in query))
    if metric in HIGHER_IS_BETTER:
        percent_axis(axes[0][0].yaxis)
    else:
        _error_axis(axes[0][0], shown, min(least) / SHOWN)
    for ax in axes.flat[len(drawn) :]:
        ax.set_visible(False)
    for ax in axes.flat[max(0, len(drawn) - columns) : len(drawn)]:
        ax.tick_params(labelbottom=True)
        if len(group.steps) <= MANY_STEPS:
            ax.set_xticks(group.steps)
        else:
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.supxlabel("adaptation steps", fontsize="medium")
    figure.supylabel(metric_name(metric, comparison.problem), fontsize="medium")
    figure.legend(
        handles=[
            Line2D([], [], color="#333333", linewidth=1.8, label="query points"),
            Line2D(
                [],
                [],
                color="#333333",
                linestyle="--",
                marker="^",
                markersize=4,
                label="support points",
            ),
        ],
        loc="outside upper center",
        ncols=2,
    )
    return figure


def _error_axis(ax: Axes, shown: list[float], floor: float) -> None:
    values = [max(value, floor) for value in shown if np.isfinite(value)]
    fit_scale(ax.yaxis, ax, values)
    if ax.get_yscale() == "log":
        ax.set_ylim(0.8 * min(values), 1.25 * max(values))
