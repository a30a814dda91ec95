"""The tables of a report, in order.

Every module of this wing with a `PLACE` and one of `sheets`, `of_comparison` and `sections` is a
table, and so is one that a package names under the entry points `reml.tables`.
"""

import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from benchmarks.core.errors import PluginError
from benchmarks.core.text import described
from benchmarks.harness.store.results import Results
from benchmarks.installed import entry_points
from benchmarks.report import tables
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import setting
from benchmarks.report.tables.layout import Section, Sheet

ENTRY_POINTS = "reml.tables"


@dataclass(frozen=True)
class Place:
    """One comparison at one number of shots; paired differences are to the learner `against`."""

    results: Results
    comparison: Comparison
    group: Group
    against: str | None = None


@runtime_checkable
class OfShots(Protocol):
    """Sheets of one comparison at one number of shots, and remarks below all of those.

    Attributes:
        PLACE: where they stand among those of other modules.
    """

    PLACE: int

    def sheets(self, at: Place) -> Iterator[Sheet]: ...
    def remarks(self, at: Place) -> Iterator[str]: ...


@runtime_checkable
class OfComparison(Protocol):
    """A section of one comparison, after those of its shots."""

    PLACE: int

    def of_comparison(self, results: Results, comparison: Comparison) -> Iterator[Section]: ...


@runtime_checkable
class OfAll(Protocol):
    """Sections of their own, of all results, which table.md leaves to index.md and report.html."""

    PLACE: int

    def sections(self, results: Results) -> Iterator[Section]: ...


@runtime_checkable
class Tidy(Protocol):
    """What such a module may keep for machines besides: a CSV file, where it has rows."""

    FILE: str

    def frame(self, results: Results, against: str | None) -> pd.DataFrame: ...


TableModule = OfShots | OfComparison | OfAll


def table_modules() -> list[TableModule]:
    """Those of this wing and of other packages, by their place.

    Raises:
        PluginError: one of another package does not import, or is no table.
    """
    names = [it.name for it in pkgutil.walk_packages(tables.__path__, f"{tables.__name__}.")]
    found: list[Any] = [it for it in map(import_module, names) if isinstance(it, TableModule)]
    found += [_loaded(point) for point in entry_points(group=ENTRY_POINTS)]
    return sorted(found, key=lambda it: it.PLACE)


def sections(results: Results, against: str | None = None) -> Iterator[Section]:
    """Scores of every family × protocol × shots, then what the learners spent there.

    Paired differences are to the learner `against`, or to the one that `baseline_of` finds.
    """
    modules = table_modules()
    of_shots = [it for it in modules if isinstance(it, OfShots)]
    for comparison in summarise(results):
        for group in comparison.groups:
            at = Place(results, comparison, group, against)
            yield Section(
                f"{comparison.title}, {setting(comparison, group.shots)}",
                tuple(sheet for it in of_shots for sheet in it.sheets(at)),
                tuple(remark for it in of_shots for remark in it.remarks(at)),
            )
        for module in modules:
            if isinstance(module, OfComparison):
                yield from module.of_comparison(results, comparison)


def all_sections(results: Results, against: str | None = None) -> Iterator[Section]:
    """Every table that a report shows, in order; see `sections` for `against`."""
    yield from sections(results, against)
    for module in table_modules():
        if isinstance(module, OfAll):
            yield from module.sections(results)


def tidy(results: Results, against: str | None = None) -> Iterator[tuple[str, pd.DataFrame]]:
    """What there is for machines beside table.csv: names of files, and what goes there."""
    for module in table_modules():
        if isinstance(module, Tidy):
            yield module.FILE, module.frame(results, against)


def _loaded(point: Any) -> Any:
    try:
        module = point.load()
    except Exception as error:  # of somebody else's making
        raise PluginError(f"table {point.name!r} ({point.value}): {described(error)}") from error
    if not isinstance(module, TableModule):
        raise PluginError(
            f"table {point.name!r} ({point.value}) has no PLACE, or neither sheets nor sections"
        )
    return module
