"""The whole report of a results folder: tables, figures, index.md, report.html; and what it says.

Tables come first, as figures take longest. Where nothing that the report is made of has changed
since it was written, and all its files are as they were written, it is left as it is. So is what
was published, where the trials are not there: only report.html, which is not, is written beside it.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.harness.disk.sums import sum_of
from benchmarks.harness.store.ledger import DATA, Ledger, is_published
from benchmarks.harness.store.results import Results
from benchmarks.installed import entry_points
from benchmarks.report.figures.cleanup import INDEX, PAGE, remove_figures
from benchmarks.report.figures.undocumented import undocumented
from benchmarks.report.findings.answer import answer
from benchmarks.report.tables.write import numbers, render_table, write_table

MADE_OF = re.compile(r'<meta name="reml-made-of" content="([0-9a-f]{64})([0-9a-f]{64})([a-z ]*)">')
BARE, ALONE = " without figures", " alone"
"""What a page says further that has none, or beside which tables and figures were not written."""
PLUGGED = ("reml.figures", "reml.tables", "reml.protocols")
SOURCES = (".py", ".html", ".css", ".js", ".toml")
DRAWING = "drawing the figures (--no-figures leaves them out) ..."
HEAD = 4096
"""Characters of the page among which it says what it is made of."""


def write_whole(
    results: Results, directory: Path, say: Callable[[str], object], *, figures: bool = True
) -> Path:
    """Write all of the report that is not there yet, and say its table and its answer.

    Args:
        results: as consolidated in the folder.
        directory: the folder.
        say: is told, line by line, what there is to say.
        figures: whether to draw them; if not, those of other results are removed.

    Returns:
        The path of report.html.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or something cannot be
            written.
    """
    page = directory / PAGE
    made_of = digest(directory)
    there = is_published(directory)
    if there:
        write_lacking(results, directory)
    elif _is_there(directory, [made_of, *([] if figures else [made_of + BARE])]):
        there = is_whole(directory)
    if not there:
        write_table(results, directory)
    say(render_table(results, "md"))
    if is_published(directory):
        write_page_alone(results, directory, say, figures=figures)
    elif not there:
        _rest(results, directory, say, made_of, figures)
    say(f"{page} shows the table, the figures and every trial; {INDEX} has the same for GitHub")
    say(f"\n{answer(results, directory)}")
    return page


def is_whole(directory: Path) -> bool:
    """Whether what this program has written is all there and as it was written."""
    names = {PAGE, INDEX, "table.csv", *Ledger(directory).names()}
    return _is_kept(directory, names | ({"table.md"} if not is_published(directory) else set()))


def write_lacking(results: Results, directory: Path) -> None:
    """Write the tables and the index that a published folder has lost, or damaged, and no other.

    Raises:
        StoreError: as `write_whole`.
    """
    ledger = Ledger(directory)
    known = {"table.csv": set[str](), INDEX: set[str](), **ledger.names()}
    lost = [
        name
        for name, sums in known.items()
        if not (path := directory / name).is_file() or (sums and sum_of(path) not in sums)
    ]
    if not lost:
        return
    for name, text in numbers(results):
        if name in lost and text:
            ledger.write_text(name, text)
    if INDEX in lost:
        from benchmarks.report.documents.index import write_index

        write_index(results, directory)


def write_page_alone(
    results: Results,
    directory: Path,
    say: Callable[[str], object] = lambda _: None,
    *,
    figures: bool = True,
) -> None:
    """Write report.html, with its figures, unless it is there and of just these results.

    Raises:
        StoreError: as `write_whole`.
    """
    made_of = digest(directory)
    enough = [made_of, made_of + ALONE, *([] if figures else [made_of + BARE + ALONE])]
    if not results.damage and _is_there(directory, enough) and _is_kept(directory, [PAGE]):
        return
    with undocumented():  # drawing takes a second to import
        from benchmarks.report.documents.page import Inlay, inlay, write_page
        from benchmarks.report.figures.catalogue import drawn

    inlays: list[Inlay] = []
    if figures:
        say(DRAWING)
        inlays = [inlay(*it) for it in drawn(results)]
    said = made_of + ALONE if figures else made_of + BARE + ALONE
    write_page(results, results.records, inlays, directory, said)


def _rest(
    results: Results, directory: Path, say: Callable[[str], object], made_of: str, figures: bool
) -> None:
    with undocumented():  # drawing takes a second to import
        from benchmarks.report.documents.index import write_index
        from benchmarks.report.documents.page import Inlay, inlay, write_page

    inlays: list[Inlay] = []
    if figures:
        from benchmarks.report.figures.catalogue import write_figures

        say(DRAWING)
        write_figures(results, directory, lambda *drawn: inlays.append(inlay(*drawn)))
    elif not _has_figures(results, directory, made_of):
        remove_figures(directory, ())
    write_index(results, directory)
    drawn = [PAGE, *(it for it in Ledger(directory).names() if it.startswith("figures/"))]
    if not figures and _is_there(directory, [made_of]) and _is_kept(directory, drawn):
        return
    said = made_of if figures else made_of + BARE
    write_page(results, results.records, inlays, directory, said)


def _has_figures(results: Results, directory: Path, made_of: str) -> bool:
    """Whether the figures in the folder show these results, as the page or index.md tells."""
    of, _, further = _made_of(directory) or ("", "", ALONE)
    if of and (of != made_of[:64] or not further):
        return of == made_of[:64]
    from benchmarks.report.documents.index import render_index

    with suppress(OSError, ValueError):
        there = (directory / INDEX).read_text(encoding="utf-8")
        return there == render_index(results, directory)
    return False


def digest(directory: Path) -> str:
    """Of what a report is made of: what is stored in the folder, and the code of this program."""
    hashed = hashlib.sha256()
    for name in sorted(DATA):
        if (path := directory / name).is_file():
            hashed.update(f"{name} {sum_of(path)}\n".encode())
    learners = sorted(it.parent.name for it in directory.glob("trials/*/learner.pt"))
    hashed.update("\n".join(learners).encode())
    return hashed.hexdigest() + _code()


@cache
def _code() -> str:
    hashed = hashlib.sha256(version("matplotlib").encode())
    home = Path(__file__).parents[2]  # importing its packages would import what draws
    files = [it for it in home.rglob("*") if it.suffix in SOURCES]
    points = [it for group in PLUGGED for it in entry_points(group=group)]
    for module in {it.module for it in points if not it.module.startswith("benchmarks.")}:
        with suppress(ImportError, ValueError):  # it is said where it is used
            found = find_spec(module)
            files += [Path(found.origin)] if found is not None and found.origin else []
    for file in sorted(files):
        with suppress(OSError):
            hashed.update(file.read_bytes())
    return hashed.hexdigest()


def _is_there(directory: Path, made_of: Collection[str]) -> bool:
    """Whether the page says that it is made of one of these."""
    return "".join(_made_of(directory)) in made_of


def _made_of(directory: Path) -> tuple[str, ...]:
    """Of what results and what code the page says it is made, and what further; maybe nothing."""
    with suppress(OSError, ValueError), (directory / PAGE).open(encoding="utf-8") as file:
        if found := MADE_OF.search(file.read(HEAD)):
            return found.groups()
    return ()


def _is_kept(directory: Path, names: Collection[str]) -> bool:
    """Whether these files are as they were written."""
    known = Ledger(directory).names()
    return all(
        (path := directory / name).is_file() and sum_of(path) in known.get(name, ())
        for name in names
    )
