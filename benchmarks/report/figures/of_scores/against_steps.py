"""Mean score over adaptation steps with 95 % bands, one panel a number of shots."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.marks import (
    MANY_STEPS,
    PANEL,
    band,
    drawn_at,
    score_axis,
    scored,
)
from benchmarks.report.figures.drawing.style import (
    panels,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.wording import setting

PLACE = 20


def pictures(view: View) -> Iterator[Picture]:
    if scored(view.comparison):
        yield view.picture(
            f"{view.score}-against-steps",
            f"{view.score.capitalize()} against adaptation steps",
            f"Mean {view.metric} after each number of adaptation steps {view.band}.",
            lambda: against_steps(view.comparison),
        )


def against_steps(comparison: Comparison) -> Figure:
    groups, drawn, metric = comparison.groups, scored(comparison), comparison.metric
    chosen = styles(comparison.entrants)
    figure, axes = panels(
        1, len(groups), PANEL * len(groups) + legend_width(drawn), PANEL, sharey=True
    )
    for group, ax in zip(groups, axes[0], strict=True):
        for entrant in drawn:
            line = [
                (steps, it)
                for steps in group.steps
                if (it := drawn_at(group, entrant, steps, metric)) is not None
            ]
            if line:
                band(
                    ax, [steps for steps, _ in line], [it for _, it in line], chosen[entrant.label]
                )
        ax.set_title(setting(comparison, group.shots))
        ax.set_xlabel("adaptation steps")
        if len(group.steps) <= MANY_STEPS:
            ax.set_xticks(group.steps)
    score_axis(comparison, axes[0][0], groups)
    legend(figure, drawn, chosen)
    return figure
