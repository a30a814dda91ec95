"""Removing what a former report left in a results folder."""

from collections.abc import Collection
from pathlib import Path

from benchmarks.harness.store.ledger import Ledger

FIGURES = "figures"
INDEX = "index.md"
PAGE = "report.html"
TEXTS = (
    *("table.csv", "table.md", "pairs.csv", "compositions.csv", INDEX),
    *("reproduce.md", "reproduce.csv"),
    PAGE,
)


def remove_report(directory: Path) -> None:
    """Remove the tables, the index, the page and the figures; nothing else is touched.

    Raises:
        NotKept: one of them cannot be removed.
    """
    ledger = Ledger(directory)
    for name in TEXTS:
        ledger.remove(name)
    remove_figures(directory, ())


def remove_figures(directory: Path, kept: Collection[Path]) -> None:
    """Remove the figures of a results folder that are not among those to be kept.

    Raises:
        NotKept: one of them cannot be removed.
    """
    ledger = Ledger(directory)
    for name in ledger.names():
        if name.startswith(f"{FIGURES}/") and directory / name not in kept:
            ledger.remove(name)
