"""Every learner beside one named learner: how far apart, how surely, and how far from the goal."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.core.errors import UnknownName
from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.statistics import (
    Interval,
    Scores,
    estimate,
    holm,
    minimum_detectable,
    p_value,
    paired_difference,
    probability_of_improvement,
)

USUAL = "maml"


@dataclass(frozen=True)
class Pair:
    """One learner minus the one it is compared with; `p_holm` is adjusted for its whole table.

    Without a verdict (one seed, few groups) neither p nor what could be detected is a number.
    """

    difference: Interval
    p: float
    p_holm: float
    improvement: Interval
    detectable: float


@dataclass(frozen=True)
class Row:
    """A learner in a table of pairs: no pair where it isn't compared, no gap where none is known.

    A gap is of the trials that are there.
    """

    entrant: Entrant
    pair: Pair | None
    gap: Interval | None


@dataclass(frozen=True)
class Rows:
    """All learners of one table, and the one they are compared with."""

    baseline: Entrant
    rows: tuple[Row, ...]


def check_known(comparisons: tuple[Comparison, ...], against: str | None) -> None:
    """Refuse a name that no learner of the results has.

    Raises:
        UnknownName: it is not None, and nobody's.
    """
    known = {it.label for comparison in comparisons for it in comparison.entrants}
    if against is not None and against not in known:
        raise UnknownName("learner", against, known, "--against")


def baseline_of(comparison: Comparison, group: Group, against: str | None = None) -> Entrant | None:
    """Whom the others are compared with: only ever a learner all of whose trials are done.

    It is `against` where one is named. Else the first that the matrix names `maml`, whatever its
    label; without it, the best at the most steps of the contenders other than REML; without those,
    the first learner of the matrix that is no control, and if all are controls, the first.
    Privileged ones are taken only by name. None where there is no such learner, or nobody else that
    could be compared with it.
    """
    whole = [
        it
        for it in comparison.entrants
        if it.complete and (it.label, comparison.metric) in group.ends
    ]
    fair = [it for it in whole if not it.privileged]
    if against is not None:
        chosen = [it for it in whole if it.label == against]
    else:
        sign = -1 if higher_is_better(comparison.metric) else 1
        chosen = [it for it in fair if it.learner == USUAL][:1] or sorted(
            (it for it in fair if it.role == "baseline"),
            key=lambda it: sign * group.ends[it.label, comparison.metric].mean.value,
        )
        chosen = chosen or sorted(fair, key=lambda it: it.is_control)
    if not chosen or not any(it is not chosen[0] for it in fair):
        return None
    return chosen[0]


def has_pairs(comparisons: tuple[Comparison, ...], against: str | None = None) -> bool:
    """Whether anybody is compared with anybody."""
    return any(
        baseline_of(comparison, group, against) is not None
        for comparison in comparisons
        for group in comparison.groups
    )


def paired(comparison: Comparison, group: Group, against: str | None = None) -> Rows | None:
    """All learners beside `baseline_of` the group; None where there is nothing to compare.

    The tables of one folder share what is computed here.
    """
    baseline = baseline_of(comparison, group, against)
    if baseline is None:
        return None
    if baseline.label not in group.made:
        pairs, gaps = _pairs(comparison, group, baseline), _gaps(comparison, group)
        rows = (Row(it, pairs.get(it.label), gaps.get(it.label)) for it in comparison.entrants)
        group.made[baseline.label] = Rows(baseline, tuple(rows))
    made: Rows = group.made[baseline.label]
    return made


def shortfall(comparison: Comparison, group: Group) -> dict[str, Scores]:
    """By learner, how much of the way from a constant guess to no error is left on each task.

    From 0 to 1: the NMSE of regression, or the error of classification divided by that of
    guessing, no more than 1. Its mean is the optimality gap of Agarwal et al. (2021) for the score
    1 − shortfall, with the target 1. Nothing for metrics of which it isn't known what a guess gets.
    """
    ways = comparison.ways
    metric = "nmse" if ways is None else comparison.metric
    return {
        label: it.like(
            np.minimum(1.0, it.values if ways is None else (1 - it.values) / (1 - 1 / ways))
        )
        for (label, name), end in group.ends.items()
        if name == metric
        for it in [end.scores]
    }


def _pairs(comparison: Comparison, group: Group, baseline: Entrant) -> dict[str, Pair]:
    metric = comparison.metric
    ends = {
        it.label: group.ends[it.label, metric]
        for it in comparison.entrants
        if it.complete
        and not it.privileged
        and it.label != baseline.label
        and (it.label, metric) in group.ends
    }
    other = group.ends[baseline.label, metric]
    differences = {label: paired_difference(end.mean, other.mean) for label, end in ends.items()}
    p = {label: p_value(difference) for label, difference in differences.items()}
    adjusted = holm(p)
    higher = higher_is_better(metric)
    improvements = {
        label: probability_of_improvement(end.scores, other.scores, higher)
        for label, end in ends.items()
    }
    return {
        label: Pair(
            difference.interval,
            p[label],
            adjusted[label],
            improvements[label].interval,
            minimum_detectable(difference),
        )
        for label, difference in differences.items()
    }


def _gaps(comparison: Comparison, group: Group) -> Mapping[str, Interval]:
    return {
        label: estimate(it, within=(0.0, 1.0)).interval
        for label, it in shortfall(comparison, group).items()
    }
