"""Episodes: pictures of a few tasks, and what the learners called them."""

import io
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from PIL import Image

from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.style import (
    caption_name,
    foremost,
    panels,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.wording import setting

PLACE = 60
RIGHT, WRONG = "#0072B2", "#D55E00"
LEARNERS = 6
A_ROW = 7
"""Pictures beside each other."""
CELL = 0.42
"""Inches that a picture takes, its frame and the space for its text aside."""
GAP = 0.16
GREY = Normalize(0, 255)
TEXT = 0.34
"""Room beside and below a picture, as shares of its size."""


def pictures(view: View) -> Iterator[Picture]:
    rows = view.rows("episodes")
    if len(rows):
        yield view.picture(
            "episodes",
            "Episodes",
            f"The first {view.comparison.split} tasks at the fewest shots: a support picture of "
            "each class, with its number, and some query pictures with the number that each "
            "learner gives them after the most steps; blue and ✓ where that is right, orange and ✗ "
            "where it is wrong. The first seed of each learner; of more than "
            f"{LEARNERS}, controls give way.",
            lambda: episodes(view.comparison, rows),
        )


def episodes(comparison: Comparison, rows: pd.DataFrame) -> Figure:
    """A column a task: its support pictures, and a row of query pictures a learner."""
    there = [it for it in comparison.entrants if (rows["learner"] == it.label).any()]
    drawn = foremost(there, LEARNERS)
    tasks = sorted({int(task) for task in rows["task"]})
    first = {it.label: _of_first_seed(rows, it) for it in drawn}
    support = first[drawn[0].label]
    heights, width = [], 0.0
    for kind in ("support", *(["query"] * len(drawn))):
        most = max(len(_of(support, task, kind)) for task in tasks)
        heights.append(-(-most // A_ROW) * (1 + GAP + TEXT) + 0.1)
        width = max(width, min(most, A_ROW) * (1 + GAP))
    figure, axes = panels(
        1 + len(drawn),
        len(tasks),
        1.4 + CELL * width * len(tasks) + 0.2 * len(tasks),
        0.4 + CELL * sum(heights) + 0.06 * len(heights),
        height_ratios=heights,
    )
    for task, column in zip(tasks, axes.T, strict=True):
        column[0].set_title(f"{comparison.split} task {task + 1}")
        _draw(column[0], _of(support, task, "support"))
        for ax, entrant in zip(column[1:], drawn, strict=True):
            _draw(ax, _of(first[entrant.label], task, "query"))
        for ax, height in zip(column, heights, strict=True):
            ax.set_xlim(-GAP / 2, width)
            ax.set_ylim(height, -GAP / 2)
    _name(axes[0][0], f"support, {setting(comparison, int(support['shots'].iloc[0]))}")
    for ax, entrant in zip(axes[1:, 0], drawn, strict=True):
        _name(ax, caption_name(entrant))
    return figure


def _of_first_seed(rows: pd.DataFrame, entrant: Entrant) -> pd.DataFrame:
    mine = rows[rows["learner"] == entrant.label]
    mine = mine[(mine["seed"] == mine["seed"].min()) & (mine["shots"] == mine["shots"].min())]
    return mine.sort_values(["task", "kind", "point"])


class _Shown(NamedTuple):
    picture: UInt8[np.ndarray, "height width *channels"]
    text: str
    colour: str


def _of(rows: pd.DataFrame, task: int, kind: str) -> list[_Shown]:
    """The pictures of one kind with what stands below them: support pictures by their number."""
    mine = rows[(rows["task"] == task) & (rows["kind"] == kind)]
    if kind == "support":
        mine = mine.sort_values("label")
    shown = []
    for data, label, predicted in zip(
        mine["picture"], mine["label"], mine["predicted"], strict=True
    ):
        picture = np.asarray(Image.open(io.BytesIO(data)))
        if kind == "support":
            shown.append(_Shown(picture, f"{label + 1}", "#333333"))
        elif label == predicted:
            shown.append(_Shown(picture, f"✓ {predicted + 1}", RIGHT))
        else:
            shown.append(_Shown(picture, f"✗ {predicted + 1}", WRONG))
    return shown


def _draw(ax: Axes, shown: list[_Shown]) -> None:
    """Pictures in rows, each 1 wide and high, on axes that show nothing else."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for place, it in enumerate(shown):
        row, column = divmod(place, A_ROW)
        left, top = column * (1 + GAP), row * (1 + GAP + TEXT)
        image = AxesImage(
            ax,
            cmap="gray",
            norm=GREY,
            extent=(left, left + 1, top + 1, top),
            interpolation="nearest",
        )  # imshow would find limits anew for each
        image.set_data(it.picture)
        image.set_clip_path(ax.patch)
        ax.add_image(image)
        ax.add_patch(
            Rectangle(
                (left, top), 1, 1, fill=False, edgecolor=it.colour, linewidth=scaled(1.6), zorder=3
            )
        )
        ax.text(
            left + 0.5,
            top + 1 + TEXT / 2 + GAP / 2,
            it.text,
            ha="center",
            va="center",
            fontsize=scaled(7.5),
            color=it.colour,
        )
    ax.set_aspect("equal", anchor="NW")


def _name(ax: Axes, name: str) -> None:
    ax.set_ylabel(
        "\n".join(textwrap.wrap(name, 20, break_long_words=False)),
        rotation=0,
        ha="right",
        va="center",
        fontweight="bold",
    )
