"""Removing what a former report left in a results folder."""

from collections.abc import Collection
from pathlib import Path

from benchmarks.harness.files import remove

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
        StoreError: one of them cannot be removed.
    """
    for name in TEXTS:
        remove(directory / name)
    remove_figures(directory / FIGURES, ())


def remove_figures(folder: Path, kept: Collection[Path]) -> None:
    """Remove the figures that are not among those to be kept.

    Raises:
        StoreError: one of them cannot be removed.
    """
    for ending in ("png", "svg"):
        for path in set(folder.glob(f"*.{ending}")).difference(kept):
            remove(path)
