"""Text beside points that covers neither other text nor other points."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox, ScaledTranslation, Transform

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
PADDING = 1.5
Corners = Float[np.ndarray, "*#boxes 2"]


def shifted(ax: Axes, points: float) -> Transform:
    """Data coordinates, moved to the right by so many points."""
    return ax.transData + ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)


def place_labels(figure: Figure, places: Iterable[tuple[Axes, Sequence[Spot]]]) -> None:
    """Put each text at the first of `OFFSETS` where it is free, else where it covers least."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)  # labels are no part of the layout: it stays as it is
    for ax, spots in places:
        taken = [_bar_box(ax, spot) for spot in spots]
        for spot in sorted(spots, key=lambda spot: (spot.y.value, spot.text)):
            taken.append(_place(ax, spot, taken))


def _place(ax: Axes, spot: Spot, taken: Sequence[Bbox]) -> Bbox:
    """Write one text; returns the box that it takes."""
    renderer = ax.figure.canvas.get_renderer()  # type: ignore[attr-defined]

    def write(offset: tuple[float, float], **more: Any) -> Annotation:
        text = ax.annotate(
            spot.text,
            (spot.x, spot.y.value),
            offset,
            xycoords=shifted(ax, spot.shift),
            textcoords="offset points",
            va="center",
            color=spot.colour,
            fontsize=scaled(7.5),
            zorder=6,
            **more,
        )
        text.set_in_layout(False)
        text.update_positions(renderer)
        return text

    probe = write((0, 0))
    box = Text.get_window_extent(probe, renderer)
    probe.remove()
    offsets = np.array([(scaled(dx), scaled(dy)) for dx, dy in OFFSETS])
    moved = offsets * ax.figure.dpi / 72 - np.where(offsets[:, :1] > 0, 0, (box.width, 0))
    low, high = (corner + moved for corner in box.padded(PADDING).get_points())
    others = np.array([(it.min, it.max) for it in taken])
    covered = _shared(low[:, None], high[:, None], others[:, 0], others[:, 1]).sum(1)
    outside = (high - low).prod(1) - _shared(low, high, *map(np.array, ax.bbox.get_points()))
    best = int((covered + OUTSIDE * outside).argmin())
    dx, dy = offsets[best]
    line = {"arrowstyle": "-", "color": spot.colour, "linewidth": 0.6, "alpha": 0.7}
    near = abs(dx) + abs(dy) <= scaled(NEAR)
    write((dx, dy), ha="left" if dx > 0 else "right", arrowprops=None if near else line)
    return Bbox([low[best], high[best]])


def _bar_box(ax: Axes, spot: Spot) -> Bbox:
    """The point and its error bar in pixels."""
    ends = [(spot.x, spot.y.low), (spot.x, spot.y.value), (spot.x, spot.y.high)]
    (x, low), (_, middle), (_, high) = shifted(ax, spot.shift).transform(ends)
    radius = scaled(5) * ax.figure.dpi / 72
    return Bbox.from_extents(
        x - radius, min(low, middle - radius), x + radius, max(high, middle + radius)
    )


def _shared(low: Corners, high: Corners, others_low: Corners, others_high: Corners) -> Any:
    """The area that boxes share, in square pixels."""
    sides = np.minimum(high, others_high) - np.maximum(low, others_low)
    return sides.clip(0).prod(-1)
