"""The whole report of a results folder: tables, figures, index.md, report.html; and what it says.

Tables come first, as figures take longest. Where nothing that the report is made of has changed
since it was written, and all its files are as they were written, it is left as it is.
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
from benchmarks.harness.store.ledger import DATA, Ledger
from benchmarks.harness.store.results import Results
from benchmarks.installed import entry_points
from benchmarks.report.figures.cleanup import INDEX, PAGE, remove_figures
from benchmarks.report.figures.undocumented import undocumented
from benchmarks.report.findings.answer import answer
from benchmarks.report.tables.write import render_table, write_table

MADE_OF = re.compile(r'<meta name="reml-made-of" content="([0-9a-f]{64})([a-z ]*)">')
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
        figures: whether to draw them; those of former results are removed, if not.

    Returns:
        The path of report.html.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or something cannot be
            written.
    """
    page = directory / PAGE
    made_of = digest(directory)
    there = _is_there(directory, [made_of, *([] if figures else [made_of + BARE])])
    there = there and is_whole(directory)
    if not there:
        write_table(results, directory)
    say(render_table(results, "md"))
    if not there:
        _rest(results, directory, say, made_of, figures)
    say(f"{page} shows the table, the figures and every trial; {INDEX} has the same for GitHub")
    say(f"\n{answer(results, directory)}")
    return page


def is_whole(directory: Path) -> bool:
    """Whether what this program has written is all there and as it was written."""
    names = {PAGE, INDEX, "table.csv", "table.md", *Ledger(directory).names()}
    return _is_kept(directory, names)


def write_page_alone(results: Results, directory: Path) -> None:
    """Write report.html, with its figures, unless it is there and of just these results.

    Raises:
        StoreError: as `write_whole`.
    """
    made_of = digest(directory)
    whole = not results.damage and _is_there(directory, [made_of, made_of + ALONE])
    if whole and _is_kept(directory, [PAGE]):
        return
    with undocumented():  # drawing takes a second to import
        from benchmarks.report.documents.page import inlay, write_page
        from benchmarks.report.figures.catalogue import drawn

    inlays = [inlay(*it) for it in drawn(results)]
    write_page(results, results.records, inlays, directory, made_of + ALONE)


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
    else:
        remove_figures(directory, ())
    write_index(results, directory)
    said = made_of if figures else made_of + BARE
    write_page(results, results.records, inlays, directory, said)


def digest(directory: Path) -> str:
    """Of what a report is made of: what is stored in the folder, and the code of this program."""
    hashed = hashlib.sha256(_code().encode())
    for name in sorted(DATA):
        if (path := directory / name).is_file():
            hashed.update(f"{name} {sum_of(path)}\n".encode())
    learners = sorted(it.parent.name for it in directory.glob("trials/*/learner.pt"))
    hashed.update("\n".join(learners).encode())
    return hashed.hexdigest()


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
    try:
        with (directory / PAGE).open(encoding="utf-8") as file:
            found = MADE_OF.search(file.read(HEAD))
    except (OSError, ValueError):
        return False
    return found is not None and found[1] + found[2] in made_of


def _is_kept(directory: Path, names: Collection[str]) -> bool:
    """Whether these files are as they were written."""
    known = Ledger(directory).names()
    return all(
        (path := directory / name).is_file() and sum_of(path) in known.get(name, ())
        for name in names
    )
