"""How large figures are and their text is: in the report, in a paper, on slides."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context

from benchmarks.report.figures.drawing.fonts import FONT

STYLES = {"report": 1.0, "paper": 0.75, "slides": 1.8}
"""By name, how large text and lines are; figures without a size of their own are as large."""

AXES: dict[str, Any] = {
    **{"figure.facecolor": "white", "axes.facecolor": "white", "axes.edgecolor": "#555555"},
    **dict.fromkeys(("axes.labelcolor", "text.color", "xtick.color", "ytick.color"), ".15"),
    **dict.fromkeys(
        ("axes.grid", "axes.axisbelow", "axes.spines.left", "axes.spines.bottom"), True
    ),
    **dict.fromkeys(("axes.spines.right", "axes.spines.top"), False),
    **dict.fromkeys(("xtick.bottom", "xtick.top", "ytick.left", "ytick.right"), False),
    **dict.fromkeys(("xtick.direction", "ytick.direction"), "out"),
    **{"grid.color": "#E6E6E6", "grid.linestyle": "-", "lines.solid_capstyle": "round"},
    **{"patch.edgecolor": "w", "patch.force_edgecolor": True},
    "font.sans-serif": ["Arial", "DejaVu Sans", "Liberation Sans", "Bitstream Vera Sans"],
}
"""As seaborn's `whitegrid` has it, but for colours and spines."""
SIZES = {
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 1.0),
    **dict.fromkeys(("grid.linewidth", "patch.linewidth"), 0.8),
    **dict.fromkeys(("xtick.minor.width", "ytick.minor.width"), 0.8),
    **{"lines.linewidth": 1.2, "lines.markersize": 4.8},
    **dict.fromkeys(("xtick.major.size", "ytick.major.size"), 4.8),
    **dict.fromkeys(("xtick.minor.size", "ytick.minor.size"), 3.2),
    **dict.fromkeys(("font.size", "axes.labelsize", "axes.titlesize"), 10.08),
    **dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 9.24),
    "legend.title_fontsize": 10.08,
}
"""In points, as seaborn's `paper` has them with letters a twentieth larger."""


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
        with rc_context(_settings(look)):
            yield
    finally:
        _asked.reset(token)


def _settings(look: Look) -> Any:
    fonts: Sequence[str] = [FONT, *look.fonts]
    return (
        AXES
        | {name: value * look.scale for name, value in SIZES.items()}
        | {
            "font.family": fonts,
            "legend.frameon": False,
            "pdf.fonttype": 42,  # outlines that journals take
            "svg.hashsalt": "reml",
            "text.parse_math": False,  # a $ in a label is a dollar
        }
    )
