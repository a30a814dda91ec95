"""An average over seeds × tasks with an interval that allows for few seeds and for grouped tasks.

Scores are y = μ + seed + group + task + (seed × group) + noise, seeds crossed with tasks, tasks
nested in groups. Let v_G be the variance of the mean that the differences between groups tell of,
v_S that which the differences between seeds tell of, and v_SG that which the interaction alone
would make either of them (the three sums of squares of multiway clustering; Cameron, Gelbach &
Miller, 2011, "Robust Inference With Multiway Clustering"). The variance of the mean is

    V = v_G + v_S    where v_S is more than interaction makes it in a third of all cases,
    V = v_G          else,

and its interval is ± (t_G v_G + t_S v_S) / √V, the average of the quantiles t of groups − 1 and
seeds − 1 degrees of freedom (Cochran, 1964, "Approximate Significance Levels of the Behrens-Fisher
Test", Biometrics 20). Chosen by simulation: see `simulation`, and docs/statistics.md.

Statistics that are no means (interquartile mean, probability of improvement) are brought to that
form by their influence functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from benchmarks.bare import bare
from benchmarks.report.statistics.clusters import Clusters
from benchmarks.report.statistics.scores import (
    LEVEL,
    Grounds,
    Interval,
    Scores,
    interquartile_mean,
)

with bare("scipy.special", forget=False):  # all of it takes longer than the statistics of a report
    from scipy.special._ufuncs import fdtri, stdtrit

CHANCE = 1 / 3
"""How often interaction alone may leave a variance between seeds uncounted."""
ROUNDING = 4 * np.finfo(float).eps
"""Standard errors below this share of the scores are what sums are rounded by."""
Range = tuple[float, float]
ANY: Range = (-np.inf, np.inf)


class Part(NamedTuple):
    """A share of a statistic's variance, and the degrees of freedom that it is known with.

    Of many statistics at once, the variance is an array.
    """

    variance: Any
    freedom: float


@dataclass(frozen=True)
class Estimate:
    """A statistic, and the scores whose mean varies as it does.

    Attributes:
        value: the statistic.
        rows: by seeds, scores or influences; their means over seeds add up task by task.
        clusters: of the tasks.
        within: the values that the statistic can have.
        others: shares of its variance that come of other tasks.
        grounds: the fewest seeds and groups that anything in it rests on.
    """

    value: float
    rows: Mapping[tuple[int, ...], Float[np.ndarray, "seeds tasks"]]
    clusters: Clusters
    grounds: Grounds
    within: Range = ANY
    others: tuple[Part, ...] = field(default=(), repr=False)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Empty where there is one group alone: nothing tells then how groups differ."""
        if self.grounds.groups < 2:
            return ()
        means = [self.clusters.means(rows) for rows in self.rows.values()]
        by_group = np.sum([it.mean(axis=0) for it in means], axis=0)
        groups = float(of_groups(by_group, self.clusters))
        rounding = (ROUNDING * max(abs(it).max() for it in means)) ** 2
        seeds = [of_seeds(it, self.clusters) for it in means if len(it) > 1]
        return (
            Part(groups if groups > rounding else 0.0, self.clusters.freedom),
            *(Part(float(it.variance), it.freedom) for it in seeds if it.variance > rounding),
            *self.others,
        )

    @property
    def variance(self) -> float:
        return sum(part.variance for part in self.parts)

    def reach(self, level: float = LEVEL) -> float:
        """How far the interval goes to either side; not a number where there can be none."""
        return _reach(self.parts, level)

    def reach_with(self, seeds: float, groups: float) -> float:
        """How far it might go with so many times the seeds and groups: variances fall as 1 / n."""
        if not self.parts:
            return float("nan")
        times = [groups, *(seeds for _ in self.parts[1:])]
        there = [self.grounds.groups, *(self.grounds.seeds for _ in self.parts[1:])]
        return _reach(
            [
                Part(part.variance / more, part.freedom * (n * more - 1) / (n - 1))
                for part, more, n in zip(self.parts, times, there, strict=True)
            ]
        )

    @cached_property
    def interval(self) -> Interval:
        return self.around(self.reach())

    def around(self, reach: float) -> Interval:
        """The interval that goes so far to either side, no further than values can be."""
        lowest, highest = self.within
        if np.isnan(reach):
            return Interval(self.value, reach, reach)
        low, high = max(lowest, self.value - reach), min(highest, self.value + reach)
        return Interval(self.value, min(low, self.value), max(high, self.value))


@dataclass(frozen=True)
class Summary:
    """What is reported of one cell; `seeds` and `tasks` are those that were really there."""

    mean: Estimate
    iqm: Estimate
    seeds: int
    tasks: int


