"""What is counted of scores is what is there, however large their numbers are."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.harness.store.complete import gaps

RECORD = {"status": "done", "family": "f", "protocol": "p", "problem": {"metric": "mse"}}


def scores(shots: int, steps: int, tasks: int, draws: int) -> pd.DataFrame:
    rows = [
        {"trial": trial, "metric": metric, "shots": shots, "steps": at, "task": task, "draw": draw}
        for trial in "abc"
        for metric in ("mse", "nmse")
        for at in (0, steps)
        for task in range(tasks)
        for draw in range(draws)
    ]
    return pd.DataFrame(rows).astype({"trial": "category", "metric": "category"})


@pytest.mark.parametrize("shots", [1, 2**31 - 1])
@pytest.mark.parametrize("steps", [1, 2**40])
def test_missing_and_repeated_rows_are_found(shots: int, steps: int) -> None:
    whole = scores(shots, steps, tasks=3, draws=2).sample(frac=1, random_state=0)
    records = dict.fromkeys("abc", RECORD)
    assert gaps(whole, records) == {}
    of_a = np.flatnonzero((whole["trial"] == "a") & (whole["steps"] == steps))
    of_b = np.flatnonzero(whole["trial"] == "b")
    fewer = whole.drop(whole.index[of_a[:1]])
    more = pd.concat([fewer, whole.iloc[of_b[:1]]])
    found = gaps(more, records)
    assert found["a"].endswith(f"at {shots} shots, {steps} steps, where 6 belong")
    assert found["a"].startswith("5 rows of ")
    assert found["b"] == "a task is scored twice"
    assert set(found) == {"a", "b"}
