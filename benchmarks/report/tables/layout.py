"""What tables are made of, before they become Markdown or LaTeX."""

from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.report.statistics import Coverage


class Entry(NamedTuple):
    """One table cell: what may be bold, and what follows it."""

    text: str
    bold: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Sheet:
    """One table: a sentence that says what it shows, columns, and one row a learner.

    Columns are of numbers, but for those whose places are in `words`.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    words: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Section:
    """A heading with its tables and remarks."""

    heading: str
    sheets: tuple[Sheet, ...]
    remarks: tuple[str, ...] = ()


def marked(entry: Entry, coverage: Coverage) -> Entry:
    """The same, and where it rests on fewer seeds than were planned, a cell that says so itself.

    `0.12 [0.10, 0.14]` becomes `⚠ 0.12 [0.10, 0.14] (2 of 3)`.
    """
    if coverage.complete or entry.text == "–":
        return entry
    detail = f"{entry.detail} ({coverage})".strip()
    return Entry(f"⚠ {entry.text}", entry.bold, detail)
