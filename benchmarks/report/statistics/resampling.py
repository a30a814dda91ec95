"""The nested bootstrap of seeds × tasks.

One resample draws seeds with replacement and then tasks with replacement. All learners meet the
same test tasks whatever their seed, so the tasks of one resample are the same for all seeds and
all learners: a hard task stays hard for everybody, and differences are paired per task.
"""

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Int

from benchmarks.core import seed_of
from benchmarks.report.statistics.scores import (
    RESAMPLES,
    Estimate,
    Scores,
    Summary,
    interquartile_mean,
)

SCORES_AT_ONCE = 100_000
CHUNK = 128

Key = TypeVar("Key", bound=Hashable)


class Draw(NamedTuple):
    """Some resamples: how often each task is drawn, and each seed of those with the same seeds."""

    tasks: Int[np.ndarray, "tasks resamples"]
    seeds: Mapping[tuple[int, ...], Int[np.ndarray, "seeds resamples"]]


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
    more of the variation comes from the tasks, the less this matters. What is neither a seed's nor
    a task's own but noise of each seed × task counts three times in their variance (Owen, 2007,
    "The pigeonhole bootstrap", Annals of Applied Statistics 1), so that where all is such noise
    they are √3 times too wide.

    Args:
        scores: By key, what to summarise; the tasks are the same everywhere.
        generator: One number is drawn from it, from which every resample follows.
        resamples: How many resamples.

    Raises:
        ValueError: the keys differ in their number of tasks.
    """
    means: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    iqms: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    ranked = {key: Ranked.of(cell) for key, cell in scores.items()}
    room = Room()
    for draw in draws(scores.values(), generator, resamples):
        for key, cell in scores.items():
            means[key].append(_means(cell.values, draw.seeds[cell.seeds], draw.tasks))
            iqms[key].append(ranked[key].iqms(draw.seeds[cell.seeds], draw.tasks, room))
    return {
        key: Summary(
            mean=Estimate(float(cell.values.mean()), np.concatenate(means[key])),
            iqm=Estimate(interquartile_mean(cell.values), np.concatenate(iqms[key])),
            seeds=len(cell.seeds),
            tasks=cell.values.shape[1],
        )
        for key, cell in scores.items()
    }


def bootstrap_means(
    scores: Mapping[Key, Scores], generator: np.random.Generator, resamples: int = RESAMPLES
) -> dict[Key, Estimate]:
    """The means of `bootstrap` alone, in a tenth of the time.

    Raises:
        ValueError: the keys differ in their number of tasks.
    """
    means: dict[Key, list[np.ndarray]] = {key: [] for key in scores}
    for draw in draws(scores.values(), generator, resamples):
        for key, cell in scores.items():
            means[key].append(_means(cell.values, draw.seeds[cell.seeds], draw.tasks))
    return {
        key: Estimate(float(cell.values.mean()), np.concatenate(means[key]))
        for key, cell in scores.items()
    }


def draws(
    scores: Collection[Scores], generator: np.random.Generator, resamples: int
) -> Iterator[Draw]:
    """All resamples, some at a time; generators in the same state give the same.

    Those with the same seeds get the same seeds. What one gets does not depend on the others.

    Raises:
        ValueError: they differ in their number of tasks.
    """
    tasks = {cell.values.shape[1] for cell in scores}
    if len(tasks) > 1:
        raise ValueError(f"expected the same tasks everywhere, got {sorted(tasks)} tasks")
    base = int(generator.integers(2**63))
    widest = max((cell.values.size for cell in scores), default=1)
    chunk = max(8, min(CHUNK, SCORES_AT_ONCE // widest))
    seeds = {cell.seeds for cell in scores}
    streams = {ids: np.random.default_rng(seed_of(base, "seeds", *ids)) for ids in seeds}
    task_stream = np.random.default_rng(seed_of(base, "tasks"))
    for size in _sizes(resamples, chunk):
        yield Draw(
            _counts(max(tasks, default=1), size, task_stream),
            {ids: _counts(len(ids), size, stream) for ids, stream in streams.items()},
        )


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


class Room:
    """Arrays to be used again and again: fresh memory costs more than the sums done in it."""

    def __init__(self) -> None:
        self._ints = [np.empty(0, np.int32), np.empty(0, np.int32)]
        self._floats = np.empty(0)

    def ints(self, which: int, shape: tuple[int, int]) -> Int[np.ndarray, "scores resamples"]:
        size = shape[0] * shape[1]
        if self._ints[which].size < size:
            self._ints[which] = np.empty(size, np.int32)
        return self._ints[which][:size].reshape(shape)

    def floats(self, shape: tuple[int, int]) -> Float[np.ndarray, "scores resamples"]:
        size = shape[0] * shape[1]
        if self._floats.size < size:
            self._floats = np.empty(size)
        return self._floats[:size].reshape(shape)


@dataclass(frozen=True)
class Ranked:
    """Scores in ascending order, each with its seed and task: resamples need no further sorting."""

    values: Float[np.ndarray, " scores"]
    seed: Int[np.ndarray, " scores"]
    task: Int[np.ndarray, " scores"]

    @classmethod
    def of(cls, cell: Scores) -> "Ranked":
        order = np.argsort(cell.values, axis=None, kind="stable")
        seed, task = np.divmod(order, cell.values.shape[1])
        return cls(cell.values.ravel()[order], seed, task)

    def ranks(
        self,
        seed_counts: Int[np.ndarray, "seeds resamples"],
        task_counts: Int[np.ndarray, "tasks resamples"],
        room: Room,
    ) -> Int[np.ndarray, "scores resamples"]:
        """How many scores a resample has up to each one, itself included.

        A score counts as often as its seed times its task is drawn. The array is the room's: the
        next call overwrites it.
        """
        shape = (self.values.size, task_counts.shape[1])
        times = np.take(task_counts, self.task, 0, room.ints(0, shape), "clip")
        times *= np.take(seed_counts, self.seed, 0, room.ints(1, shape), "clip")
        return np.cumsum(times, axis=0, out=times)

    def iqms(
        self,
        seed_counts: Int[np.ndarray, "seeds resamples"],
        task_counts: Int[np.ndarray, "tasks resamples"],
        room: Room,
    ) -> Float[np.ndarray, " resamples"]:
        """The mean of the middle half of each resample."""
        n = self.values.size
        cut = n // 4
        rank = self.ranks(seed_counts, task_counts, room)
        np.clip(rank, cut, n - cut, out=rank)
        kept = room.floats((n - 1, rank.shape[1]))
        np.subtract(rank[1:], rank[:-1], out=kept)
        total = self.values[1:] @ kept + self.values[0] * (rank[0] - cut)
        return total / (n - 2 * cut)
