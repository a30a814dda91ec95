"""How often a 95 % interval has the truth in it, on scores made to have a known one.

The whole table is docs/statistics.md; its command takes minutes, so that here are few simulations
of some rows.
"""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.report.statistics import Scores, summary
from benchmarks.report.statistics.simulation import (
    RATIOS,
    SEEDS,
    STATIONS,
    Setting,
    document,
    simulate,
)

TIMES = 300
DOCS = Path(__file__).parents[3] / "docs" / "statistics.md"


@pytest.mark.parametrize("groups", [(), STATIONS], ids=["independent", "9 groups"])
@pytest.mark.parametrize(("seeds", "ratio"), [(2, 0.3), (3, 0.1), (5, 1.0), (10, 0.0)])
def test_intervals_cover_and_equal_learners_are_not_told_apart(
    seeds: int, ratio: float, groups: tuple[int, ...]
) -> None:
    found = simulate(Setting(seeds, ratio, groups=groups), TIMES)
    margin = 2.6 * math.sqrt(0.05 * 0.95 / TIMES)
    assert found.coverage > 0.94 - margin
    assert found.apart < 0.06 + margin


def test_what_was_wrong_before_is_seen() -> None:
    """The percentile bootstrap, as these numbers were made once."""
    for setting in (Setting(2, 0.1), Setting(3, 0.3), Setting(5, 0.1, groups=STATIONS)):
        assert simulate(setting, 100).bootstrap > 0.12


def test_a_true_difference_is_seen_where_it_can_be() -> None:
    assert simulate(Setting(5, 0.1), 100).power > 0.8
    assert simulate(Setting(2, 1.0), 100).power < 0.2


def test_intervals_of_interquartile_means_cover_the_truth_as_often_as_they_say() -> None:
    draw = np.random.default_rng(2024)
    covered = []
    for _ in range(TIMES):
        values = (
            0.1 * draw.normal(size=(5, 1)) + draw.normal(size=80) + 0.3 * draw.normal(size=(5, 80))
        )
        _, low, high = summary(Scores(values, tuple(range(5)))).iqm.interval
        covered.append(low <= 0 <= high)
    assert 0.91 < np.mean(covered) < 0.99


def test_the_documented_table_is_that_of_the_simulation() -> None:
    """Every row is there, and says what the targets are or, in words, where they are missed."""
    text = DOCS.read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    normal = [row for row in rows if len(row) == 7 and re.fullmatch(r"[\d.]+", row[3])]
    assert len(normal) == 2 * len(SEEDS) * len(RATIOS)
    for _, _, _, coverage, apart, *_ in normal:
        assert 93.0 <= float(coverage) <= 98.5
        assert float(apart) <= 6.0
    written = next(document(2))  # up to the first table
    assert text.startswith(written.replace("2 simulations", "4,000 simulations"))
