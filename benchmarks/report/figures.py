"""The figures of a results folder, each as PNG and SVG."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.harness.files import make_folder
from benchmarks.harness.store import Results
from benchmarks.report.plots import against_shots, against_spending, against_steps
from benchmarks.report.stale import FIGURES, remove_figures
from benchmarks.report.style import looks, save
from benchmarks.report.summary import Comparison, summarise
from benchmarks.report.traces import fitted_curves, training_curves
from benchmarks.report.words import slug

BAND = "with its 95 % nested bootstrap interval"


@dataclass(frozen=True)
class Picture:
    """One figure that can be drawn: its file name without ending, and what it shows."""

    stem: str
    title: str
    caption: str
    draw: Callable[[], Figure | None]


def write_figures(results: Results, directory: Path) -> list[Path]:
    """Draw what the results allow into `directory`/figures; returns the paths, PNG before SVG.

    With several families (or protocols) there is one file for each. Figures whose data are not
    there (no training history, no curves) are left out, and former ones of other names removed.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite, or the folder cannot be
            written.
    """
    folder = directory / FIGURES
    make_folder(folder)
    written: list[Path] = []
    for picture in pictures(results):
        with looks(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # a box stands for it
            figure = picture.draw()
            if figure is not None:
                written += save(figure, folder / picture.stem)
    remove_figures(folder, written)
    return written


def pictures(results: Results) -> Iterator[Picture]:
    """Everything that may be drawn, in the order in which a reader wants it."""
    comparisons = summarise(results)
    for number, comparison in enumerate(comparisons):
        ending = ""
        if len(comparisons) > 1:
            ending = f"-{slug(comparison.title)}"
            if slug(comparison.title) in {slug(other.title) for other in comparisons[:number]}:
                ending += f"-{number + 1}"
        yield from _pictures_of(comparison, results, ending)


def _pictures_of(comparison: Comparison, results: Results, ending: str) -> Iterator[Picture]:
    metric, where = comparison.metric.upper(), comparison.title

    def mine(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[
            (frame["family"] == comparison.family) & (frame["protocol"] == comparison.protocol)
        ]

    yield Picture(
        f"error-against-steps{ending}",
        f"Error against adaptation steps, {where}",
        f"Mean {metric} after each number of adaptation steps {BAND}.",
        lambda: against_steps(comparison),
    )
    yield Picture(
        f"error-against-shots{ending}",
        f"Error against shots, {where}",
        f"Mean {metric} after the most adaptation steps {BAND}, by number of support points.",
        lambda: against_shots(comparison),
    )
    yield Picture(
        f"fitted-curves{ending}",
        f"Fitted curves, {where}",
        f"Predictions for the first {comparison.split} tasks, from before adaptation (light) to "
        "after the most steps (dark); the first seed of each learner, at the fewest shots.",
        lambda: fitted_curves(comparison, mine(results.curves)),
    )
    yield Picture(
        f"training-curves{ending}",
        f"Training curves, {where}",
        "Loss on training tasks as each learner logs it (thin: single seeds, thick: their mean); "
        "losses of different learners are not the same quantity.",
        lambda: training_curves(comparison, mine(results.history)),
    )
    yield Picture(
        f"score-against-spending{ending}",
        f"Score against spending, {where}",
        f"Mean {metric} after the most adaptation steps {BAND}, against the training tasks and the "
        "seconds that meta-training took; who spent the same stands side by side.",
        lambda: against_spending(comparison),
    )
