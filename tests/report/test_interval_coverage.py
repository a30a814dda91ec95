"""How often a 95 % interval has the truth in it, on tables made to have a known one.

The nested bootstrap promises this where there are many seeds, or where scores differ mainly from
task to task; `bootstrap` says what becomes of it elsewhere. All tables of a test share their
resamples.
"""

from collections.abc import Iterable

import numpy as np
import pytest

from benchmarks.report.statistics import (
    Interval,
    Scores,
    bootstrap,
    bootstrap_means,
    paired_difference,
)

RESAMPLES = 1_000


def tables(
    n: int, seeds: int, tasks: int, of_seeds: float, of_tasks: float, own: float
) -> dict[int, Scores]:
    """Scores that average 0: each seed's own part, each task's own part, and noise."""
    draw = np.random.default_rng(2024)
    values = (
        of_seeds * draw.normal(size=(n, seeds, 1))
        + of_tasks * draw.normal(size=(n, 1, tasks))
        + own * draw.normal(size=(n, seeds, tasks))
    )
    return {i: Scores(values[i], tuple(range(seeds))) for i in range(n)}


def coverage(intervals: Iterable[Interval]) -> float:
    return float(np.mean([low <= 0 <= high for _, low, high in intervals]))


@pytest.mark.parametrize(
    ("seeds", "tasks", "of_seeds", "of_tasks", "own"),
    [(25, 60, 0.3, 1.0, 0.5), (5, 80, 0.05, 1.0, 0.3), (1, 100, 0.0, 1.0, 0.0)],
    ids=["many seeds", "few seeds, mainly tasks", "one seed, only tasks"],
)
def test_intervals_of_means_cover_the_truth_as_often_as_they_say(
    seeds: int, tasks: int, of_seeds: float, of_tasks: float, own: float
) -> None:
    drawn = tables(1_000, seeds, tasks, of_seeds, of_tasks, own)
    found = bootstrap_means(drawn, np.random.default_rng(1), RESAMPLES)
    assert 0.93 <= coverage(it.interval for it in found.values()) <= 0.97


def test_intervals_of_interquartile_means_cover_the_truth_as_often_as_they_say() -> None:
    drawn = tables(1_000, 5, 80, 0.05, 1.0, 0.3)
    found = bootstrap(drawn, np.random.default_rng(1), RESAMPLES)
    assert 0.93 <= coverage(it.iqm.interval for it in found.values()) <= 0.97


def test_intervals_of_paired_differences_cover_the_truth_as_often_as_they_say() -> None:
    """Two learners that a task suits differently, on tasks that are hard for both."""
    one, other = (tables(600, 20, 60, s, t, 0.3) for s, t in ((0.2, 1.0), (0.1, 0.5)))
    other = {i: Scores(cell.values + 3 * one[i].values, cell.seeds) for i, cell in other.items()}
    both = {(name, i): cell for name, half in enumerate((one, other)) for i, cell in half.items()}
    found = bootstrap_means(both, np.random.default_rng(1), RESAMPLES)
    differences = [paired_difference(found[1, i], found[0, i]).interval for i in one]
    assert 0.93 <= coverage(differences) <= 0.97


def test_intervals_are_too_wide_where_all_is_noise_by_the_factor_that_is_documented() -> None:
    found = bootstrap_means(tables(100, 25, 60, 0.0, 0.0, 1.0), np.random.default_rng(1), RESAMPLES)
    spread = np.mean([it.draws.std() for it in found.values()])
    assert spread * np.sqrt(25 * 60) == pytest.approx(np.sqrt(3), rel=0.05)
