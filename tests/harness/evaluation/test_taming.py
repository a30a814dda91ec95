"""Results of former versions, in which one score could drown all others."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.harness.evaluation.taming import tame

VARIANCES = (2.0, 4.0, 6.0)


def stored(mse: list[list[float]], metrics: tuple[str, ...] = ("mse", "rmse", "nmse")):
    """Scores without the column `diverged`, one list of errors a trial."""
    rows = []
    for trial, errors in enumerate(mse):
        for metric in metrics:
            for task, error in enumerate(errors):
                value = {"mse": error, "rmse": error**0.5, "nmse": error / VARIANCES[task]}[metric]
                key = {"trial": f"t{trial}", "family": "f", "protocol": "p", "shots": 5, "steps": 1}
                rows.append({**key, "task": task, "metric": metric, "value": value})
    return pd.DataFrame(rows)


def test_one_score_that_drowns_the_others_is_cut_in_every_metric() -> None:
    kept = tame(stored([[1.0, 2.0, 3.0], [0.5, 214_586.0, 0.4]]))
    most = 1000 * 4.0
    hit = kept[kept["diverged"]].set_index("metric")["value"]
    assert hit.to_dict() == pytest.approx({"mse": most, "rmse": most**0.5, "nmse": most / 4.0})
    assert set(kept.loc[kept["diverged"], "trial"]) == {"t1"}
    assert set(kept.loc[kept["diverged"], "task"]) == {1}


def test_scores_that_are_not_finite_are_cut_whoever_comes_first() -> None:
    for errors in ([[np.inf, 1.0, np.nan], [1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0], [np.inf] * 3]):
        kept = tame(stored(errors))
        assert np.isfinite(kept["value"]).all()
        wild = ~np.isfinite(stored(errors)["value"])
        assert kept["diverged"].tolist() == wild.tolist()
        assert set(kept.loc[kept["diverged"] & (kept["metric"] == "mse"), "value"]) == {4000.0}


def test_without_nmse_what_is_not_finite_counts_as_the_worst() -> None:
    kept = tame(stored([[1.0, 50.0, 3.0], [np.inf, 1e9, 2.0]], ("mse",)))
    assert kept["value"].tolist() == [1.0, 50.0, 3.0, 1e9, 1e9, 2.0]
    assert kept["diverged"].tolist() == [False, False, False, True, False, False]
    accuracy = stored([[0.5, np.nan, 0.7]], ("mse",)).assign(metric="accuracy")
    assert tame(accuracy)["value"].tolist() == [0.5, 0.0, 0.7]


def test_scores_that_say_what_diverged_are_left_as_they_are() -> None:
    scores = stored([[1.0, 2.0, 1e9]]).assign(diverged=False)
    assert tame(scores) is scores
