"""Intervals of many statistics of the same tasks at once: a hundred times as fast as one by one."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.report.statistics.clusters import Clusters
from benchmarks.report.statistics.estimate import (
    ROUNDING,
    Estimate,
    Part,
    of_groups,
    of_seeds,
    quantile,
)
from benchmarks.report.statistics.scores import LEVEL, Interval

MOST = 200_000
"""Scores that are looked at together."""


def intervals(estimates: Sequence[Estimate]) -> list[Interval]:
    """The `interval` of each."""
    alike: dict[tuple[int, tuple[int, ...]], list[int]] = {}
    for place, it in enumerate(estimates):
        if len(it.rows) == 1 and not it.others and it.grounds.groups > 1:
            alike.setdefault((id(it.clusters), _rows(it).shape), []).append(place)
    reach: dict[int, float] = {}
    for (_, (seeds, tasks)), places in alike.items():
        n = max(1, MOST // (seeds * tasks))
        for some in (places[start : start + n] for start in range(0, len(places), n)):
            rows = np.stack([_rows(estimates[it]) for it in some])
            found = _reaches(rows, estimates[some[0]].clusters)
            reach |= zip(some, found.tolist(), strict=True)
    return [
        it.around(reach[place]) if place in reach else it.interval
        for place, it in enumerate(estimates)
    ]


def shares(
    reached: Bool[np.ndarray, "many seeds tasks"], clusters: Clusters
) -> Float[np.ndarray, "3 many"]:
    """Of each of many statistics, the share of what is true: value, low and high.

    The same as an `estimate` of each within 0 and 1.
    """
    value = reached.mean((1, 2))
    if clusters.groups < 2:
        return np.stack([value, np.full_like(value, np.nan), np.full_like(value, np.nan)])
    reach = _reaches(reached.astype(float), clusters)
    return np.stack([value, (value - reach).clip(0), (value + reach).clip(max=1)])


def _rows(it: Estimate) -> Float[np.ndarray, "seeds tasks"]:
    return next(iter(it.rows.values()))


def _reaches(
    rows: Float[np.ndarray, "many seeds tasks"], clusters: Clusters
) -> Float[np.ndarray, " many"]:
    """How far the interval of each goes to either side, as `Estimate.reach` has it."""
    means = clusters.means(rows.reshape(-1, rows.shape[2])).reshape(*rows.shape[:2], -1)
    parts = [Part(of_groups(means.mean(1), clusters), clusters.freedom)]
    if rows.shape[1] > 1:
        parts.append(of_seeds(means, clusters))
    rounding = (ROUNDING * np.abs(means).reshape(len(rows), -1).max(1)) ** 2
    variances = [np.where(it.variance > rounding, it.variance, 0.0) for it in parts]
    weighted = sum(
        variance * quantile(part.freedom, LEVEL)
        for variance, part in zip(variances, parts, strict=True)
    )
    deviation = np.sqrt(sum(variances))
    return np.divide(weighted, deviation, out=np.zeros(len(rows)), where=deviation > 0)
