"""The tables of a results folder: one tidy for machines, one for people."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd

from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.chosen import CHOSEN
from benchmarks.report.scores.pairs import check_known
from benchmarks.report.scores.stops import told
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import origin
from benchmarks.report.statistics import Interval
from benchmarks.report.tables.catalogue import sections, tidy
from benchmarks.report.tables.forms import latex, markdown
from benchmarks.report.tables.scores import reading_guide

COLUMNS = (
    "family",
    "protocol",
    "shots",
    "steps",
    "learner",
    "privileged",
    "metric",
    "mean",
    "mean_low",
    "mean_high",
    "iqm",
    "iqm_low",
    "iqm_high",
    "seeds",
    "planned",
    "tasks",
    "diverged",
    "groups",
)
OF_CLASSES = {"ways": "protocol", "transductive": "privileged"}
"""Columns of results with classification, each after the one that it names."""
FLOATS = "%.12g"
"""All that float64 averages are good for: the last digits depend on the number of threads."""
NOTHING = Interval(float("nan"), float("nan"), float("nan"))


def make_table(results: Results) -> pd.DataFrame:
    """One row a family × protocol × shots × steps × learner × metric, learners in matrix order.

    `seeds`, `tasks` and `groups` (of tasks; each its own where they are independent) count what
    went into the averages, and there are no ends of an interval where there can be none; where
    `planned` seeds are more, trials are missing, and `diverged` says how many of the scores did. A
    learner none of whose trials is done has rows with 0 seeds and no numbers. Of more than 30
    numbers of steps some are left out; "chosen" stands for the one that validation chose. Where
    there is classification, `ways` are its classes a task and `transductive` says who is; accuracy
    is from 0 to 1.

    Raises:
        StoreError: the scores of a trial are incomplete.
    """
    comparisons = summarise(results)
    rows = [row for comparison in comparisons for row in _rows(comparison)]
    table = pd.DataFrame(rows, columns=[*COLUMNS, *OF_CLASSES])
    of_classes = {name: table.pop(name) for name in OF_CLASSES}
    if any(comparison.ways for comparison in comparisons):
        of_classes["ways"] = of_classes["ways"].astype("Int64")
        for name, column in of_classes.items():
            table.insert(list(table).index(OF_CLASSES[name]) + 1, name, column)
    return table


def render_table(
    results: Results, fmt: Literal["md", "csv", "latex"], against: str | None = None
) -> str:
    """The table as text: `md` and `latex` for people, `csv` tidy with all digits.

    Paired differences are to the learner `against`, or to the one that `baseline_of` finds.

    Raises:
        StoreError: as `make_table`.
        UnknownName: there is no learner `against`.
    """
    if fmt == "csv":
        return csv_text(make_table(results))
    comparisons = summarise(results)
    check_known(comparisons, against)
    parts = tuple(sections(results, against))
    guide = reading_guide(comparisons, against)
    where = origin(results.name, results.provenance)
    if fmt == "md":
        return markdown.render(f"Results of {results.name}", where, guide, parts)
    return latex.render(where, guide, parts)


def write_table(results: Results, directory: Path, against: str | None = None) -> Path:
    """Write table.csv and table.md into the folder, and the others; returns the path of table.md.

    Raises:
        StoreError: as `make_table`, or they cannot be written.
        UnknownName: there is no learner `against`.
    """
    write_numbers(results, directory, against)
    Ledger(directory).write_text("table.md", render_table(results, "md", against))
    return directory / "table.md"


def write_numbers(results: Results, directory: Path, against: str | None = None) -> None:
    """Write table.csv into the folder.

    Where learners are compared in pairs there is pairs.csv, and where they said what they decide
    compositions.csv, too.

    Raises:
        StoreError: as `make_table`, or they cannot be written.
        UnknownName: there is no learner `against`.
    """
    comparisons = summarise(results)
    check_known(comparisons, against)
    make_folder(directory)
    ledger = Ledger(directory)
    for name, text in numbers(results, against):
        if text:
            ledger.write_text(name, text)
        else:
            ledger.remove(name)


def numbers(results: Results, against: str | None = None) -> Iterator[tuple[str, str]]:
    """The file names of `write_numbers`, and what is in them; nothing where there is to be none."""
    yield "table.csv", render_table(results, "csv")
    for name, table in tidy(results, against):
        yield name, "" if table.empty else csv_text(table)


def csv_text(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format=FLOATS, lineterminator="\n")


def _rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    for group in comparison.groups:
        there = {(steps, metric) for _, steps, metric in group.cells}
        for steps in (*group.steps, CHOSEN):
            for entrant in comparison.entrants:
                for metric in group.metrics:
                    if (steps, metric) not in there:
                        continue
                    cell = group.cells.get((entrant.label, steps, metric))
                    yield (
                        comparison.family,
                        comparison.protocol,
                        group.shots,
                        told(steps),
                        entrant.label,
                        entrant.privileged,
                        metric,
                        *(cell.mean if cell else NOTHING),
                        *(cell.iqm if cell else NOTHING),
                        cell.seeds if cell else 0,
                        entrant.planned,
                        cell.tasks if cell else 0,
                        cell.diverged if cell else 0,
                        cell.groups if cell else 0,
                        comparison.ways,
                        entrant.transductive,
                    )
