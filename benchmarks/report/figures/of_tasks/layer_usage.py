"""Usage of the pool: the share of tasks for which each decision took each option."""

import math
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.figures.drawing.legends import colour_bar
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.seaborn_style import color_palette
from benchmarks.report.figures.drawing.style import (
    caption_name,
    panels,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.tables.compositions import Decided

PLACE = 120
MAPS = 6
MAPS_A_ROW = 3
NO_OPTION = "#DDDDDD"


MARKS = {0: "0", 0.02: "2 %", 0.1: "10 %", 0.25: "25 %", 0.5: "50 %", 1: "100 %"}


def pictures(view: View) -> Iterator[Picture]:
    learners = view.decided()[:MAPS]
    if learners:
        yield view.picture(
            "layer-usage",
            "Usage of the pool",
            f"The share of {view.comparison.split} tasks for which each decision took each option "
            "(grey: there is no such option); the first seed of each learner, at the fewest shots.",
            lambda: usage_map(view.comparison, learners),
        )


def usage_map(comparison: Comparison, learners: list[Decided]) -> Figure:
    columns = min(MAPS_A_ROW, len(learners))
    lines = math.ceil(len(learners) / columns)
    options = max(n for it in learners for n in it.options.values())
    decisions = max(len(it.options) for it in learners)
    figure, axes = panels(
        lines,
        columns,
        1.0 + columns * (0.5 + 0.36 * decisions),
        lines * (1.6 + 0.15 * options),
        sharey=True,
    )
    for ax, it in zip(axes.flat, learners, strict=False):
        image = _map(ax, it, options)
    for ax in axes.flat[len(learners) :]:
        ax.set_visible(False)
    for row in axes:
        row[0].set_ylabel("option")
    colour_bar(figure, image, axes, f"share of {comparison.split} tasks", MARKS, 0.6)
    return figure


def _map(ax: Axes, it: Decided, options: int) -> Any:
    shares = np.full((options, len(it.options)), np.nan)
    names = list(map(str, it.choices))
    for column, name in enumerate(names):
        n = it.options[name]
        shares[:n, column] = np.bincount(it.choices[name], minlength=n) / len(it.choices)
    ax.set_facecolor(NO_OPTION)
    image = ax.pcolormesh(
        np.ma.masked_invalid(shares),
        norm=PowerNorm(0.5, 0, 1),
        cmap=color_palette("rocket_r", as_cmap=True),
        edgecolor="white",
        linewidth=scaled(0.6),
    )
    ax.set_xticks(np.arange(len(it.options)) + 0.5, names)
    ax.tick_params(axis="x", labelrotation=90)
    marks = MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]).tick_values(0, options - 1)
    marks = [mark for mark in marks if 0 <= mark < options]
    ax.set_yticks([mark + 0.5 for mark in marks], [f"{mark:.0f}" for mark in marks])
    ax.set_ylim(options, 0)
    ax.grid(visible=False)
    ax.set_title("\n".join(textwrap.wrap(caption_name(it.entrant), 24)))
    return image
