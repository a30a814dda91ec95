"""Mean score over shots at the most steps: lines where there are three or more, else points."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.marks import PANEL, band, bar, drawn_at, score_axis, scored
from benchmarks.report.figures.drawing.style import (
    panels,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.wording import plural

PLACE = 30


def pictures(view: View) -> Iterator[Picture]:
    if scored(view.comparison):
        each = " of each class" if view.comparison.ways is not None else ""
        yield view.picture(
            f"{view.score}-against-shots",
            f"{view.score.capitalize()} against shots",
            f"Mean {view.metric} after the most adaptation steps {view.band}, by number of support "
            f"points{each}.",
            lambda: against_shots(view.comparison),
        )


def against_shots(comparison: Comparison) -> Figure:
    groups, drawn = comparison.groups, scored(comparison)
    chosen = styles(comparison.entrants)
    lines = len(groups) > 2
    width = 4.2 if lines else 0.8 + max(2.6, len(groups) * max(1.2, 0.3 * len(drawn)))
    figure, axes = panels(1, 1, width + legend_width(drawn), PANEL)
    ax = axes[0][0]
    for rank, entrant in enumerate(drawn):
        points = [
            (place, it)
            for place, group in enumerate(groups)
            if (it := drawn_at(group, entrant, group.steps[-1], comparison.metric)) is not None
        ]
        style = chosen[entrant.label]
        if lines:
            band(ax, [groups[place].shots for place, _ in points], [it for _, it in points], style)
        else:
            shift = 0.7 * ((rank + 0.5) / len(drawn) - 0.5)
            for place, it in points:
                bar(ax, place + shift, it, style)
    if lines:
        ax.set_xticks([group.shots for group in groups])
    else:
        ax.set_xticks(range(len(groups)), [str(group.shots) for group in groups])
        ax.set_xlim(-0.5, len(groups) - 0.5)
        ax.grid(visible=False, axis="x")
        for edge in range(1, len(groups)):
            ax.axvline(edge - 0.5, color="#CCCCCC", linewidth=scaled(0.8))
    ax.set_xlabel(
        "shots" if comparison.ways is None else f"shots of each of {comparison.ways} classes"
    )
    *others, most = sorted({group.steps[-1] for group in groups})
    before = "".join(f"{steps} or " for steps in others)
    ax.set_title(f"after {before}{plural(most, 'adaptation step')}")
    score_axis(comparison, ax, groups, last_only=True)
    legend(figure, drawn, chosen)
    return figure
