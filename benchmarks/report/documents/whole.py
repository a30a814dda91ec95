"""The whole report of a results folder: tables, figures, index.md, report.html; and what it says.

Tables come first, as figures take longest. Where nothing that the report is made of has changed
since it was written, and all its files are as they were written, it is left as it is.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from benchmarks.harness.disk.sums import sum_of
from benchmarks.harness.store.ledger import DATA, Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report.figures.cleanup import INDEX, PAGE, remove_figures
from benchmarks.report.findings.answer import answer
from benchmarks.report.tables.write import render_table, write_table

MADE_OF = re.compile(r'<meta name="reml-made-of" content="([0-9a-f]{64})( without figures)?">')
SOURCES = (".py", ".html", ".css", ".js", ".toml")
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
    there = _is_there(directory, made_of, figures)
    if not there:
        write_table(results, directory)
    say(render_table(results, "md"))
    if not there:
        _rest(results, directory, say, made_of, figures)
    say(f"{page} shows the table, the figures and every trial; {INDEX} has the same for GitHub")
    say(f"\n{answer(results, directory)}")
    return page


def _rest(
    results: Results, directory: Path, say: Callable[[str], object], made_of: str, figures: bool
) -> None:
    # drawing takes a second to import
    from benchmarks.report.documents.index import write_index
    from benchmarks.report.documents.page import Inlay, inlay, write_page

    inlays: list[Inlay] = []
    if figures:
        from benchmarks.report.figures.catalogue import write_figures

        say("drawing the figures (--no-figures leaves them out) ...")
        write_figures(results, directory, lambda *drawn: inlays.append(inlay(*drawn)))
    else:
        remove_figures(directory, ())
    write_index(results, directory)
    said = made_of if figures else f"{made_of} without figures"
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
    hashed = hashlib.sha256()
    home = Path(__file__).parents[1]  # importing its packages would import what draws
    for file in sorted(it for it in home.rglob("*") if it.suffix in SOURCES):
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def _is_there(directory: Path, made_of: str, figures: bool) -> bool:
    """Whether the report is of these results, with figures if they are wanted, and untouched."""
    try:
        with (directory / PAGE).open(encoding="utf-8") as file:
            found = MADE_OF.search(file.read(HEAD))
    except (OSError, ValueError):
        return False
    if found is None or found[1] != made_of or (figures and found[2]):
        return False
    known = Ledger(directory).names()
    wanted = {PAGE, INDEX, "table.csv", "table.md", *known}
    return all(
        (path := directory / name).is_file() and sum_of(path) in known.get(name, ())
        for name in wanted
    )
