"""Performance profiles: which share of all scores is at least so good."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmarks.report.statistics.resampling import Key, Ranked, Room, draws
from benchmarks.report.statistics.scores import LEVEL, RESAMPLES, Scores


@dataclass(frozen=True)
class Profile:
    """The share of seeds × tasks that are at least as good as each threshold, with its band.

    The band is pointwise: 95 % at each threshold, not for the whole curve at once.
    """

    share: Float[np.ndarray, " thresholds"]
    low: Float[np.ndarray, " thresholds"]
    high: Float[np.ndarray, " thresholds"]


def performance_profiles(
    scores: Mapping[Key, Scores],
    thresholds: Float[np.ndarray, " thresholds"],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    higher_is_better: bool = False,
) -> dict[Key, Profile]:
    """The score distributions of Agarwal et al. (2021, section 4.2), all with the same resamples.

    At a threshold τ: the share of scores ≤ τ; where higher is better, of scores ≥ τ.

    Raises:
        ValueError: the keys differ in their number of tasks.
    """
    side = "left" if higher_is_better else "right"
    ranked = {key: Ranked.of(cell) for key, cell in scores.items()}
    places = {
        key: np.searchsorted(it.values, thresholds, side=side)  # type: ignore[call-overload]
        for key, it in ranked.items()
    }
    found: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    room = Room()
    for draw in draws(scores.values(), generator, resamples):
        for key, cell in scores.items():
            ranks = ranked[key].ranks(draw.seeds[cell.seeds], draw.tasks, room)
            below = np.where((places[key] > 0)[:, None], ranks[places[key] - 1], 0)
            found[key].append(below / cell.values.size)
    return {
        key: _profile(places[key] / scores[key].values.size, found[key], higher_is_better)
        for key in scores
    }


def _profile(
    share: Float[np.ndarray, " thresholds"], chunks: list[np.ndarray], upward: bool
) -> Profile:
    low, high = np.quantile(
        np.concatenate(chunks, axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1
    )
    return Profile(1 - share, 1 - high, 1 - low) if upward else Profile(share, low, high)
