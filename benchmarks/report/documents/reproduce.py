"""reproduce.md and reproduce.csv: our results beside published numbers, and what to make of it."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pandas as pd

from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report.documents.against_papers import Finding, findings, others
from benchmarks.report.documents.published import Row, published
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.markup import escape
from benchmarks.report.scores.metrics import metric_name
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import (
    listing,
    origin,
    plural,
    seeds_warning,
    setting,
    with_interval,
)
from benchmarks.report.tables.forms import markdown
from benchmarks.report.tables.layout import Entry, Section, Sheet
from benchmarks.report.tables.write import csv_text

TEXT, CSV = "reproduce.md", "reproduce.csv"
COLUMNS = (
    *("family", "protocol", "learner", "ways", "shots", "steps", "metric"),
    *("source", "place", "method", "published", "published_low", "published_high"),
    *("ours", "ours_low", "ours_high", "verdict", "better", "essential", "deviations"),
)
RULE = (
    "*Inside*: our 95 % interval and the published value with its ± overlap; where a source gives "
    "no ±, all values that round to the published one count, and what that owes to chance is not "
    "known. *Outside*: they do not. *Not comparable*: "
    "something differs that makes it another experiment, and is named. All else that is known to "
    "differ stands in the last column, or above the table."
)


def write_reproduce(results: Results, directory: Path) -> str:
    """Write reproduce.md and reproduce.csv into the folder; returns what the former says.

    Where no number is published for anything in the results, neither is written, and what comes
    back says so.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or they cannot be written.
    """
    text, found = render_reproduce(results)
    keep_reproduce(text, found, directory)
    return text


def keep_reproduce(text: str, found: list[Finding], directory: Path) -> None:
    """Write what `render_reproduce` gives into the folder.

    Raises:
        NotKept: it cannot be written.
    """
    ledger = Ledger(directory)
    if not found:
        for name in (TEXT, CSV):
            ledger.remove(name)
        return
    make_folder(directory)
    ledger.write_text(TEXT, text)
    ledger.write_text(CSV, csv_text(make_reproduce(found)))


def render_reproduce(results: Results) -> tuple[str, list[Finding]]:
    """What reproduce.md says, and the findings that it is about.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
    """
    found = list(findings(results))
    if not found:
        return _nothing(results), found
    blocks = [
        f"# {escape(results.name)} beside published numbers",
        origin(results.name, results.provenance),
        f"{_tally(found)} {seeds_warning(summarise(results))}".strip(),
        RULE,
    ]
    for section in _sections(found, results):
        blocks += markdown.section_blocks(section)
    return "\n\n".join(blocks) + "\n", found


def make_reproduce(found: list[Finding]) -> pd.DataFrame:
    """One row a published number and learner; accuracy from 0 to 1.

    `better` says of what is outside whether ours is the better one; `essential` is what makes the
    two another experiment, and `deviations` what else differs.
    """
    table = pd.DataFrame([_row(it) for it in found], columns=list(COLUMNS))
    return table.astype({"ways": "Int64", "better": "boolean"})


def _row(it: Finding) -> tuple[object, ...]:
    return (
        *(it.comparison.family, it.comparison.protocol, it.entrant.label),
        *(it.comparison.ways, it.shots, it.steps, it.row.metric),
        *(published().source[it.row.source].cite, it.row.place, it.row.method),
        *it.cell.range(it.row.metric),
        *(it.ours or (None, None, None)),
        *(it.verdict, it.better, "; ".join(it.essential), "; ".join(it.deviations)),
    )


def _tally(found: list[Finding]) -> str:
    verdicts = [it.verdict for it in found]
    outside = verdicts.count("outside")
    better = sum(it.better is True for it in found)
    return (
        f"Of {plural(len(found), 'pair')} of a published number and a learner, "
        f"{verdicts.count('inside') + outside} can be compared: {verdicts.count('inside')} inside, "
        f"{outside} outside{f', {better} of them better' if better else ''}."
    )


def _sections(found: list[Finding], results: Results) -> Iterator[Section]:
    for comparison in summarise(results):
        mine = [it for it in found if it.comparison is comparison]
        if mine:
            yield Section(
                comparison.title,
                tuple(_sheet(row, list(them)) for row, them in groupby(mine, lambda it: it.row)),
                tuple(_remarks(comparison, results)),
            )


def _sheet(row: Row, found: list[Finding]) -> Sheet:
    source = published().source[row.source]
    where = ", ".join(filter(None, [source.cite, row.place]))
    name = metric_name(row.metric, found[0].comparison.problem)
    return Sheet(
        " ".join([f"{row.method}: {name} in {where}, {source.url}.", *row.notes]),
        ("learner", "setting", "published", "ours", "verdict", "what else differs"),
        tuple(
            (
                Entry(it.entrant.name),
                Entry(_setting(it)),
                Entry(it.cell.text(row.metric)),
                Entry(with_interval(it.ours, row.metric) if it.ours else "–"),
                _verdict(it),
                Entry("; ".join(it.deviations) or "–"),
            )
            for it in found
        ),
        words=(0, 1, 4, 5),
    )


def _setting(it: Finding) -> str:
    where = setting(it.comparison, it.shots)
    return where if it.cell.steps is None else f"{where}, {plural(it.steps, 'step')}"


def _verdict(it: Finding) -> Entry:
    if it.essential:
        return Entry(f"{it.verdict} ({'; '.join(it.essential)})")
    if it.ours is None:
        return Entry(f"{it.verdict} ({it.entrant.coverage or 'no score'})")
    if it.better is None:
        return Entry(it.verdict)
    return Entry(f"{it.verdict} ({'better' if it.better else 'worse'})")


def _remarks(comparison: Comparison, results: Results) -> Iterator[str]:
    for row, cells in groupby(others(comparison, results), lambda it: it[0]):
        source = published().source[row.source]
        numbers = listing(
            f"{cell.text(row.metric)} with {setting(comparison, cell.shots)}"
            + ("" if cell.steps is None else f" after {plural(cell.steps, 'step')}")
            for _, cell in cells
        )
        seen = ", as quoted elsewhere and not checked" if source.secondary else ""
        yield f"{row.method}, which is no contender here: {numbers} ({source.cite}{seen})."


def _nothing(results: Results) -> str:
    known = sorted({f"{row.learner} on {row.family}" for row in published().row if row.learner})
    return (
        f"{results.name}: no number is published for what it has; there are some for "
        f"{listing(known)}, at the ways and shots of their papers.\n"
    )