def estimate(
    scores: Scores,
    value: float | None = None,
    influence: Float[np.ndarray, "seeds tasks"] | None = None,
    within: Range = ANY,
) -> Estimate:
    """The mean of the scores, or another statistic with its influence function."""
    return Estimate(
        float(scores.values.mean()) if value is None else value,
        {scores.seeds: scores.values if influence is None else influence},
        scores.clusters,
        Grounds(len(scores.seeds), scores.clusters.groups),
        within,
    )


def summary(scores: Scores, within: Range = ANY) -> Summary:
    """Mean and interquartile mean.

    The influence of a score on a mean of which n − 2c of n are kept is that score, moved to the
    nearest that is kept, times n / (n − 2c) (Huber & Ronchetti, 2009, "Robust Statistics", 3.3).
    """
    ranked = np.sort(scores.values, axis=None)
    n, cut = ranked.size, ranked.size // 4
    moved = np.clip(scores.values, ranked[cut], ranked[n - cut - 1])
    iqm = interquartile_mean(scores.values)
    return Summary(
        mean=estimate(scores, within=within),
        iqm=estimate(scores, iqm, moved * (n / (n - 2 * cut)), within),
        seeds=len(scores.seeds),
        tasks=scores.values.shape[1],
    )


def paired_difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` − `second` on the same tasks: per task, and per seed where the seeds are the same.

    Raises:
        ValueError: the tasks are not as many, or grouped otherwise.
    """
    ours, theirs = first.clusters, second.clusters
    if ours is not theirs and not (
        np.array_equal(ours.group, theirs.group) and np.array_equal(ours.fold, theirs.fold)
    ):
        raise ValueError(
            f"expected the same tasks, got {len(ours.group)} in {ours.groups} groups and "
            f"{len(theirs.group)} in {theirs.groups}"
        )
    rows = dict(first.rows)
    for seeds, values in second.rows.items():
        rows[seeds] = rows[seeds] - values if seeds in rows else -values
    return Estimate(
        first.value - second.value,
        rows,
        ours,
        _fewest(first, second),
        others=(*first.others, *second.others),
    )


def unpaired_difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` − `second` where the tasks are others: the variances add up."""
    return Estimate(
        first.value - second.value,
        first.rows,
        first.clusters,
        _fewest(first, second),
        others=(*first.others, *second.parts),
    )


def _reach(parts: Sequence[Part], level: float = LEVEL) -> float:
    variance = sum(part.variance for part in parts)
    if not parts:
        return float("nan")
    if variance == 0:
        return 0.0
    weighted = sum(it.variance * quantile(it.freedom, level) for it in parts)
    return float(weighted / np.sqrt(variance))


def _fewest(first: Estimate, second: Estimate) -> Grounds:
    return Grounds(*map(min, zip(first.grounds, second.grounds, strict=True)))


def of_groups(means: Float[np.ndarray, "*many groups"], clusters: Clusters) -> Any:
    """What the differences between groups tell of the variance."""
    apart = means - (means @ clusters.weights)[..., None]
    return clusters.correction * ((clusters.weights * apart) ** 2).sum(-1)


def of_seeds(means: Float[np.ndarray, "*many seeds groups"], clusters: Clusters) -> Part:
    """What the trainings add to the variance, beyond what the groups show of it.

    With folds, each seed has one training a fold. The variance has the leading axes of the means.
    """
    n, w, folds = means.shape[-2], clusters.weights, clusters.fold_weights
    apart = means - means.mean(axis=-2, keepdims=True)
    weighted, alone = apart * w, len(folds) == 1
    in_fold = [weighted if alone else weighted[..., it] for it in clusters.of_folds]
    by_fold = np.stack([it.sum(-1) for it in in_fold], -1)
    variance = (by_fold**2).sum((-2, -1)) / (n * (n - 1))
    freedom = (n - 1) * float((folds @ folds) ** 2 / (folds**2 @ folds**2))
    left = apart - (by_fold / folds if alone else (by_fold / folds)[..., clusters.fold])
    squares = clusters.fold_corrections * (w * left) ** 2
    interaction = squares.sum((-2, -1)) / (n * (n - 1))
    within = max(1, clusters.groups - clusters.folds)
    counted = variance > _chance(freedom, freedom * within) * interaction
    share = max(0.0, 1 - clusters.seen)
    return Part(share * variance * (counted & (share > 1e-9)), freedom)


@lru_cache(maxsize=10_000)
def _chance(freedom: float, others: float) -> float:
    return float(fdtri(freedom, others, CHANCE))


@lru_cache(maxsize=100_000)
def quantile(freedom: float, level: float) -> float:
    return float(stdtrit(freedom, (1 + level) / 2))
