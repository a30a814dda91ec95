"""By family tested on: how each learner does against scratch, one panel a number of shots."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import ZERO, cross, drawn_at
from benchmarks.report.figures.drawing.style import (
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.figures.view import Picture, View, band_of
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.wording import metric_name, setting, slug
from benchmarks.report.statistics import Interval

PLACE = 150
PANEL = 4.0
WIDTH = 0.7
"""The share of a family's place that its learners stand on."""


def overviews(views: Sequence[View]) -> Iterator[Picture]:
    for these in elsewhere([view.whole for view in views]):
        if _drawn(these):
            yield _picture(these)


def _picture(these: "Elsewhere") -> Picture:
    where = f"{these.family}, {these.protocol}"
    first = these.comparisons[0]
    how = "accuracy minus that from scratch" if first.ways else "log10 of error over scratch's"
    return Picture(
        f"against-scratch-{slug(where)}",
        f"Against scratch, {where}",
        f"Mean {how}, task by task, after the most adaptation steps {band_of(first)}: meta-trained "
        f"on {these.family}, tested on other families. At 0 meta-training made no difference; "
        f"{'above' if first.ways else 'below'} it helped.",
        lambda: against_scratch(these),
    )


@dataclass(frozen=True)
class Elsewhere:
    """The comparisons of one protocol that trained on the same family and were tested on others."""

    family: str
    protocol: str
    comparisons: tuple[Comparison, ...]


def elsewhere(comparisons: Sequence[Comparison]) -> Iterator[Elsewhere]:
    """Every protocol of that sort, in the order in which they come."""
    found: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for it in comparisons:
        if it.kind in ("unrelated", "transfer") and it.other and it.groups:
            found[it.family, it.protocol.removesuffix(f": {it.other}")].append(it)
    for (family, protocol), members in found.items():
        yield Elsewhere(family, protocol, tuple(members))


def _drawn(these: Elsewhere) -> list[Entrant]:
    first = these.comparisons[0]
    metric = first.gain("vs_scratch")
    return [
        it
        for it in first.entrants
        if any(_end(c, k, it, metric) for c in these.comparisons for k in _shots(these))
    ]


def _shots(these: Elsewhere) -> list[int]:
    return sorted({group.shots for it in these.comparisons for group in it.groups})


def against_scratch(these: Elsewhere) -> Figure:
    first = these.comparisons[0]
    entrants = first.entrants
    metric = first.gain("vs_scratch")
    shots = _shots(these)
    drawn = _drawn(these)
    chosen = styles(entrants)
    width = max(PANEL, 0.25 * len(drawn) * len(these.comparisons))
    figure, axes = panels(1, len(shots), width * len(shots) + legend_width(drawn), 3.6, sharey=True)
    for k, ax in zip(shots, axes[0], strict=True):
        ax.axhline(0, **ZERO)
        for place, comparison in enumerate(these.comparisons):
            for rank, entrant in enumerate(drawn):
                it = _end(comparison, k, entrant, metric)
                if it is not None:
                    x = place + WIDTH * ((rank + 0.5) / len(drawn) - 0.5)
                    cross(ax, Interval(x, x, x), it, chosen[entrant.label])
        places = range(len(these.comparisons))
        ax.set_xticks(places, [it.other for it in these.comparisons])
        ax.set_xlim(-0.5, len(places) - 0.5)
        ax.grid(visible=False, axis="x")
        ax.set_title(setting(first, k))
        ax.set_xlabel("tested on")
    axes[0][0].set_ylabel(metric_name(metric, first.problem))
    if first.ways is not None:
        percent_axis(axes[0][0].yaxis)
    legend(figure, drawn, chosen)
    return figure


def _end(comparison: Comparison, shots: int, entrant: Entrant, metric: str) -> Interval | None:
    group = next((it for it in comparison.groups if it.shots == shots), None)
    return None if group is None else drawn_at(group, entrant, group.steps[-1], metric)
