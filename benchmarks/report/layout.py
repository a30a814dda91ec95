"""What tables are made of, before they become Markdown or LaTeX."""

from dataclasses import dataclass
from typing import NamedTuple


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
