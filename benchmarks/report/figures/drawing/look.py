"""How large figures are and their text is: in the report, in a paper, on slides."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context

from benchmarks.report.figures.drawing.fonts import FONT
from benchmarks.report.figures.drawing.seaborn_style import axes_style, plotting_context
from benchmarks.report.figures.drawing.texts import remembered

STYLES = {"report": 1.0, "paper": 0.75, "slides": 1.8}
"""By name, how large text and lines are; figures without a size of their own are as large."""


@dataclass(frozen=True)
class Look:
    """What is asked of a figure.

    Attributes:
        style: one of `STYLES`.
        size: width and height in inches; as the figure has it, if None.
        fonts: where to look for letters that the usual font does not have.
    """

    style: str = "report"
    size: tuple[float, float] | None = None
    fonts: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        return STYLES[self.style]


_asked: ContextVar[Look] = ContextVar("look", default=Look())  # noqa: B039 (it is frozen)


def asked() -> Look:
    """What is asked of the figure that is being drawn."""
    return _asked.get()


def scaled(size: float) -> float:
    """A size in points as the style has it."""
    return size * asked().scale


@contextmanager
def looks(look: Look = Look()) -> Iterator[None]:
    """The context in which every figure is drawn and saved."""
    token = _asked.set(look)
    try:
        with rc_context(_settings(look)), remembered():
            yield
    finally:
        _asked.reset(token)


def _settings(look: Look) -> Any:
    sizes = plotting_context("paper", font_scale=1.05)
    fonts: Sequence[str] = [FONT, *look.fonts]
    return (
        axes_style("whitegrid")
        | {name: value * look.scale for name, value in sizes.items()}
        | {
            "axes.edgecolor": "#555555",
            "axes.spines.right": False,
            "axes.spines.top": False,
            "font.family": fonts,
            "grid.color": "#E6E6E6",
            "legend.frameon": False,
            "pdf.fonttype": 42,  # outlines that journals take
            "svg.hashsalt": "reml",
            "text.parse_math": False,  # a $ in a label is a dollar
        }
    )
