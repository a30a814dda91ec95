"""What is averaged, and what an average is given with."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

RESAMPLES = 5_000
LEVEL = 0.95
FEW_SEEDS = 10
"""Below this many seeds a nested bootstrap interval is plainly too narrow; see `bootstrap`."""


@dataclass(frozen=True)
class Scores:
    """The scores of one learner on the test tasks, one row a seed.

    Raises:
        ValueError: there is nothing to average, a score is not finite, or the seeds are not as many
            as the rows.
    """

    values: Float[np.ndarray, "seeds tasks"]
    seeds: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise ValueError(f"expected scores of shape (seeds, tasks), got {self.values.shape}")
        if len(self.seeds) != len(self.values):
            raise ValueError(f"{len(self.values)} rows of scores but {len(self.seeds)} seeds")
        if not np.isfinite(self.values).all():
            raise ValueError("scores must be finite")


class Interval(NamedTuple):
    """A statistic and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """A statistic and the bootstrap replicates its interval comes from."""

    value: float
    draws: Float[np.ndarray, " resamples"]

    @property
    def interval(self) -> Interval:
        low, high = np.quantile(self.draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        return Interval(self.value, float(low), float(high))


@dataclass(frozen=True)
class Summary:
    """What is reported of one cell; `seeds` and `tasks` are those that were really there."""

    mean: Estimate
    iqm: Estimate
    seeds: int
    tasks: int


class Coverage(NamedTuple):
    """How many of the planned seeds a number rests on; `2 of 3` in words."""

    done: int
    planned: int

    @property
    def complete(self) -> bool:
        return self.done == self.planned

    @property
    def share(self) -> float:
        return self.done / self.planned

    def __str__(self) -> str:
        return f"{self.done} of {self.planned}"


def interquartile_mean(values: Float[np.ndarray, "..."]) -> float:
    """The mean of what is left when the lowest and the highest quarter are cut off.

    Of n values, ⌊n / 4⌋ go at either end, as in `scipy.stats.trim_mean(values, 0.25)`.
    """
    ranked = np.sort(values, axis=None)
    cut = ranked.size // 4
    return float(ranked[cut : ranked.size - cut].mean())


def optimality_gap(values: Float[np.ndarray, "..."], target: float = 1.0) -> float:
    """By how much normalised scores, of which more is better, fall short of `target` on average.

    What a score has above the target makes up for nothing (Agarwal et al., 2021, "Deep
    Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3).
    """
    return float(np.maximum(0.0, target - values).mean())
