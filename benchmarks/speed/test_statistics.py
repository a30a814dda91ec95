"""The nested bootstrap of a whole table against a plain loop over resamples."""

from typing import Any

import numpy as np
import pytest

from benchmarks.report.statistics import Scores, bootstrap, interquartile_mean
from benchmarks.report.statistics.resampling import draws

SEEDS, TASKS, LEARNERS = 5, 600, 8
RESAMPLES = 10_000
LOOPED = 100
"""Resamples that the loop makes in one round: all of them would take minutes."""


def table() -> dict[int, Scores]:
    generator = np.random.default_rng(0)
    values = generator.lognormal(size=(LEARNERS, SEEDS, TASKS))
    return {learner: Scores(values[learner], tuple(range(SEEDS))) for learner in range(LEARNERS)}


def looped(scores: dict[int, Scores], resamples: int) -> dict[int, list[tuple[float, float]]]:
    """Mean and interquartile mean of each resample, made as it is written down."""
    found: dict[int, list[tuple[float, float]]] = {learner: [] for learner in scores}
    for draw in draws(scores.values(), np.random.default_rng(1), resamples):
        for r in range(draw.tasks.shape[1]):
            tasks = np.repeat(np.arange(TASKS), draw.tasks[:, r])
            for learner, cell in scores.items():
                seeds = np.repeat(np.arange(SEEDS), draw.seeds[cell.seeds][:, r])
                resample = cell.values[np.ix_(seeds, tasks)]
                found[learner].append((float(resample.mean()), interquartile_mean(resample)))
    return found


@pytest.mark.parametrize(
    ("side", "resamples"), [("slow", LOOPED), ("fast", RESAMPLES)], ids=["looped", "vectorised"]
)
def test_bootstrap(benchmark: Any, side: str, resamples: int) -> None:
    """Means and interquartile means; the loop makes a hundredth of the resamples, times 100."""
    benchmark.group = (
        f"nested bootstrap of {LEARNERS} learners × {SEEDS} seeds × {TASKS} tasks, "
        f"{RESAMPLES:,} resamples"
    )
    benchmark.extra_info |= {"side": side, "times": RESAMPLES // resamples}
    scores = table()
    if side == "slow":
        benchmark.pedantic(lambda: looped(scores, resamples), rounds=5, warmup_rounds=1)
    else:
        benchmark.pedantic(lambda: bootstrap(scores, np.random.default_rng(1), resamples), rounds=5)


def test_both_sides_agree() -> None:
    scores = table()
    fast = bootstrap(scores, np.random.default_rng(1), 20)
    for learner, pairs in looped(scores, 20).items():
        means, iqms = np.array(pairs).T
        np.testing.assert_allclose(fast[learner].mean.draws, means, rtol=1e-12)
        np.testing.assert_allclose(fast[learner].iqm.draws, iqms, rtol=1e-12)
