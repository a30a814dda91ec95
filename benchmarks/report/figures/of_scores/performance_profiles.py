"""Performance profiles: the share of seeds × tasks at least so good, one panel a shots."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.report.figures.drawing.legends import legend, legend_width
from benchmarks.report.figures.drawing.look import scaled
from benchmarks.report.figures.drawing.style import (
    Style,
    fit_scale,
    panels,
    percent_axis,
    styles,
)
from benchmarks.report.figures.view import Picture, View
from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.stops import heading
from benchmarks.report.scores.wording import setting
from benchmarks.report.statistics import Profile, Scores, performance_profile

PLACE = 40
PANEL = 3.3
THRESHOLDS = 121
TAILS = (0.01, 0.99)
"""The axis goes from where any learner's scores begin to where they end, but for these."""
DECADES = 6


def pictures(view: View) -> Iterator[Picture]:
    metric = profiled(view.comparison)
    reach = f"{metric} of at least" if higher_is_better(metric) else f"{metric.upper()} of at most"
    if _drawn(view.comparison):
        yield view.picture(
            "performance-profiles",
            "Performance profiles",
            f"The share of seeds × tasks with {reach} τ where verdicts are (at the chosen step, "
            f"else after the most), {view.band} at each τ: at any τ the higher curve is the "
            "better.",
            lambda: profiles(view.comparison),
        )


def profiled(comparison: Comparison) -> str:
    """What is compared with the threshold: NMSE where there is one, as its tasks are comparable."""
    there = {metric for group in comparison.groups for metric in group.metrics}
    return "nmse" if comparison.ways is None and "nmse" in there else comparison.metric


def profiles(comparison: Comparison) -> Figure:
    metric, groups, drawn = profiled(comparison), comparison.groups, _drawn(comparison)
    chosen = styles(comparison.entrants)
    thresholds = _thresholds(comparison, metric, drawn)
    figure, axes = panels(
        1, len(groups), PANEL * len(groups) + legend_width(drawn), 3.3, sharey=True
    )
    for group, ax in zip(groups, axes[0], strict=True):
        for label, scores in _scores(group, metric, drawn).items():
            profile = performance_profile(scores, thresholds, higher_is_better(metric))
            _curve(ax, thresholds, profile, chosen[label])
        ax.set_title(f"{setting(comparison, group.shots)}, {heading(group.decisive(metric))}")
        if higher_is_better(metric):
            percent_axis(ax.xaxis)
        else:
            fit_scale(ax.xaxis, ax, thresholds)
        ax.set_xlim(thresholds[0], thresholds[-1])
        name = "NMSE" if metric == "nmse" else comparison.metrics.called(metric)
        ax.set_xlabel(f"τ: {name}")
    axes[0][0].set_ylim(-0.02, 1.02)
    percent_axis(axes[0][0].yaxis)
    axes[0][0].set_ylabel(f"% of seeds × tasks {'≥' if higher_is_better(metric) else '≤'} τ")
    legend(figure, drawn, chosen)
    return figure


def _drawn(comparison: Comparison) -> list[Entrant]:
    metric, groups = profiled(comparison), comparison.groups
    return [
        it
        for it in comparison.entrants
        if any((it.label, metric) in group.ends for group in groups)
    ]


def _scores(group: Group, metric: str, drawn: list[Entrant]) -> dict[str, Scores]:
    return {
        it.label: group.ends[it.label, metric].scores
        for it in drawn
        if (it.label, metric) in group.ends
    }


def _thresholds(
    comparison: Comparison, metric: str, drawn: list[Entrant]
) -> Float[np.ndarray, " thresholds"]:
    """Where the curves rise: evenly spaced on a log axis for errors, from 0 to 1 for accuracy."""
    if higher_is_better(metric):
        return np.linspace(0, 1, THRESHOLDS)
    fair = [it for it in drawn if not it.privileged] or drawn
    ends = np.array(
        [
            np.quantile(scores.values, TAILS)
            for group in comparison.groups
            for scores in _scores(group, metric, fair).values()
        ]
    )
    high = max(float(ends[:, 1].max()), np.finfo(float).tiny)
    low = max(float(ends[:, 0].min()), high / 10**DECADES)
    return np.geomspace(min(low, high / 2), high, THRESHOLDS)


def _curve(
    ax: Axes, thresholds: Float[np.ndarray, " thresholds"], profile: Profile, style: Style
) -> None:
    ax.fill_between(
        thresholds,
        profile.low,
        profile.high,
        color=style.colour,
        alpha=0.18,
        linewidth=0,
        zorder=1.5,
    )
    ax.plot(
        thresholds,
        profile.share,
        color=style.colour,
        linestyle=style.line,
        linewidth=scaled(style.width),
        marker=style.marker,
        markevery=THRESHOLDS // 8,
        markersize=scaled(4.5),
        markeredgecolor="white",
        markeredgewidth=scaled(0.6),
        zorder=style.order,
    )
