"""Confusion by class: a heat map of a few classes, else the most confused pairs."""

import math
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.figures.drawing.legends import colour_bar, legend, legend_width
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.seaborn_style import color_palette
from benchmarks.report.figures.drawing.style import (
    caption_name,
    foremost,
    panels,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.wording import setting

PLACE = 70
FEW_CLASSES = 20
WRITTEN = 8
"""With at most that many classes, each cell of a heat map says its share."""
MAPS = 6
MAPS_A_ROW = 3
PAIRS = 15
NEVER_MET = "#DDDDDD"
PAIR = ["true", "predicted"]
MARKS = {0: "0", 0.02: "2", 0.1: "10", 0.25: "25", 0.5: "50", 1: "100"}


def pictures(view: View) -> Iterator[Picture]:
    rows = view.rows("confusion")
    if _is_told(rows):
        yield view.picture(
            "confusion",
            "Confusion of classes",
            "How often a query point of one class was called another, among the "
            f"{view.comparison.split} tasks that had both classes to choose from; after the most "
            f"adaptation steps, at the fewest shots, all seeds together. Up to {FEW_CLASSES} "
            f"classes make a map for each of at most {MAPS} learners; of more, the {PAIRS} pairs "
            "that the learners confuse most are shown, and two classes meet in few tasks.",
            lambda: confusion(view.comparison, rows),
        )


def _is_told(rows: pd.DataFrame) -> bool:
    """Whether there is anything to show: of many classes, only those that were confused are."""
    rows = rows[rows["shots"] == rows["shots"].min()]
    few = len({*rows["true"], *rows["predicted"]}) <= FEW_CLASSES
    return len(rows) > 0 and (few or bool((rows["true"] != rows["predicted"]).any()))


def confusion(comparison: Comparison, rows: pd.DataFrame) -> Figure:
    """How often a query point of one class was called another, over all seeds, at the fewest shots.

    Shares are of the points in tasks that had both classes. At most `FEW_CLASSES` classes make a
    heat map a learner; of more, the pairs that all learners together confuse most are shown.
    """
    rows = rows[rows["shots"] == rows["shots"].min()]
    drawn = [it for it in comparison.entrants if (rows["learner"] == it.label).any()]
    shares = {it.label: _shares(rows[rows["learner"] == it.label]) for it in drawn}
    names = sorted({*rows["true"], *rows["predicted"]}, key=_natural)
    title = setting(comparison, int(rows["shots"].iloc[0]))
    if len(names) <= FEW_CLASSES:
        return _maps(foremost(drawn, MAPS), shares, names, title)
    return _pairs(comparison, drawn, shares, title)


def _shares(rows: pd.DataFrame) -> "pd.Series[float]":
    """By pair of classes; all seeds meet the same tasks, and have no row where they never erred."""
    grouped = rows.groupby(PAIR, sort=True)
    return grouped["count"].sum() / (grouped["queries"].max() * rows["seed"].nunique())


def _natural(name: str) -> tuple[int, str]:
    """Numbers in their order, then names in theirs."""
    return (int(name), "") if name.isdecimal() else (2**31, name)


def _maps(
    drawn: list[Entrant], shares: dict[str, "pd.Series[float]"], names: list[str], title: str
) -> Figure:
    columns = min(MAPS_A_ROW, len(drawn))
    lines = math.ceil(len(drawn) / columns)
    side = 1.0 + max(1.2, 0.32 * len(names))
    figure, axes = panels(
        lines, columns, 1.0 + side * columns, 0.7 + side * lines, sharex=True, sharey=True
    )
    for ax, entrant in zip(axes.flat, drawn, strict=False):
        image = _map(ax, shares[entrant.label], names)
        ax.set_title("\n".join(textwrap.wrap(caption_name(entrant), 24)))
    for ax in axes.flat[len(drawn) :]:
        ax.set_visible(False)
    for ax in axes.flat[max(0, len(drawn) - columns) : len(drawn)]:
        ax.tick_params(labelbottom=True)
    figure.suptitle(title, fontsize="medium")
    figure.supxlabel("called", fontsize="medium")
    figure.supylabel("class", fontsize="medium")
    colour_bar(figure, image, axes, "% of the query points", MARKS, 0.7)
    return figure


def _map(ax: Axes, shares: "pd.Series[float]", names: list[str]) -> Any:
    places = {name: place for place, name in enumerate(names)}
    cells = np.zeros((len(names), len(names)))
    for (true, predicted), share in zip(shares.index, shares.to_numpy(), strict=True):
        cells[places[true], places[predicted]] = share
    image = ax.pcolormesh(
        cells,
        norm=PowerNorm(0.5, 0, 1),
        cmap=color_palette("rocket_r", as_cmap=True),
        edgecolor="white",
        linewidth=scaled(0.6),
    )
    if len(names) <= WRITTEN:
        for (row, column), share in np.ndenumerate(cells):
            ax.text(
                column + 0.5,
                row + 0.5,
                f"{100 * share:.1f}",
                ha="center",
                va="center",
                fontsize=scaled(7.5),
                color="white" if share > 0.15 else "black",
            )
    middles = np.arange(len(names)) + 0.5
    ax.set_xticks(middles, names)
    ax.tick_params(axis="x", labelrotation=90 if max(map(len, names)) > 2 else 0)
    ax.set_yticks(middles, names)
    ax.set_ylim(len(names), 0)
    ax.set_aspect("equal")
    ax.grid(visible=False)
    return image


def _pairs(
    comparison: Comparison,
    drawn: list[Entrant],
    shares: dict[str, "pd.Series[float]"],
    title: str,
) -> Figure:
    """A row a pair, a mark a learner; pairs by what all learners together make of them."""
    table = pd.DataFrame(shares).fillna(0.0).reset_index()
    wrong = table[table["true"] != table["predicted"]].set_index(PAIR)
    worst = wrong.mean(axis=1).sort_values(ascending=False, kind="stable").index[:PAIRS]
    labels = [f"{true}  →  {predicted}" for true, predicted in worst]
    chosen = styles(comparison.entrants)
    width = 3.0 + 0.07 * max(map(len, labels)) + legend_width(drawn)
    figure, axes = panels(1, 1, width, 1.0 + 0.26 * len(worst))
    ax = axes[0][0]
    for rank, entrant in enumerate(drawn):
        style = chosen[entrant.label]
        shift = 0.6 * ((rank + 0.5) / len(drawn) - 0.5)
        ax.plot(
            100 * wrong.loc[worst, entrant.label].to_numpy(),
            np.arange(len(worst)) + shift,
            linestyle="",
            color=style.colour,
            marker=style.marker,
            markersize=scaled(5),
            markeredgewidth=0,
            zorder=style.order,
            clip_on=False,
        )
    ax.set_yticks(range(len(worst)), labels)
    ax.set_ylim(len(worst) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel("% of the query points of the class that were called the other")
    ax.set_title(title)
    legend(figure, drawn, chosen)
    return figure
