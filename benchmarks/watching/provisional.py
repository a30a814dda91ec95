"""The tables of a run that goes on: the scores there are so far, with their intervals."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.core.errors import RemlError
from benchmarks.core.text import described
from benchmarks.report.tables.layout import Section
from benchmarks.watching.discreet import discreet

if TYPE_CHECKING:
    from benchmarks.harness.store.results import Results

MOST_SECTIONS = 12
SHARE = 0.1
"""So much of one processor goes into tables while a run goes on, no more."""
LEAST_SECONDS = 3.0


@dataclass(frozen=True)
class Tables:
    """One table for each family, protocol and number of shots; `more` are left out.

    `made` is the time of day at which they were read, `trouble` says why there are none.
    """

    sections: Sequence[Section] = ()
    more: int = 0
    trouble: str = ""
    made: str = ""


class Provisional:
    """Makes tables of a folder again when trials have ended, but seldom, as that takes a while."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._tables = Tables()
        self._version: int | None = None
        self._next = 0.0

    def at(self, version: int, *, now: bool = False) -> Tables:
        """Those of this version of what is known, or of one before; of this one if `now`."""
        if version != self._version and (now or time.monotonic() >= self._next):
            started = time.monotonic()
            self._tables = tables_of(self._directory)
            took = time.monotonic() - started
            self._version, self._next = version, time.monotonic() + max(LEAST_SECONDS, took / SHARE)
        return self._tables


def tables_of(directory: Path) -> Tables:
    """The first table of each comparison, as `reml table` has them."""
    from benchmarks.harness.store.printable import clean  # pandas takes half a second
    from benchmarks.harness.store.results import load_results

    made = time.strftime("%H:%M:%S")
    try:
        results = load_results(directory)
        if results.scores.empty:
            return Tables(made=made)
        sections = list(_sections(clean(results)))
    except (RemlError, OSError) as error:  # a folder may change or go while it is read
        return Tables(trouble=discreet(described(error).partition(": ")[2]), made=made)
    return Tables(sections[:MOST_SECTIONS], max(0, len(sections) - MOST_SECTIONS), made=made)


def _sections(results: "Results") -> Iterator[Section]:
    from benchmarks.report.scores.summary import summarise
    from benchmarks.report.scores.wording import setting
    from benchmarks.report.tables.catalogue import OfShots, Place, table_modules

    modules = [it for it in table_modules() if isinstance(it, OfShots)]
    for comparison in summarise(results):
        for group in comparison.groups:
            at = Place(results, comparison, group)
            sheet = next((sheet for it in modules for sheet in it.sheets(at)), None)
            if sheet is not None:
                yield Section(f"{comparison.title}, {setting(comparison, group.shots)}", (sheet,))
