"""How figures look: one colour and marker a learner, sober axes, files that are reproducible."""

import functools
from collections.abc import Iterable, Sequence
from itertools import cycle, product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from benchmarks.harness.store.ledger import Ledger
from benchmarks.report.figures.drawing.look import asked
from benchmarks.report.figures.drawing.panel import Panel
from benchmarks.report.scores.cells import Entrant

Line = Literal["-", "--", "-.", ":"]

REML_COLOURS = ("#D55E00", "#E69F00", "#A63603", "#F0B27A")
CONTROL_COLOURS = ("#4D4D4D", "#8A6F5C", "#76799B", "#9A9563")
OTHER_COLOURS = (
    "#0072B2",
    "#009E73",
    "#56B4E9",
    "#CC79A7",
    "#332288",
    "#88A020",
    "#882255",
    "#44AA99",
)
LINES: tuple[Line, ...] = ("-", "-.", ":")
CONTROL_LINES: tuple[Line, ...] = ("--", ":", "-.")
MARKERS = "osD^vPX<>hp*"
DPI = 150


class Style(NamedTuple):
    colour: str
    marker: str
    line: Line
    width: float
    order: int


def styles(entrants: Sequence[Entrant]) -> dict[str, Style]:
    """Colours that the colour-blind can tell apart; REML in warm ones, controls dull and dashed.

    Where there are more learners than colours, those of one colour differ in their lines.
    """
    reml, control, other = (
        cycle(product(lines, colours))
        for lines, colours in (
            (LINES, REML_COLOURS),
            (CONTROL_LINES, CONTROL_COLOURS),
            (LINES, OTHER_COLOURS),
        )
    )
    chosen = {}
    for entrant, marker in zip(entrants, cycle(MARKERS), strict=False):
        label = entrant.label
        if entrant.is_control:
            palette, width, order = control, 1.3, 2
        elif entrant.role == "reml":
            palette, width, order = reml, 2.4, 4
        else:
            palette, width, order = other, 1.6, 3
        line, colour = next(palette)
        chosen[label] = Style(colour, marker, line, width, order)
    return chosen


def foremost(entrants: Sequence[Entrant], n: int) -> list[Entrant]:
    """The first `n`, in their order; controls only where there is room for them."""
    kept = sorted(entrants, key=lambda it: it.is_control)[:n]
    return [it for it in entrants if it in kept]


def panels(rows: int, columns: int, width: float, height: float, **shared: Any) -> Any:
    """A figure of rows × columns panels, and its axes as an array.

    Width and height are in inches, where nobody asks for others.
    """
    look = asked()
    size = look.size or (width * look.scale, height * look.scale)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    kind = {} if look.size else {"axes_class": Panel}  # where ticks have to fit they are looked at
    return figure, figure.subplots(rows, columns, squeeze=False, subplot_kw=kind, **shared)


def save(figure: Figure, directory: Path, name: str) -> list[Path]:
    """Write PNG and SVG without anything that changes from one run to the next.

    Raises:
        NotKept: they cannot be written.
    """
    ledger = Ledger(directory)
    for ending, more in (("png", {"dpi": DPI}), ("svg", {"metadata": {"Date": None}})):
        draw = functools.partial(figure.savefig, format=ending, facecolor="white", **more)
        ledger.write(f"{name}.{ending}", draw)
        figure.set_layout_engine(None)  # it is laid out; again would take longer than drawing
    return [directory / f"{name}.png", directory / f"{name}.svg"]


def caption_name(entrant: Entrant) -> str:
    """The learner as legends show it, with what is missing."""
    return f"{entrant.name} ({entrant.coverage})" if entrant.coverage else entrant.name


def fit_scale(axis: Axis, axes: Axes, values: Iterable[float]) -> None:
    """A log axis with readable ticks; linear where values hardly differ or are not all positive."""
    numbers = np.array([value for value in values if np.isfinite(value)])
    which = axis.axis_name  # type: ignore[attr-defined]
    set_scale = axes.set_xscale if which == "x" else axes.set_yscale
    if not numbers.size or numbers.min() <= 0 or numbers.max() < 2 * numbers.min():
        set_scale("linear")
        axis.set_major_locator(MaxNLocator(6))
        return
    span = numbers.max() / numbers.min()
    subs = (
        (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
        if span < 8
        else (1.0, 2.0, 5.0)
        if span < 200
        else (1.0,)
    )
    set_scale("log")
    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def above_floor(values: Sequence[float]) -> list[float]:
    """Without ends of intervals that reach down to 0, of errors that are above it."""
    positive = [value for value in values if value > 0]
    return positive if positive and min(values) >= 0 else list(values)


def percent_axis(axis: Axis) -> None:
    """A linear axis of shares, from 0 to 1, with ticks in percent and none above 100."""
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{100 * value:.6g}" if value < 1 + 1e-9 else "")
    )


def tick(value: float) -> str:
    """`200k` rather than `200000`, `0.05` rather than `5·10⁻²`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
