"""The figures of a results folder, each as PNG and SVG.

Every module of this wing with a `PLACE` and `pictures` (or `overviews`) is a figure, and so is one
that a package names under the entry points `reml.figures`.
"""

import functools
import io
import pkgutil
import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from benchmarks.collecting import seldom_collected
from benchmarks.core.errors import PluginError, UnknownName
from benchmarks.core.text import described
from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.installed import entry_points
from benchmarks.report import figures
from benchmarks.report.figures.cleanup import FIGURES, remove_figures
from benchmarks.report.figures.drawing.fonts import boxes, fallbacks, lacking_in
from benchmarks.report.figures.drawing.look import Look, looks
from benchmarks.report.figures.drawing.style import DPI, save
from benchmarks.report.figures.view import FigureModule, OverviewModule, Picture, View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import slug

ENTRY_POINTS = "reml.figures"


def write_figures(
    results: Results, directory: Path, each: Callable[[Picture, Figure], object] | None = None
) -> list[Path]:
    """Draw what the results allow into `directory`/figures; returns the paths, PNG before SVG.

    With several families (or protocols) there is one file for each. Figures whose data are not
    there (no training history, no curves) are left out, and former ones of other names removed,
    unless something is damaged that they may have been drawn from. `each` is called with every
    figure that is written, which nobody needs any more then.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or the folder cannot be
            written.
    """
    make_folder(directory / FIGURES)
    written: list[Path] = []
    for picture, figure in drawn(results):
        written += save(figure, directory, f"{FIGURES}/{picture.stem}")
        if each is not None:
            each(picture, figure)
    if not results.damage:
        remove_figures(directory, written)
    return written


def write_some(results: Results, directory: Path, stems: Collection[str]) -> None:
    """Draw the figures of these names alone, as PNG; all others that are there are removed.

    Raises:
        UnknownName: there is no figure of a name.
        StoreError: as `write_figures`.
    """
    known = {it.stem: it for it in pictures(results)} if stems else {}
    for stem in stems:
        if stem not in known:
            raise UnknownName("figure", stem, known)
    ledger, written = Ledger(directory), []
    if stems:
        make_folder(directory / FIGURES)
    for stem in stems:
        with looks(Look(fonts=fallbacks(texts_of(results)))), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            figure = known[stem].draw()
            ledger.write(f"{FIGURES}/{stem}.png", functools.partial(_save_small, figure))
        written.append(directory / f"{FIGURES}/{stem}.png")
    remove_figures(directory, written)


def _save_small(figure: Figure, path: Path) -> None:
    """With 256 colours a picture takes a third."""
    whole = io.BytesIO()
    figure.savefig(whole, format="png", facecolor="white", dpi=DPI)
    few = Image.open(whole).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(path, format="png", optimize=True)


def drawn(results: Results) -> Iterator[tuple[Picture, Figure]]:
    """Every picture with its figure, which has to be saved before the next is asked for.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
    """
    look = Look(fonts=fallbacks(texts_of(results)))
    lacking: set[str] = set()
    with seldom_collected():
        for picture in pictures(results):
            with looks(look), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing from")  # it is said below
                figure = picture.draw()
                yield picture, figure
            lacking |= lacking_in(figure, look.fonts)
    if lacking:
        print(f"reml: figures: {boxes(lacking)}", file=sys.stderr)


def texts_of(results: Results) -> Iterator[str]:
    """What of the user's own words may be written in a figure."""
    yield from results.order
    for name in ("family", "protocol", "problem"):
        yield from {str(it) for it in results.trials[name]}
    yield from {str(it) for it in results.tasks["name"]}
    for table in (results.diagnostics["name"], results.confusion["true"]):
        yield from map(str, table.unique())


def pictures(results: Results) -> Iterator[Picture]:
    """Everything that can be drawn, in the order in which a reader wants it.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
        PluginError: a figure of another package does not import.
    """
    modules = figure_modules()
    views = [View(results, *it) for it in _with_endings(summarise(results))]
    trained: dict[str, set[str]] = {}
    for view in views:
        labels = {it.label for it in view.whole.entrants}
        known, shown = trained.get(view.whole.family), False
        for module in modules:
            for picture in module.pictures(view) if isinstance(module, FigureModule) else ():
                # protocols share the trainings of a family: they are shown once
                if not (picture.of_training and known is not None and labels <= known):
                    shown |= picture.of_training
                    yield picture
        if shown:  # of another protocol there may be a history
            trained.setdefault(view.whole.family, set()).update(labels)
        view.made.clear()
    for module in modules:
        if isinstance(module, OverviewModule):
            yield from module.overviews(views)


def figure_modules() -> list[FigureModule | OverviewModule]:
    """Those of this wing and of other packages, by their place.

    Raises:
        PluginError: one of another package does not import, or is no figure.
    """
    names = [it.name for it in pkgutil.walk_packages(figures.__path__, f"{figures.__name__}.")]
    found = [it for it in map(import_module, names) if _is_figure(it)]
    found += [_loaded(point) for point in entry_points(group=ENTRY_POINTS)]
    return sorted(found, key=lambda it: it.PLACE)


def _is_figure(module: object) -> bool:
    return isinstance(module, FigureModule | OverviewModule)


def _loaded(point: Any) -> Any:
    try:
        module = point.load()
    except Exception as error:  # of somebody else's making
        raise PluginError(f"figure {point.name!r} ({point.value}): {described(error)}") from error
    if not _is_figure(module):
        raise PluginError(f"figure {point.name!r} ({point.value}) has no PLACE, or no pictures")
    return module


def _with_endings(comparisons: tuple[Comparison, ...]) -> Iterator[tuple[Comparison, str]]:
    """Each with what its file names end in; nothing where it is alone."""
    slugs = [slug(it.title) for it in comparisons]
    for number, (comparison, mine) in enumerate(zip(comparisons, slugs, strict=True)):
        again = f"-{number + 1}" if mine in slugs[:number] else ""
        yield comparison, f"-{mine}{again}" if len(comparisons) > 1 else ""
