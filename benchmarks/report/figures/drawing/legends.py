"""Legends: beside the panels where there is room, else below them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from benchmarks.report.figures.drawing.look import asked, scaled
from benchmarks.report.figures.drawing.room import remember_extent
from benchmarks.report.figures.drawing.style import Style, caption_name
from benchmarks.report.scores.cells import Entrant

Where = Literal["outside lower center", "outside upper center"]
BESIDE = 0.3
"""The share of a figure's width that a legend beside the panels may take."""


def legend(figure: Figure, entrants: Iterable[Entrant], chosen: dict[str, Style]) -> None:
    """One legend of learners, in the order of the matrix."""
    handles = [
        Line2D(
            [],
            [],
            color=(style := chosen[entrant.label]).colour,
            marker=style.marker,
            linestyle=style.line,
            linewidth=scaled(style.width),
            markersize=scaled(5),
            label=shown(caption_name(entrant)),
        )
        for entrant in entrants
    ]
    beside(figure, handles)


def beside(figure: Figure, handles: Sequence[Artist], title: str | None = None) -> None:
    """A legend to the right of the panels; below them where it would leave them too little."""
    made = figure.legend(handles=handles, title=title, loc="outside right center")
    if asked().size is not None and _width(figure, made) > BESIDE * figure.bbox.width:
        made.remove()
        _in_rows(figure, handles, title, "outside lower center")


def above(figure: Figure, handles: Sequence[Artist]) -> None:
    """A legend above the panels, in one row where that fits."""
    if asked().size is None:
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    else:
        _in_rows(figure, handles, None, "outside upper center")


def colour_bar(
    figure: Figure, image: Any, panels: Any, label: str, marks: Mapping[float, str], shrink: float
) -> None:
    """What the colours of maps stand for, beside all of them; `marks` are what is said where."""
    bar = figure.colorbar(image, ax=panels, shrink=shrink, label=label)
    bar.outline.set_visible(False)
    bar.set_ticks([*marks], labels=[*marks.values()])
    if asked().size is None:  # where it has to fit, its label may change
        remember_extent(bar.ax)


def legend_width(entrants: Iterable[Entrant]) -> float:
    """What the legend beside the panels takes of a figure's width, in inches."""
    longest = max((len(caption_name(entrant)) for entrant in entrants), default=0)
    return max(1.9, 0.6 + 0.08 * longest)


def shown(label: str) -> str:
    """The label so that a legend shows it: matplotlib leaves out those that begin with _."""
    return f" {label}" if label.startswith("_") else label


def _in_rows(figure: Figure, handles: Sequence[Artist], title: str | None, where: Where) -> None:
    """As many beside each other as fit."""
    for columns in range(len(handles), 0, -1):
        made = figure.legend(
            handles=handles,
            title=title,
            loc=where,
            ncols=columns,
            columnspacing=1.0,
            handlelength=1.6,
            handletextpad=0.5,
        )
        if columns == 1 or _width(figure, made) <= figure.bbox.width:
            return
        made.remove()


def _width(figure: Figure, legend: Legend) -> float:
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return float(legend.get_window_extent(renderer).width)
