"""What is averaged, and what an average is given with."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from benchmarks.report.statistics.clusters import Clusters

LEVEL = 0.95
FEW_GROUPS = 6
"""With fewer groups of test tasks than this there is no verdict.

Of 5 groups that all favour one side, the exact sign-flip test has p = 2 / 2⁵ = 0.0625: no data
whatever could reach 5 %.
"""


class Grounds(NamedTuple):
    """What an interval rests on: trainings (seeds), and groups of test tasks."""

    seeds: int
    groups: int

    @property
    def verdict(self) -> bool:
        """Whether there is enough to say that two learners are told apart, or a p-value."""
        return self.seeds > 1 and self.groups >= FEW_GROUPS


@dataclass(frozen=True)
class Scores:
    """The scores of one learner on the test tasks, one row a seed.

    Attributes:
        values: the scores.
        seeds: a training's randomness each; those of equal seeds are paired.
        groups: what each task belongs to, whose tasks are alike; None where tasks are independent.
        folds: which training of a seed each task was scored by; None where there is one for all.
            All tasks of a group are of one fold.

    Raises:
        ValueError: there is nothing to average, a score is not finite, the seeds are not as many
            as the rows, groups or folds not as many as the tasks, or a group is in two folds.
    """

    values: Float[np.ndarray, "seeds tasks"]
    seeds: tuple[int, ...]
    groups: Sequence[int] | Sequence[str] | np.ndarray | None = None
    folds: Sequence[int] | Sequence[str] | np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise ValueError(f"expected scores of shape (seeds, tasks), got {self.values.shape}")
        if len(self.seeds) != len(self.values):
            raise ValueError(f"{len(self.values)} rows of scores but {len(self.seeds)} seeds")
        if not np.isfinite(self.values).all():
            raise ValueError("scores must be finite")
        _ = self.clusters

    @cached_property
    def clusters(self) -> Clusters:
        return Clusters.of(self.values.shape[1], self.groups, self.folds)

    def like(self, values: Float[np.ndarray, "seeds tasks"]) -> "Scores":
        """Other values of the same seeds and tasks."""
        return Scores(values, self.seeds, self.groups, self.folds)


class Interval(NamedTuple):
    """A statistic and its 95 % interval; the ends are not numbers where there can be none."""

    value: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.low) and np.isfinite(self.high))

    @property
    def drawn(self) -> "Interval":
        """The same, and where there can be no interval the value alone."""
        return self if self.known else Interval(self.value, self.value, self.value)

    @property
    def excludes_zero(self) -> bool:
        return self.known and not self.low <= 0 <= self.high


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
