"""Two learners on the same tasks: how far apart they are, and how surely.

A difference, its interval, its p-value and the effect that could have been seen all follow from
the same shares of its variance, so that they never contradict each other.
"""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from benchmarks.report.statistics.estimate import Estimate
from benchmarks.report.statistics.scores import LEVEL, Grounds, Scores

Key = TypeVar("Key", bound=Hashable)
POWER = 0.8
SURELY = 1e-12
"""P-values are not told from 0 below this."""


def p_value(difference: Estimate) -> float:
    """The two-sided p-value of no difference: 1 − the level at which the interval just reaches 0.

    Not a number where there is no verdict: with one seed, or few groups.
    """
    if not difference.grounds.verdict or not difference.parts:
        return float("nan")
    distance = abs(difference.value)
    if difference.variance == 0 or distance == 0:
        return float(distance == 0)
    low, high = 0.0, 1.0  # bisection: the reach rises with the level, from 0 without bound
    while high - low > SURELY:
        middle = (low + high) / 2
        if difference.reach(1 - middle) > distance:
            low = middle
        else:
            high = middle
    return high


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """P-values adjusted so that any false one among them has 5 % at 0.05 (Holm, 1979).

    Of m, the smallest is multiplied by m, the next by m − 1, and so on; none becomes smaller than
    one before it, or greater than 1. What is not a number stays so, and counts as no comparison.
    """
    known = {key: p for key, p in p_values.items() if not np.isnan(p)}
    adjusted: dict[Key, float] = {}
    least = 0.0
    for rank, key in enumerate(sorted(known, key=lambda key: known[key])):
        least = max(least, min(1.0, (len(known) - rank) * known[key]))
        adjusted[key] = least
    return {key: adjusted.get(key, float("nan")) for key in p_values}


def minimum_detectable(difference: Estimate) -> float:
    """The smallest true difference that would have been told from 0 with 80 % power at 5 %.

    The reach of the 95 % interval and that of a one-sided 80 % one, without Holm's correction: with
    many seeds and groups (1.96 + 0.84) standard errors. It is about these seeds and tasks, and does
    not depend on the difference that was found. Not a number where there is no verdict.
    """
    if not difference.grounds.verdict:
        return float("nan")
    return difference.reach(LEVEL) + difference.reach(2 * POWER - 1)


def improvement(
    first: Float[np.ndarray, "seeds tasks"],
    second: Float[np.ndarray, "others tasks"],
    higher_is_better: bool = False,
) -> Float[np.ndarray, "seeds others tasks"]:
    """1 where a seed of the first beats a seed of the second on a task, ½ where they tie, else 0.

    Its mean is the probability of improvement (Agarwal et al., 2021, section 4.3): that the first
    is better than the second on a random task, each trained with a random seed.
    """
    sign = 1.0 if higher_is_better else -1.0
    return 0.5 + 0.5 * np.sign(sign * (first[:, None] - second[None]))


def probability_of_improvement(
    first: Scores, second: Scores, higher_is_better: bool = False
) -> Estimate:
    """How likely the first is better than the second, on the same tasks.

    The influence of a seed is what it wins against all of the other's on each task (Hájek's
    projection of this two-sample U-statistic).

    Raises:
        ValueError: the tasks are not as many.
    """
    if first.values.shape[1] != second.values.shape[1]:
        counts = sorted({first.values.shape[1], second.values.shape[1]})
        raise ValueError(f"expected the same tasks everywhere, got {counts} tasks")
    won = improvement(first.values, second.values, higher_is_better)
    mine, theirs = won.mean(axis=1), won.mean(axis=0) - won.mean(axis=(0, 1))
    if first.seeds == second.seeds:
        rows = {first.seeds: mine + theirs}
    else:
        rows = {first.seeds: mine, second.seeds: theirs}
    seeds = min(len(first.seeds), len(second.seeds))
    grounds = Grounds(seeds, first.clusters.groups)
    return Estimate(float(won.mean()), rows, first.clusters, grounds, (0.0, 1.0))
