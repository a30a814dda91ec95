"""What a module of this wing is given, and what it gives: a view of the scores, and pictures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.wording import ONE_SEED, meaning
from benchmarks.report.tables.compositions import Decided, decided
from benchmarks.report.tables.named_tasks import names_of

BAND = "with its 95 % interval"
MANY = 30
BEST = 12
DECIDED = "what was decided"


@dataclass(frozen=True)
class Picture:
    """One figure that can be drawn: its file name without ending, and what it shows."""

    stem: str
    title: str
    caption: str
    draw: Callable[[], Figure]
    of_training: bool = False


@dataclass(frozen=True)
class View:
    """One comparison as figures show it.

    Attributes:
        results: all of the folder.
        whole: the comparison with all its learners.
        ending: what tells its files from those of other comparisons.
    """

    results: Results
    whole: Comparison
    ending: str = ""
    made: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What its figures share, until the last of them is drawn."""

    @cached_property
    def comparison(self) -> Comparison:
        """With the best learners alone where nobody could tell so many lines apart."""
        return _legible(self.whole)

    @property
    def score(self) -> str:
        return "accuracy" if self.whole.ways is not None else "error"

    @property
    def metric(self) -> str:
        """The problem's own metric, as captions have it."""
        return self.whole.metric if self.whole.ways is not None else self.whole.metric.upper()

    @property
    def band(self) -> str:
        return band_of(self.comparison)

    def rows(self, table: str) -> pd.DataFrame:
        """What a table has of this comparison's trials that are done: `history`, `curves`, ..."""
        if table not in self.made:
            rows: pd.DataFrame = getattr(self.results, table)
            it, trials = self.whole, self.results.trials
            here = (rows["family"] == it.family) & (rows["protocol"] == it.protocol)
            failed = trials.loc[trials["status"] == "failed", "trial"]
            self.made[table] = rows[here & ~rows["trial"].isin(failed) if len(failed) else here]
        return self.made[table]

    def decided(self) -> list[Decided]:
        """What learners decided on its test tasks."""
        if DECIDED not in self.made:
            self.made[DECIDED] = decided(self.comparison, self.rows("diagnostics"))
        return self.made[DECIDED]

    def names(self, shots: int) -> Mapping[int, str]:
        """What the test tasks are called, by their number; empty where nobody says."""
        return names_of(self.results, self.whole, shots)

    def picture(
        self, stem: str, title: str, caption: str, draw: Callable[[], Figure], **more: Any
    ) -> Picture:
        """One that says itself which learners and families it is of."""
        those = ""
        if self.comparison is not self.whole:
            n, of = len(self.comparison.entrants), len(self.whole.entrants)
            those = f" Only the {n} best of {of} learners are shown."
        if told := meaning(self.whole):
            those += f" {told}"
        where = self.whole.title
        return Picture(
            f"{stem}{self.ending}", f"{title}, {where}", f"{caption}{those}", draw, **more
        )


@runtime_checkable
class FigureModule(Protocol):
    """A module that draws a comparison. It yields a picture where there is one to draw.

    Attributes:
        PLACE: where its pictures stand among those of other modules.
    """

    PLACE: int

    def pictures(self, view: View) -> Iterator[Picture]: ...


@runtime_checkable
class OverviewModule(Protocol):
    """A module whose pictures take several comparisons to be seen; they come last."""

    PLACE: int

    def overviews(self, views: Sequence[View]) -> Iterator[Picture]: ...


def band_of(comparison: Comparison) -> str:
    """What the bands and bars of a figure are."""
    seeds = {it.done for it in comparison.entrants if it.done}
    if seeds == {1}:
        return f"{BAND} ({ONE_SEED} of these weights: one seed)"
    return f"{BAND} (of these weights where there is one seed)" if 1 in seeds else BAND


def _legible(comparison: Comparison) -> Comparison:
    if len(comparison.entrants) <= MANY or not comparison.groups:
        return comparison
    group, metric = comparison.groups[0], comparison.metric
    sign = -1 if higher_is_better(metric) else 1
    scores = {
        label: sign * cell.mean.value
        for (label, steps, name), cell in group.cells.items()
        if (steps, name) == (group.steps[-1], metric)
    }
    best = sorted(scores, key=lambda label: scores[label])[:BEST]
    return replace(comparison, entrants=tuple(it for it in comparison.entrants if it.label in best))
