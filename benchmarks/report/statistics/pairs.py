"""Two learners on the same tasks: how far apart they are, and how surely.

All of it follows from the resamples of one nested bootstrap, so that a difference, its interval,
its p-value and the effect that could have been seen never contradict each other. They share its
weakness, too: with few seeds all of them are too sure (see `bootstrap`).
"""

from collections.abc import Mapping

import numpy as np
import scipy.stats
from jaxtyping import Float

from benchmarks.report.statistics.resampling import Key, draws
from benchmarks.report.statistics.scores import LEVEL, RESAMPLES, Estimate, Scores

POWER = 0.8


def paired_difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` − `second`, paired per task.

    Both must come from one call of `bootstrap`, or from calls with generators in the same state.
    """
    return Estimate(first.value - second.value, first.draws - second.draws)


def p_value(difference: Estimate) -> float:
    """The two-sided bootstrap p-value of no difference.

    Twice the share of resamples on the rarer side of 0 (those at 0 count on both), with one more
    resample on that side, so that it is never 0 (Davison & Hinkley, 1997, "Bootstrap Methods and
    their Application", chapter 4): about the level at which the percentile interval would just
    reach 0. It cannot be below 2 / (resamples + 1).
    """
    below, above = (difference.draws <= 0).sum(), (difference.draws >= 0).sum()
    return min(1.0, 2.0 * (1 + int(min(below, above))) / (1 + difference.draws.size))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """P-values adjusted so that any false one among them has 5 % at 0.05 (Holm, 1979).

    Of m, the smallest is multiplied by m, the next by m − 1, and so on; none becomes smaller than
    one before it, or greater than 1.
    """
    adjusted: dict[Key, float] = {}
    least = 0.0
    for rank, key in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[key]))
        adjusted[key] = least
    return {key: adjusted[key] for key in p_values}


def minimum_detectable(difference: Estimate) -> float:
    """The smallest true difference that would have been told from 0 with 80 % power at 5 %.

    (z₀.₉₇₅ + z₀.₈) ≈ 2.80 times the standard deviation of the resampled differences: a two-sided
    test of a normal estimate with that standard error, without Holm's correction. It is about
    these seeds and tasks, and does not depend on the difference that was found.
    """
    z = float(scipy.stats.norm.ppf((1 + LEVEL) / 2)) + float(scipy.stats.norm.ppf(POWER))
    return z * float(difference.draws.std(ddof=1))


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


def probabilities_of_improvement(
    scores: Mapping[Key, Scores],
    baseline: Scores,
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    higher_is_better: bool = False,
) -> dict[Key, Estimate]:
    """How likely each is better than the baseline, with the resamples of `bootstrap`.

    Raises:
        ValueError: somebody's number of tasks differs.
    """
    cells = [*scores.values(), baseline]
    found: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    better = {}
    for draw in draws(cells, generator, resamples):
        task_counts = draw.tasks.astype(np.float64)
        for key, cell in scores.items():
            if key not in better:
                better[key] = improvement(cell.values, baseline.values, higher_is_better)
            by_pair = better[key].reshape(-1, len(task_counts)) @ task_counts
            pairs = draw.seeds[cell.seeds][:, None] * draw.seeds[baseline.seeds][None]
            weighted = np.einsum("pr,pr->r", by_pair, pairs.reshape(by_pair.shape))
            found[key].append(weighted / better[key].size)
    return {key: Estimate(float(better[key].mean()), np.concatenate(found[key])) for key in scores}
