"""Tasks by two of their traits, coloured by their composition and by each single decision."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.style import (
    caption_name,
    panels,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.wording import plural
from benchmarks.report.tables.compositions import (
    Decided,
    distinct,
    network_decisions,
    wide,
)

PLACE = 130
LEARNERS = 3
DECISIONS = 9
RARE = "#C4C4C4"
FREQUENT = (
    *("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E6C700", "#56B4E9"),
    *("#332288", "#88A020", "#882255", "#E69F00", "#44AA99", "#000000"),
)


def pictures(view: View) -> Iterator[Picture]:
    learners = [it for it in view.decided() if distinct(it.choices) > 1]
    if not learners:
        return
    rows = view.rows("diagnostics")
    traits = rows[rows["kind"] == "trait"]
    if traits["name"].nunique() > 1:
        yield view.picture(
            "compositions",
            "Compositions",
            f"The {view.comparison.split} tasks by two of their traits, coloured by the network "
            "composed for them and by each decision alone; the most frequent in colour, the rarer "
            "in grey. The first seed of each learner, at the fewest shots. Who is not marked † was "
            "shown no trait.",
            lambda: compositions_by_trait(traits, learners),
        )


def compositions_by_trait(traits: pd.DataFrame, learners: list[Decided]) -> Figure:
    """Controls only where there is room."""
    names = sorted(set(traits["name"]))[:2]
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
    return wide(mine)[names].loc[it.choices.index]


def _scatter(ax: Axes, places: pd.DataFrame, chosen: list[Any], title: str) -> None:
    """Points coloured by what was chosen for them, the most frequent in colour, the rest grey."""
    counts = Counter(chosen)
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    colours = dict(zip(ranked, FREQUENT, strict=False))
    shades = [colours.get(value, RARE) for value in chosen]
    # the rare ones below, and of colours that which hides most
    order = np.argsort([(RARE, *FREQUENT).index(shade) for shade in shades], kind="stable")
    ax.scatter(
        places.iloc[order, 0],
        places.iloc[order, 1],
        c=[shades[i] for i in order],
        s=7,
        linewidth=0,
    )
    ax.grid(visible=False)
    ax.set_title(title, fontsize=scaled(8))
