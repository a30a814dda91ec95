"""Performance profiles: which share of all scores is at least so good."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks.report.statistics.scores import Scores
from benchmarks.report.statistics.together import shares


@dataclass(frozen=True)
class Profile:
    """The share of seeds × tasks that are at least as good as each threshold, with its band.

    The band is pointwise: 95 % at each threshold, not for the whole curve at once.
    """

    share: Float[np.ndarray, " thresholds"]
    low: Float[np.ndarray, " thresholds"]
    high: Float[np.ndarray, " thresholds"]


def performance_profile(
    scores: Scores, thresholds: Float[np.ndarray, " thresholds"], higher_is_better: bool = False
) -> Profile:
    """The score distribution of Agarwal et al. (2021, section 4.2).

    At a threshold τ: the share of scores ≤ τ; where higher is better, of scores ≥ τ.
    """
    at = thresholds[:, None, None]
    reached = scores.values >= at if higher_is_better else scores.values <= at
    return Profile(*shares(reached, scores.clusters))
