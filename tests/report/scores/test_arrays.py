"""Rows of the scores table become one score for each seed and task."""

import numpy as np
import pandas as pd

from benchmarks.report.scores.arrays import Tasks, with_folds


def test_several_draws_of_a_task_are_one_score_of_it() -> None:
    draws = [(task, draw) for draw in range(2) for task in range(3)]
    rows = pd.DataFrame(draws, columns=["task", "draw"]).assign(
        trial="a", seed=0, shots=5, steps=1, group=lambda it: "g" + it["task"].astype(str)
    )
    rows = rows.assign(value=[1.0, 2.0, 3.0, 3.0, 2.0, 5.0], diverged=False)
    scores = with_folds(rows, pd.DataFrame({"trial": ["a"]}))
    found = Tasks.of(scores).scores(scores)
    assert found is not None
    np.testing.assert_array_equal(found.values, [[2.0, 2.0, 4.0]])
