"""Scores that follow are left out, and come back; others stay stored."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.harness.store.copies.following import CELL, followed, left_out

LEARNERS, SEEDS, STEPS, TASKS = ("a", "b", "c", "d", "e"), (0, 1), (0, 5), 30
WORDS = ("trial", "family", "protocol", "learner", "group", "metric")


def _table(kind: str = "regression") -> pd.DataFrame:
    """Scores of five learners; `known` follows, `harm` is against something of the learner's."""
    rng = np.random.default_rng(0)
    size = (len(LEARNERS), len(SEEDS), len(STEPS), TASKS)
    own = rng.lognormal(size=size)
    scratch, variance = rng.lognormal(size=size[1:]), rng.lognormal(size=TASKS)
    std = np.broadcast_to(rng.lognormal(size=(*size[:3], 1)), size)
    if kind == "classification":
        own, scratch = (np.round(it / (1 + it), 2) for it in (own, scratch))
        found = {"accuracy": own, "accuracy_known": own - scratch}
    else:
        found = {
            **{"mse": own, "rmse": own**0.5, "nmse": own / variance},
            "known": np.log10(own / scratch),
            "harm": np.log10(own / rng.lognormal(size=size)),
            "width_90": std * 2 * 1.6448536269514722,
            "nll": own / std**2 / 2 + np.log(std * np.sqrt(2 * np.pi)),
        }
    rows = [
        {"trial": f"{who}{seed}", "learner": who, "seed": seed, "steps": at, "task": task}
        for who in LEARNERS
        for seed in SEEDS
        for at in STEPS
        for task in range(TASKS)
    ]
    parts = [pd.DataFrame(rows).assign(metric=it, value=v.ravel()) for it, v in found.items()]
    table = pd.concat(parts, ignore_index=True).assign(
        family="f", protocol="p", shots=3, draw=0, group="", diverged=False, privileged=False
    )
    return table.astype(dict.fromkeys(WORDS, "category"))


def _own(table: pd.DataFrame, metric: str = "mse") -> dict[str, str]:
    return dict.fromkeys(map(str, table["trial"].unique()), metric)


def _demand_same(table: pd.DataFrame, again: pd.DataFrame, **close: float) -> None:
    key = ["metric", *CELL]
    both = [it.astype({"metric": "str", "trial": "str"}).set_index(key) for it in (table, again)]
    assert both[0].index.is_unique
    assert len(both[1]) == len(both[0])
    other = both[1].loc[both[0].index]
    np.testing.assert_allclose(other["value"], both[0]["value"], **close)
    for column in ("diverged", "learner", "seed", "group"):
        assert other[column].eq(both[0][column]).all()
    assert list(again["metric"].cat.categories) == sorted(table["metric"].cat.categories)


def test_what_follows_comes_back() -> None:
    table = _table()
    stored, references, derived = left_out(table, _own(table))
    assert set(stored["metric"]) == {"mse", "width_90", "harm"}
    assert len(references) == TASKS + TASKS * len(STEPS) * len(SEEDS)
    assert set(map(tuple, derived.values())) == {("known", "nll", "nmse", "rmse")}
    _demand_same(table, followed(stored, references, derived), rtol=1e-9, atol=1e-12)


def test_differences_of_accuracies_come_back() -> None:
    table = _table("classification")
    stored, references, derived = left_out(table, _own(table, "accuracy"))
    assert (stored.loc[stored["metric"] == "accuracy_known", "value"] == 0).all()
    assert len(stored) < 0.55 * len(table)
    _demand_same(table, followed(stored, references, derived), atol=1e-12)


def test_single_scores_that_do_not_follow_stay() -> None:
    """As where an error below a floor counts as that floor, or only one of both diverged."""
    table = _table()
    known = (table["metric"] == "known") & (table["trial"] == "a0")
    table.loc[known & (table["task"] < 5), "value"] = -6.0
    table.loc[
        (table["metric"] == "nmse") & (table["task"] == 7) & (table["seed"] == 1), "diverged"
    ] = True
    stored, references, derived = left_out(table, _own(table))
    assert stored["metric"].value_counts()[["known", "nmse"]].tolist() == [10, 10]
    _demand_same(table, followed(stored, references, derived), rtol=1e-9, atol=1e-12)


def test_a_reference_among_the_learners_is_not_nearly_as_good_as_itself() -> None:
    """Rounding its own scores must not make a difference."""
    table = _table()
    mine = (table["metric"] == "known") & (table["learner"] == "a")
    table.loc[mine, "value"] = 0.0
    stored, _, _ = left_out(table, _own(table))
    assert (stored.loc[stored["metric"] == "known", "value"] == 0).sum() == mine.sum()


def test_nothing_is_gained_with_one_learner() -> None:
    table = _table()
    alone = table[table["learner"] == "a"]
    stored, references, derived = left_out(alone, _own(alone))
    assert set(stored["metric"]) == {"mse", "width_90", "harm", "known"}
    _demand_same(alone, followed(stored, references, derived), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", ["nll", "rmse"])
def test_what_only_some_trials_have_otherwise_stays_there(metric: str) -> None:
    """As where a learner is not equally sure everywhere."""
    table = _table()
    mine = (table["metric"] == metric) & (table["learner"] == "b")
    table.loc[mine, "value"] *= np.linspace(1.1, 2, int(mine.sum()))
    stored, references, derived = left_out(table, _own(table))
    assert {it for it, metrics in derived.items() if metric not in metrics} == {"b0", "b1"}
    assert (stored["metric"] == metric).sum() == mine.sum()
    _demand_same(table, followed(stored, references, derived), rtol=1e-9, atol=1e-12)
