"""Figures as SVG inside of the page: text stays text, and colours follow the page's theme."""

from dataclasses import dataclass

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from benchmarks.report.documents.page.drawing import draw
from benchmarks.report.figures.view import Picture

LARGE = 400_000
"""Characters above which the marks of a figure become a raster image; its text stays text."""
DOTS = 110


@dataclass(frozen=True)
class Inlay:
    """One figure, ready to be put into the page.

    Attributes:
        width: its natural width in CSS pixels.
        rastered: whether part of it is an image, whose colours cannot follow the theme.
        colours: those it has, six digits each, which the page has to declare.
    """

    stem: str
    title: str
    caption: str
    svg: Markup
    width: int
    rastered: bool
    colours: frozenset[str]


def inlay(picture: Picture, figure: Figure) -> Inlay:
    """The figure as SVG without ids that another one could have; `figure` is of no use then."""
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": picture.stem}):
        svg, drawn = draw(figure, DOTS)
        if len(svg) > LARGE:
            figure.set_layout_engine(None)  # it is laid out
            for axes in figure.axes:
                for mark in (*axes.collections, *axes.lines):
                    mark.set_rasterized(True)
            svg, drawn = min((svg, drawn), draw(figure, DOTS), key=lambda it: len(it[0]))
    return Inlay(
        picture.stem,
        picture.title,
        picture.caption,
        Markup(svg),
        round(drawn.width * 4 / 3),
        drawn.has_images,
        frozenset(drawn.colours),
    )
