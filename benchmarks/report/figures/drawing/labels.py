"""Text beside points that covers neither other text nor other points."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox, BboxBase, ScaledTranslation, Transform

from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.statistics import Interval


class Spot(NamedTuple):
    """A point with its interval, moved right by `shift` points, and what to write beside it."""

    text: str
    colour: str
    x: float
    y: Interval
    shift: float


OFFSETS = [
    (side * dx, dy)
    for dx in (7, 16, 28, 44)
    for dy in (0, 8, -8, 16, -16, 26, -26, 38, -38, 52, -52)
    for side in (1, -1)
]
"""In points, nearest first."""
NEAR = 9.0
OUTSIDE = 4.0


def shifted(ax: Axes, points: float) -> Transform:
    """Data coordinates, moved to the right by so many points."""
    return ax.transData + ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)


def place_labels(figure: Figure, ax: Axes, spots: Sequence[Spot]) -> None:
    """Put each text at the first of `OFFSETS` where it is free, else where it covers least."""
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    taken = [_bar_box(ax, spot) for spot in spots]
    for spot in sorted(spots, key=lambda spot: (spot.y.value, spot.text)):
        best: tuple[float, Annotation, Bbox] | None = None
        for dx, dy in [(scaled(dx), scaled(dy)) for dx, dy in OFFSETS]:
            label = ax.annotate(
                spot.text,
                (spot.x, spot.y.value),
                (dx, dy),
                xycoords=shifted(ax, spot.shift),
                textcoords="offset points",
                ha="left" if dx > 0 else "right",
                va="center",
                color=spot.colour,
                fontsize=scaled(7.5),
                arrowprops=None
                if abs(dx) + abs(dy) <= scaled(NEAR)
                else {"arrowstyle": "-", "color": spot.colour, "linewidth": 0.6, "alpha": 0.7},
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


def _bar_box(ax: Axes, spot: Spot) -> Bbox:
    """The point and its error bar in pixels."""
    ends = [(spot.x, spot.y.low), (spot.x, spot.y.value), (spot.x, spot.y.high)]
    (x, low), (_, middle), (_, high) = shifted(ax, spot.shift).transform(ends)
    radius = scaled(5) * ax.figure.dpi / 72
    return Bbox.from_extents(
        x - radius, min(low, middle - radius), x + radius, max(high, middle + radius)
    )


def _overlap(one: BboxBase, other: BboxBase) -> float:
    """The shared area in square pixels."""
    shared = BboxBase.intersection(one, other)
    return 0.0 if shared is None else float(shared.width * shared.height)


def _outside(box: BboxBase, frame: BboxBase) -> float:
    return float(box.width * box.height) - _overlap(box, frame)
