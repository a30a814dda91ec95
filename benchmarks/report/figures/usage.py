"""Figures of what was composed: how often each layer was used where, and by which tasks."""

import math
import textwrap
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.report.figures.style import caption_name, panels
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.wording import plural
from benchmarks.report.tables.compositions import Decided, decided, distinct, network_decisions

MAPS = 6
MAPS_A_ROW = 3
LEARNERS = 3
DECISIONS = 9
NO_OPTION = "#DDDDDD"
RARE = "#C4C4C4"
FREQUENT = (
    *("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E6C700", "#56B4E9"),
    *("#332288", "#88A020", "#882255", "#E69F00", "#44AA99", "#000000"),
)


def usage_map(comparison: Comparison, diagnostics: pd.DataFrame) -> Figure | None:
    """The share of tasks for which each decision took each option, one panel a learner."""
    learners = decided(comparison, diagnostics)[:MAPS]
    if not learners:
        return None
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
    bar = figure.colorbar(image, ax=axes, shrink=0.6, label=f"share of {comparison.split} tasks")
    bar.outline.set_visible(False)
    bar.set_ticks(
        [0, 0.02, 0.1, 0.25, 0.5, 1], labels=["0", "2 %", "10 %", "25 %", "50 %", "100 %"]
    )
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
        cmap=sns.color_palette("rocket_r", as_cmap=True),
        edgecolor="white",
        linewidth=0.6,
    )
    ax.set_xticks(np.arange(len(it.options)) + 0.5, names, rotation=90)
    marks = MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]).tick_values(0, options - 1)
    marks = [mark for mark in marks if 0 <= mark < options]
    ax.set_yticks([mark + 0.5 for mark in marks], [f"{mark:.0f}" for mark in marks])
    ax.set_ylim(options, 0)
    ax.grid(visible=False)
    ax.set_title("\n".join(textwrap.wrap(caption_name(it.entrant), 24)))
    return image


def compositions_by_trait(comparison: Comparison, diagnostics: pd.DataFrame) -> Figure | None:
    """Tasks by two of their traits, coloured by their composition and by each single decision.

    Shows learners that use more than one composition, controls only where there is room; None where
    tasks have no two traits.
    """
    traits = diagnostics[diagnostics["kind"] == "trait"]
    names = sorted(set(traits["name"]))[:2]
    learners = [it for it in decided(comparison, diagnostics) if len(distinct(it.choices)) > 1]
    if len(names) < 2 or not learners:
        return None
    learners = sorted(learners, key=lambda it: it.entrant.is_control)[:LEARNERS]
    columns = 1 + min(DECISIONS, max(len(it.options) for it in learners))
    figure, axes = panels(
        len(learners),
        columns,
        0.8 + 1.45 * columns,
        0.5 + 1.9 * len(learners),
        sharex=True,
        sharey=True,
    )
    for it, row in zip(learners, axes, strict=True):
        places = _places(traits, it, names)
        networks = it.choices[network_decisions(it.choices)]
        whole = list(networks.itertuples(index=False, name=None))
        _scatter(row[0], places, whole, plural(len(set(whole)), "composition"))
        for ax, name in zip(row[1:], map(str, it.choices), strict=False):
            chosen = it.choices[name].tolist()
            used = f"{len(set(chosen))} of {it.options[name]} used"
            _scatter(ax, places, chosen, f"{name}\n{used}")
        for ax in row[1 + len(it.options) :]:
            ax.set_visible(False)
        row[0].set_ylabel("\n".join(textwrap.wrap(caption_name(it.entrant), 20)), fontweight="bold")
    figure.supxlabel(names[0], fontsize="medium")
    figure.supylabel(names[1], fontsize="medium")
    return figure


def _places(traits: pd.DataFrame, it: Decided, names: list[str]) -> pd.DataFrame:
    """The two traits of each task, in the order of the learner's choices."""
    mine = traits[traits["learner"] == it.entrant.label]
    mine = mine[(mine["seed"] == mine["seed"].min()) & (mine["shots"] == mine["shots"].min())]
    return mine.pivot(index="task", columns="name", values="value")[names].loc[it.choices.index]


def _scatter(ax: Axes, places: pd.DataFrame, chosen: list[Any], title: str) -> None:
    """Points coloured by what was chosen for them, the most frequent in colour, the rest grey."""
    counts = Counter(chosen)
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    colours = dict(zip(ranked, FREQUENT, strict=False))
    shades = [colours.get(value, RARE) for value in chosen]
    order = np.argsort([shade != RARE for shade in shades], kind="stable")  # the rare ones below
    ax.scatter(
        places.iloc[order, 0],
        places.iloc[order, 1],
        c=[shades[i] for i in order],
        s=7,
        linewidth=0,
    )
    ax.grid(visible=False)
    ax.set_title(title, fontsize=8)
