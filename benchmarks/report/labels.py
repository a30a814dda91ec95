"""Text beside points that covers neither other text nor other points."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox, BboxBase

from benchmarks.report.statistics import Interval

Spot = tuple[str, str, float, Interval]
"""Text, colour, x and the interval whose value is y."""

OFFSETS = [
    (side * dx, dy)
    for dx in (7, 16, 28, 44)
    for dy in (0, 8, -8, 16, -16, 26, -26, 38, -38, 52, -52)
    for side in (1, -1)
]
"""In points, nearest first."""
NEAR = 9.0
OUTSIDE = 4.0


def place_labels(figure: Figure, ax: Axes, spots: Sequence[Spot]) -> None:
    """Put each text at the first of `OFFSETS` where it is free, else where it covers least."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    taken = [_bar_box(ax, x, it) for _, _, x, it in spots]
    for text, colour, x, it in sorted(spots, key=lambda spot: (spot[3].value, spot[0])):
        best: tuple[float, Annotation, Bbox] | None = None
        for dx, dy in OFFSETS:
            label = ax.annotate(
                text,
                (x, it.value),
                (dx, dy),
                textcoords="offset points",
                ha="left" if dx > 0 else "right",
                va="center",
                color=colour,
                fontsize=7.5,
                arrowprops=None
                if abs(dx) + abs(dy) <= NEAR
                else {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "alpha": 0.7},
                zorder=6,
            )
            label.set_in_layout(False)
            box = _text_box(label, renderer)
            cost = sum(_overlap(box, other) for other in taken) + OUTSIDE * _outside(box, ax.bbox)
            if best is not None and cost >= best[0]:
                label.remove()
                continue
            if best is not None:
                best[1].remove()
            best = (cost, label, box)
            if not cost:
                break
        if best is not None:
            taken.append(best[2])


def _text_box(label: Annotation, renderer: Any) -> Bbox:
    """The text without its leader line, in pixels."""
    label.update_positions(renderer)
    return Text.get_window_extent(label, renderer).padded(1.5)


def _bar_box(ax: Axes, x: float, it: Interval) -> Bbox:
    """The point and its error bar in pixels."""
    (left, low), (_, middle), (_, high) = ax.transData.transform(
        [(x, it.low), (x, it.value), (x, it.high)]
    )
    radius = 5 * ax.figure.dpi / 72
    return Bbox.from_extents(
        left - radius, min(low, middle - radius), left + radius, max(high, middle + radius)
    )


def _overlap(one: BboxBase, other: BboxBase) -> float:
    """The shared area in square pixels."""
    shared = BboxBase.intersection(one, other)
    return 0.0 if shared is None else float(shared.width * shared.height)


def _outside(box: BboxBase, frame: BboxBase) -> float:
    return float(box.width * box.height) - _overlap(box, frame)
