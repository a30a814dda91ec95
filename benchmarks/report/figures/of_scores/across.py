"""One metric by the family that was tested on, as a protocol declares, one panel for each k."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from benchmarks.core.declaration import Across
from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import ZERO, cross, drawn_at
from benchmarks.report.figures.drawing.style import (
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.figures.view import Picture, View, band_of
from benchmarks.report.scores.cells import Comparison, Entrant
from benchmarks.report.scores.metrics import of_accuracies
from benchmarks.report.scores.wording import said, setting, slug
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
    first, declared = these.comparisons[0], these.declared
    caption = declared.caption if first.ways is None else declared.of_accuracies
    return Picture(
        f"{declared.stem}-{slug(where)}",
        f"{declared.title}, {where}",
        said(caption, first, band=band_of(first)),
        lambda: draw_across(these),
    )


@dataclass(frozen=True)
class Elsewhere:
    """The comparisons of one protocol that trained on the same family and were tested on others."""

    family: str
    protocol: str
    declared: Across
    comparisons: tuple[Comparison, ...]

    @property
    def metric(self) -> str:
        return self.comparisons[0].metrics.stored(self.declared.metric)


def elsewhere(comparisons: Sequence[Comparison]) -> Iterator[Elsewhere]:
    """Every protocol of that sort, in the order in which they come."""
    found: dict[tuple[str, str, Across], list[Comparison]] = defaultdict(list)
    for it in comparisons:
        for declared in it.metrics.declared.across:
            if it.other and it.groups:
                found[it.family, it.protocol.removesuffix(f": {it.other}"), declared].append(it)
    for key, members in found.items():
        yield Elsewhere(*key, tuple(members))


def _drawn(these: Elsewhere) -> list[Entrant]:
    return [
        it
        for it in these.comparisons[0].entrants
        if any(_end(c, k, it, these.metric) for c in these.comparisons for k in _shots(these))
    ]


def _shots(these: Elsewhere) -> list[int]:
    return sorted({group.shots for it in these.comparisons for group in it.groups})


def draw_across(these: Elsewhere) -> Figure:
    first = these.comparisons[0]
    entrants = first.entrants
    metric = these.metric
    shots = _shots(these)
    drawn = _drawn(these)
    chosen = styles(entrants)
    width = max(PANEL, 0.25 * len(drawn) * len(these.comparisons))
    figure, axes = panels(1, len(shots), width * len(shots) + legend_width(drawn), 3.6, sharey=True)
    for k, ax in zip(shots, axes[0], strict=True):
        if first.metrics.around_zero(metric):
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
    axes[0][0].set_ylabel(first.metrics.called(metric))
    if of_accuracies(metric):
        percent_axis(axes[0][0].yaxis)
    legend(figure, drawn, chosen)
    return figure


def _end(comparison: Comparison, shots: int, entrant: Entrant, metric: str) -> Interval | None:
    group = next((it for it in comparison.groups if it.shots == shots), None)
    return None if group is None else drawn_at(group, entrant, group.steps[-1], metric)
