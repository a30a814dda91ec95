"""Figures of a size that was asked for: what is made to fit, and what does not."""

import math
import textwrap
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import BboxBase

from benchmarks.report.figures.drawing.look import asked

SLACK = 1.05
STANDS_OUT = 0.02
"""Inches that nobody sees."""
OVERLAP = 0.15
"""The share of a text that another one may cover: boxes are larger than letters."""


def fitting(panels: int, inches: float) -> int:
    """How many panels have room beside each other, each at least so wide in the report."""
    look = asked()
    if look.size is None:
        return panels
    return max(1, min(panels, int(look.size[0] / (inches * look.scale))))


def wrap_labels(figure: Figure) -> None:
    """Break titles and axis labels that are longer than their panel; the figure is laid out."""
    for ax in figure.axes:
        for text, room in (
            (ax.title, ax.bbox.width),
            (ax.xaxis.label, ax.bbox.width),
            (ax.yaxis.label, ax.bbox.height),
        ):
            _wrap(text, room)
    for text, room in (
        (figure._supxlabel, figure.bbox.width),  # type: ignore[attr-defined]
        (figure._supylabel, figure.bbox.height),  # type: ignore[attr-defined]
    ):
        if text is not None:
            _wrap(text, room)


def thin_ticks(figure: Figure) -> None:
    """Hide the label of each tick that the one before it leaves no room; the figure is laid out."""
    for ax in figure.axes:
        for axis, side in ((ax.xaxis, 0), (ax.yaxis, 1)):
            end = -math.inf
            for label in _ticks(axis):
                box = label.get_window_extent()
                if box.width and box.min[side] <= end:
                    label.set_visible(False)
                elif box.width:
                    end = box.max[side]


def _ticks(axis: Any) -> list[Text]:
    """The labels of the ticks that are drawn, in their order."""
    return [tick.label1 for tick in axis._update_ticks() if tick.label1.get_visible()]


def _wrap(text: Text, room: float) -> None:
    box = text.get_window_extent()
    length = box.height if text.get_rotation() == 90 else box.width
    if length > SLACK * room:
        said = text.get_text()
        longest = max(len(line) for line in said.splitlines())
        width = max(4, math.floor(longest * room / length))
        lines = (textwrap.wrap(line, width, break_long_words=False) for line in said.splitlines())
        text.set_text("\n".join(part for line in lines for part in line))


def too_small(figure: Figure) -> str:
    """One sentence where a figure, which is laid out, is cut or crowded; else empty."""
    inside, room = figure.get_tightbbox(), figure.get_size_inches()
    over = max(-inside.x0, -inside.y0, inside.x1 - room[0], inside.y1 - room[1])
    what = (
        "something is cut" if over > STANDS_OUT else "text covers text" if _crowded(figure) else ""
    )
    if not what:
        return ""
    wide, high = room
    return f"{what} at {wide:g}x{high:g} inches; fewer learners or a larger size would help"


def _crowded(figure: Figure) -> bool:
    boxes = list(_boxes(figure))
    return any(
        shared is not None
        and shared.width * shared.height > OVERLAP * min(a.width * a.height, b.width * b.height)
        for a, b in combinations(boxes, 2)
        for shared in [BboxBase.intersection(a, b)]
    )


def _boxes(figure: Figure) -> Iterator[BboxBase]:
    """Where there is text, that of ticks which are not drawn aside."""
    for text in _texts(figure):
        if text.get_visible() and text.get_text().strip():
            yield text.get_window_extent()


def _texts(figure: Figure) -> Iterator[Text]:
    for ax in figure.axes:
        if ax.get_visible():
            yield from (ax.title, ax._left_title, *ax.texts)  # type: ignore[attr-defined]
            for axis in (ax.xaxis, ax.yaxis):
                yield from (axis.label, *_ticks(axis))
    yield from figure.texts
    for legend in figure.legends:
        yield from legend.get_texts()
