"""One figure of a results folder, as a paper or a talk wants it."""

import io
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.core.errors import UnknownName, UserError
from benchmarks.harness.disk import files
from benchmarks.harness.disk.columns import TABLES
from benchmarks.harness.store.results import Results
from benchmarks.report.figures.catalogue import pictures, texts_of
from benchmarks.report.figures.drawing.fitting import thin_ticks, too_small, wrap_labels
from benchmarks.report.figures.drawing.fonts import boxes, fallbacks, lacking_in
from benchmarks.report.figures.drawing.look import STYLES, Look, looks
from benchmarks.report.figures.drawing.style import DPI

FORMATS = ("pdf", "svg", "png")
SIZES = (0.5, 60.0)
"""Inches between which the sides of a figure may be."""
SIZE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*[x×X*]\s*(\d+(?:\.\d*)?|\.\d+)\s*")
PAPER_DPI = 600


@dataclass(frozen=True)
class Drawing:
    """A figure, how it was asked for, and what a reader of it will miss: a sentence each."""

    figure: Figure
    look: Look
    cautions: tuple[str, ...] = ()


class Panels(list[Axes]):
    """The axes of a figure, which a notebook shows.

    Attributes:
        figure: the figure that they are of.
    """

    def __init__(self, drawing: Drawing) -> None:
        super().__init__(drawing.figure.axes)
        self.figure = drawing.figure
        self._look = drawing.look

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        with looks(self._look):
            self.figure.savefig(file, format="png", dpi=DPI, facecolor="white")
        return file.getvalue()


def look_of(style: str | None = None, size: Any = None, texts: Sequence[str] = ()) -> Look:
    """What is asked of a figure, checked.

    Args:
        style: one of `STYLES`.
        size: "3.3x2.5", or two numbers: width and height in inches.
        texts: what it may have to write.

    Raises:
        UnknownName: there is no such style.
        UserError: that is no size.
    """
    style = "report" if style is None else style
    if style not in STYLES:
        raise UnknownName("style", style, STYLES)
    return Look(style, None if size is None else size_of(size), fallbacks(texts))


def size_of(size: Any) -> tuple[float, float]:
    """Width and height in inches.

    Raises:
        UserError: that is no size, or none that a figure can have.
    """
    given = size
    if isinstance(size, str):
        found = SIZE.fullmatch(size)
        size = found.groups() if found else ()
    try:
        width, height = (float(it) for it in size)
    except (TypeError, ValueError):
        width = height = math.nan
    least, most = SIZES
    if not (least <= width <= most and least <= height <= most):
        raise UserError(
            f"a figure cannot have the size {given!r}; expected width x height in inches, each "
            f"from {least:g} to {most:g}: 3.3x2.5, say"
        )
    return width, height


def draw_one(
    results: Results,
    name: str,
    learners: Sequence[str] | None = None,
    *,
    style: str | None = None,
    size: Any = None,
    where: str = "",
) -> "Drawing":
    """Draw a figure of the report.

    Args:
        results: of which folder.
        name: as `pictures` has it.
        learners: the labels of those to show; all, if left out.
        style: one of `STYLES`.
        size: as `look_of` takes it.
        where: what to call the folder.

    Raises:
        UnknownName: there is no such figure, learner or style.
        UserError: that is no size, or one too small.
        StoreError: the scores of a trial are incomplete or not finite.
    """
    look = look_of(style, size, list(texts_of(results)))
    chosen = results if learners is None else only(results, learners, where)
    known = {it.stem: it for it in pictures(chosen)}
    if name not in known:
        if learners is not None and name in {it.stem for it in pictures(results)}:
            shown = ", ".join(map(repr, chosen.order))
            raise UserError(f"{where}: figure {name!r} has nothing to show of {shown}")
        raise UnknownName("figure", name, known, where)
    with looks(look), warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        figure = known[name].draw()
        figure.draw_without_rendering()
        if look.size is not None:
            wrap_labels(figure)
            figure.draw_without_rendering()
            thin_ticks(figure)
    if any("collapsed" in str(it.message) for it in said):
        wide, high = figure.get_size_inches()
        raise UserError(
            f"{where}: figure {name!r} has no room in {wide:g}x{high:g} inches; fewer learners, "
            "the style paper or a larger size would help"
        )
    said_of = (boxes(lacking_in(figure, look.fonts)), too_small(figure) if look.size else "")
    return Drawing(figure, look, tuple(f"figure {name!r}: {it}" for it in said_of if it))


def save_one(drawing: "Drawing", path: Path, kind: str) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes.

    Raises:
        NotKept: it cannot be written.
    """
    known: dict[str, dict[str, Any]] = {
        "pdf": {"metadata": {"CreationDate": None}},
        "svg": {"metadata": {"Date": None}},
        "png": {"dpi": PAPER_DPI if drawing.look.style == "paper" else DPI},
    }
    write = partial(drawing.figure.savefig, format=kind, facecolor="white", **known[kind])
    with looks(drawing.look), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")  # it was said
        files.replace(path, write)


def place_of(out: Path | None, kind: str | None, name: str) -> tuple[Path, str]:
    """Where a figure goes, and in which format: that of the file's ending, else pdf.

    Raises:
        UserError: the ending is that of no format, or of another than was asked for.
    """
    ending = "" if out is None or out.is_dir() else out.suffix[1:].lower()
    if kind is None and ending and ending not in FORMATS:
        raise UserError(f"{out}: expected a file that ends in .{', .'.join(FORMATS)}")
    if kind is not None and ending in FORMATS and ending != kind:
        raise UserError(f"{out}: ends in .{ending}, but the format is to be {kind}")
    kind = kind or ending or FORMATS[0]
    if out is None or out.is_dir():
        return (out or Path()) / f"{name}.{kind}", kind
    return out, kind


def labels_of(text: str, known: Sequence[str]) -> list[str]:
    """Labels with commas between them, of which labels may have some themselves."""
    parts, found = text.split(","), list[str]()
    while parts:
        n = next((n for n in range(len(parts), 1, -1) if ",".join(parts[:n]).strip() in known), 1)
        found.append(",".join(parts[:n]).strip())
        parts = parts[n:]
    return [it for it in found if it]


def only(results: Results, learners: Sequence[str], where: str = "") -> Results:
    """The results of some learners, in the order of the matrix.

    Raises:
        UnknownName: there is no such learner.
        UserError: there is no name.
    """
    chosen = [learners] if isinstance(learners, str) else list(learners)
    if not chosen:
        raise UserError(f"{where}: name at least one learner: {', '.join(results.order)}")
    for label in chosen:
        if label not in results.order:
            raise UnknownName("learner", label, results.order, where)
    tables = {
        name: getattr(results, name)[lambda rows: rows["learner"].isin(chosen)]
        for name in ("trials", *TABLES)
    }
    order = tuple(it for it in results.order if it in chosen)
    return replace(results, order=order, **tables)
