"""Means and interquartile means of seeds × tasks, with nested bootstrap intervals.

One resample draws seeds with replacement and then tasks with replacement. All learners meet the
same test tasks whatever their seed, so the tasks of one resample are the same for all seeds and
all learners: a hard task stays hard for everybody, and differences are paired per task.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Int

from benchmarks.core import seed_of

RESAMPLES = 5_000
LEVEL = 0.95
FEW_SEEDS = 10
"""Below this many seeds a nested bootstrap interval is plainly too narrow; see `bootstrap`."""
SCORES_AT_ONCE = 100_000
CHUNK = 128

Key = TypeVar("Key", bound=Hashable)


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


def interquartile_mean(values: Float[np.ndarray, "..."]) -> float:
    """The mean of what is left when the lowest and the highest quarter are cut off.

    Of n values, ⌊n / 4⌋ go at either end, as in `scipy.stats.trim_mean(values, 0.25)`.
    """
    ranked = np.sort(values, axis=None)
    cut = ranked.size // 4
    return float(ranked[cut : ranked.size - cut].mean())


def bootstrap(
    scores: Mapping[Key, Scores], generator: np.random.Generator, resamples: int = RESAMPLES
) -> dict[Key, Summary]:
    """Summarise several learners or step counts on the same tasks, all with the same resamples.

    Learners with the same seeds have their seeds resampled jointly (the same seed means the same
    training tasks), others independently. What comes out for one key depends on the generator and
    on its own scores, not on the other keys.

    The intervals are percentile intervals. With one seed they tell how much the score depends on
    the choice of test tasks and nothing about training again. With few seeds they are too narrow:
    resampling two seeds can only see the two. Where only the seeds differ, the 95 % interval
    covers the truth about 50 % of the time with 2 seeds, 80 % with 4 and 90 % with 10; the
    more of the variation comes from the tasks, the less this matters.

    Args:
        scores: By key, what to summarise; the tasks are the same everywhere.
        generator: One number is drawn from it, from which every resample follows.
        resamples: How many resamples.

    Raises:
        ValueError: the keys differ in their number of tasks.
    """
    tasks = {cell.values.shape[1] for cell in scores.values()}
    if len(tasks) > 1:
        raise ValueError(f"expected the same tasks everywhere, got {sorted(tasks)} tasks")
    base = int(generator.integers(2**63))
    means: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    iqms: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    ranked = {key: _Ranked.of(cell) for key, cell in scores.items()}
    widest = max((cell.values.size for cell in scores.values()), default=1)
    chunk = max(8, min(CHUNK, SCORES_AT_ONCE // widest))
    seeds = {cell.seeds for cell in scores.values()}
    streams = {ids: np.random.default_rng(seed_of(base, "seeds", *ids)) for ids in seeds}
    task_stream = np.random.default_rng(seed_of(base, "tasks"))
    for size in _sizes(resamples, chunk):
        task_counts = _counts(max(tasks, default=1), size, task_stream)
        seed_counts = {ids: _counts(len(ids), size, stream) for ids, stream in streams.items()}
        for key, cell in scores.items():
            means[key].append(_means(cell.values, seed_counts[cell.seeds], task_counts))
            iqms[key].append(ranked[key].iqms(seed_counts[cell.seeds], task_counts))
    return {
        key: Summary(
            mean=Estimate(float(cell.values.mean()), np.concatenate(means[key])),
            iqm=Estimate(interquartile_mean(cell.values), np.concatenate(iqms[key])),
            seeds=len(cell.seeds),
            tasks=cell.values.shape[1],
        )
        for key, cell in scores.items()
    }


def paired_difference(first: Estimate, second: Estimate) -> Estimate:
    """`first` − `second`, paired per task.

    Both must come from one call of `bootstrap`, or from calls with generators in the same state.
    """
    return Estimate(first.value - second.value, first.draws - second.draws)


def _sizes(total: int, chunk: int) -> Iterator[int]:
    for start in range(0, total, chunk):
        yield min(chunk, total - start)


def _counts(
    n: int, resamples: int, generator: np.random.Generator
) -> Int[np.ndarray, "n resamples"]:
    """How often each of n things is drawn when n are drawn with replacement."""
    picks = generator.integers(n, size=(resamples, n))
    picks += n * np.arange(resamples)[:, None]
    counts = np.bincount(picks.ravel(), minlength=n * resamples).reshape(resamples, n)
    return np.ascontiguousarray(counts.T, dtype=np.int32)


def _means(
    values: Float[np.ndarray, "seeds tasks"],
    seed_counts: Int[np.ndarray, "seeds resamples"],
    task_counts: Int[np.ndarray, "tasks resamples"],
) -> Float[np.ndarray, " resamples"]:
    by_task = values.T @ seed_counts.astype(np.float64)
    return np.einsum("tr,tr->r", by_task, task_counts) / values.size


@dataclass(frozen=True)
class _Ranked:
    """Scores in ascending order, each with its seed and task: resamples need no further sorting."""

    values: Float[np.ndarray, " scores"]
    seed: Int[np.ndarray, " scores"]
    task: Int[np.ndarray, " scores"]

    @classmethod
    def of(cls, cell: Scores) -> "_Ranked":
        order = np.argsort(cell.values, axis=None, kind="stable")
        seed, task = np.divmod(order, cell.values.shape[1])
        return cls(cell.values.ravel()[order], seed, task)

    def iqms(
        self,
        seed_counts: Int[np.ndarray, "seeds resamples"],
        task_counts: Int[np.ndarray, "tasks resamples"],
    ) -> Float[np.ndarray, " resamples"]:
        """A score counts as often as its seed times its task is drawn, cut to the middle half."""
        n = self.values.size
        cut = n // 4
        times = task_counts[self.task]
        times *= seed_counts[self.seed]
        rank = np.cumsum(times, axis=0, out=times)
        np.clip(rank, cut, n - cut, out=rank)
        kept = (rank[1:] - rank[:-1]).astype(np.float64)
        total = self.values[1:] @ kept + self.values[0] * (rank[0] - cut)
        return total / (n - 2 * cut)
