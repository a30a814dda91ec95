"""report.html from its template: one file with its style, script and figures in it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import (
    USES,
    USES_NOTE,
    findings,
    origin_lines,
)
from benchmarks.report.documents.page.colours import palette
from benchmarks.report.documents.page.inlay import Inlay
from benchmarks.report.documents.page.prose import prose
from benchmarks.report.documents.page.trials import STATES, trial_sheet, trials
from benchmarks.report.documents.templates import environment_of
from benchmarks.report.figures.cleanup import PAGE
from benchmarks.report.findings.answer import IN_THE_FOLDER, answer
from benchmarks.report.findings.putting_to_use import usages
from benchmarks.report.findings.verdict import costs, verdicts
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import (
    ALIKE,
    DAGGER_NOTE,
    DOUBLE_DAGGER_NOTE,
    ONE_SEED,
    ONE_SEED_NOTE,
    UNMATCHED,
    UNMATCHED_NOTE,
    essential,
    origin,
    seeds_warning,
    slug,
)
from benchmarks.report.tables.catalogue import all_sections
from benchmarks.report.tables.layout import Section
from benchmarks.report.tables.scores import reading_guide

MARKS = {
    "†": DAGGER_NOTE.partition(" ")[2],
    "‡": DOUBLE_DAGGER_NOTE.partition(" ")[2],
    ALIKE: "not told apart from the best of its column, which is bold.",
    ONE_SEED: ONE_SEED_NOTE.format("tasks").partition(" ")[2],
    UNMATCHED: UNMATCHED_NOTE.partition(" ")[2],
    "⚠": "something is missing: trials that failed or were not run, or seeds that are too few.",
}
"""What a mark in a table or a legend means; only those that occur are explained."""


def write_page(
    results: Results,
    records: Sequence[Mapping[str, Any]],
    inlays: Iterable[Inlay],
    directory: Path,
    made_of: str = "",
) -> Path:
    """Write report.html into the folder.

    Args:
        results: What is shown.
        records: Of each trial, as `Results.records` has them.
        inlays: The figures, in the order in which they are shown.
        directory: Where the page goes.
        made_of: A digest of all that the report is made of.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or it cannot be written.
    """
    Ledger(directory).write_text(PAGE, render(results, records, list(inlays), directory, made_of))
    return directory / PAGE


def render(
    results: Results,
    records: Sequence[Mapping[str, Any]],
    inlays: Sequence[Inlay],
    directory: Path | None = None,
    made_of: str = "",
) -> str:
    """The page as text; how learners are used is told where `directory` has them."""
    comparisons = summarise(results)
    sections = _with_ids([*all_sections(results)])
    colours = [colour for inlay in inlays for colour in inlay.colours]
    counts = {state: sum(it["status"] == state for it in records) for state in STATES}
    parts = {
        "name": results.name,
        "title": results.title,
        "made_of": made_of,
        "answer": answer(results, directory, Path()).lines,
        "in_the_folder": IN_THE_FOLDER,
        "uses": usages(results, directory, Path()),
        "uses_heading": USES,
        "uses_note": USES_NOTE,
        "findings": [*findings(comparisons), *costs(comparisons)],
        "caution": seeds_warning(comparisons),
        "verdicts": verdicts(comparisons),
        "marks": _marks(section for _, section in sections),
        "guide": reading_guide(comparisons),
        "sections": sections,
        "inlays": inlays,
        "trials": trials(records, results.name),
        "trial_sheet": trial_sheet(records),
        "counts": counts,
        "origin": origin(results.name, results.provenance),
        "origin_lines": origin_lines(results),
        "command": essential(str(results.provenance.get("command") or "")),
        "light": Markup(palette(colours, dark=False)),
        "dark": Markup(palette(colours, dark=True)),
    }
    return _environment().get_template("page.html").render(parts)


def _marks(sections: Iterable[Section]) -> dict[str, str]:
    entries = (
        it for section in sections for sheet in section.sheets for row in sheet.rows for it in row
    )
    shown = {symbol for entry in entries for symbol in f"{entry.text} {entry.detail}"}
    return {mark: said for mark, said in MARKS.items() if mark in shown}


def _with_ids(sections: Sequence[Section]) -> list[tuple[str, Section]]:
    return [(f"table-{n}-{slug(it.heading)}", it) for n, it in enumerate(sections, 1)]


def _environment() -> Environment:
    package = "benchmarks.report.documents.page"
    environment = environment_of(package, ("page.html",), "page.css", "page.js")
    environment.filters["prose"] = prose
    return environment
