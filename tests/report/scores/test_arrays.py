"""Rows of the scores table become one score for each seed and task."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.core.errors import StoreError
from benchmarks.report.scores.arrays import Tasks, by_learner, with_folds


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


def rows(trials: dict[str, tuple[str, int, str]], tasks: int = 3) -> pd.DataFrame:
    """Of each trial its learner, seed and fold; values count up."""
    made = [
        {"trial": trial, "learner": learner, "seed": seed, "fold": fold, "task": task}
        for trial, (learner, seed, fold) in trials.items()
        for task in range(tasks)
    ]
    table = pd.DataFrame(made).assign(shots=5, steps=1, group=lambda it: it["fold"] + "g")
    return table.assign(value=np.arange(float(len(made))), diverged=False)


def test_scores_of_all_learners_at_once_are_those_of_each() -> None:
    table = rows({"a0": ("b", 0, ""), "a1": ("b", 1, ""), "b0": ("a", 0, "")})
    table = pd.concat([table, table.assign(steps=5, value=-table["value"])])
    found = by_learner(table.sample(frac=1, random_state=0))
    assert [*found] == [("a", 1), ("a", 5), ("b", 1), ("b", 5)]
    np.testing.assert_array_equal(found["b", 5].values, [[0, -1, -2], [-3, -4, -5]])
    assert found["b", 1].seeds == (0, 1)
    for (learner, steps), scores in found.items():
        one = table[(table["learner"] == learner) & (table["steps"] == steps)]
        alone = Tasks.of(table).scores(one)
        assert alone is not None
        np.testing.assert_array_equal(scores.values, alone.values)


def test_a_seed_without_one_of_its_folds_is_left_out_of_all_learners() -> None:
    table = rows({"a": ("m", 0, "1"), "b": ("m", 0, "2"), "c": ("m", 1, "1"), "d": ("n", 0, "2")})
    assert {key: it.seeds for key, it in by_learner(table).items()} == {("m", 1): (0,)}


@pytest.mark.parametrize("wrong", ["missing", "twice", "of two trials"])
def test_scores_of_a_trial_that_are_not_whole_are_refused(wrong: str) -> None:
    table = rows({"a": ("m", 0, ""), "b": ("m", 1, "")})
    if wrong == "missing":
        table = table.drop(index=1)
    elif wrong == "twice":
        table.loc[1, "task"] = 0
    else:
        table.loc[1, "trial"] = "c"
    with pytest.raises(StoreError, match=r"trial [ac]: the scores at 5 shots, 1 steps"):
        by_learner(table)
