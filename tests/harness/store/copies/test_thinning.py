"""Published tables have what figures show, and stay what they are when published again."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.harness.disk.columns import ALL_TASKS
from benchmarks.harness.store.copies.thinning import MOMENTS, PAIRS, thinned
from benchmarks.report.figures.of_tasks import confusion

KEYS = {"family": "f", "protocol": "p", "learner": "a", "privileged": False}


def _history() -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {"tasks": np.arange(n) + 1, "value": np.linspace(3, 1, n), "seconds": 0.5}
        ).assign(trial=f"t{seed}", seed=seed, metric=metric, **KEYS)
        for seed, metric, n in ((0, "loss", 777), (1, "loss", 101), (0, "validation", 7))
    ]
    return pd.concat(parts, ignore_index=True)


def _curves() -> pd.DataFrame:
    rows = [
        {"seed": seed, "shots": shots, "steps": steps, "task": task, "kind": kind, "x": x, "y": x}
        for seed in (1, 2)
        for shots in (3, 9)
        for kind, all_steps in (("query", [-1]), ("prediction", range(9)), ("std", range(9)))
        for steps in all_steps
        for task in range(2)
        for x in np.linspace(-1, 1, 20 if kind == "query" else 101)
    ]
    table = pd.DataFrame(rows).assign(output=0, **KEYS)
    return table.assign(trial="t" + table["seed"].astype(str))


def _diagnostics() -> pd.DataFrame:
    kinds = [("choice", "depth"), ("measure", "support_mse"), ("measure", "flops"), ("trait", "b")]
    rows = [
        {
            "trial": f"t{seed}",
            "seed": seed,
            "steps": steps,
            "task": task,
            "kind": kind,
            "name": name,
        }
        for seed in (0, 1)
        for kind, name in kinds
        for steps in ((0, 5) if name == "support_mse" else (-1,))
        for task in range(40)
    ]
    table = pd.DataFrame(rows).assign(shots=3, options=4, **KEYS)
    return table.assign(value=np.random.default_rng(0).integers(0, 4, len(table)) * 1.0)


TABLES = {"history": _history(), "curves": _curves(), "diagnostics": _diagnostics()}


@pytest.mark.parametrize("name", TABLES)
def test_thinning_again_changes_nothing(name: str) -> None:
    once = thinned(name, TABLES[name])
    assert len(once) < len(TABLES[name])
    pd.testing.assert_frame_equal(thinned(name, once), once)


def test_of_a_training_the_ends_and_evenly_many_moments_stay() -> None:
    table = thinned("history", TABLES["history"])
    long = table[(table["trial"] == "t0") & (table["metric"] == "loss")]["tasks"].to_numpy()
    assert len(long) == MOMENTS
    assert (long[0], long[-1]) == (1, 777)
    assert set(np.diff(long)) <= {15, 16}
    assert table.groupby(["trial", "metric"]).size().tolist() == [MOMENTS, 7, MOMENTS]


def test_of_curves_those_that_are_drawn_stay() -> None:
    table = thinned("curves", TABLES["curves"])
    assert set(table["seed"]) == {1}
    assert set(table["shots"]) == {3}
    steps = table.groupby("kind")["steps"].unique().map(sorted)
    assert steps["prediction"] == [0, 2, 3, 5, 6, 8]
    assert (steps["std"], steps["query"]) == ([8], [-1])
    points = table.groupby(["kind", "steps", "task"])["x"].agg(["size", "min", "max"])
    assert set(points["size"]) == {20, 51}
    assert (set(points["min"]), set(points["max"])) == ({-1.0}, {1.0})


def test_of_errors_on_support_points_and_of_costs_the_means_stay() -> None:
    whole, table = TABLES["diagnostics"], thinned("diagnostics", TABLES["diagnostics"])
    cell = ["name", "trial", "steps"]
    averaged = [it["name"].isin(["support_mse", "flops"]) for it in (table, whole)]
    mine, before = (
        it[rows].set_index(cell)["value"] for it, rows in zip((table, whole), averaged, strict=True)
    )
    assert set(table.loc[averaged[0], "task"]) == {ALL_TASKS}
    pd.testing.assert_series_equal(
        mine.astype(float).sort_index(), before.groupby(cell).mean(), rtol=1e-7
    )
    rest = [it[~rows] for it, rows in zip((table, whole), averaged, strict=True)]
    key = ["name", "trial", "task"]
    found, expected = (it.set_index(key)["value"].astype(float).sort_index() for it in rest)
    pd.testing.assert_series_equal(found, expected)


def test_of_who_only_measures_every_task_stays() -> None:
    """Choices tell how many tasks there were, and here are none."""
    measured = TABLES["diagnostics"].query("kind == 'measure' and name == 'flops'")
    table = thinned("diagnostics", measured.reset_index(drop=True))
    assert sorted(set(table["task"])) == list(range(40))


def _confusion(classes: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = [
        {"learner": learner, "seed": seed, "true": f"c{true}", "predicted": f"c{called}"}
        for learner in "ab"
        for seed in range(2)
        for true in range(classes)
        for called in range(classes)
        if true == called or random.random() < 0.5
    ]
    table = pd.DataFrame(rows).assign(**{**KEYS, "learner": [it["learner"] for it in rows]})
    table["queries"] = 5 * (1 + table["true"].str[1:].astype(int) % 4)
    table["count"] = random.integers(1, 5, len(table))
    return table.assign(trial=table["learner"] + table["seed"].astype(str), shots=1, steps=0)


def test_of_many_classes_the_most_confused_pairs_stay_as_they_are() -> None:
    whole = _confusion(30)
    copy = thinned("confusion", whole)
    assert len(copy) < 4 * PAIRS + 5
    pd.testing.assert_frame_equal(copy, thinned("confusion", copy))
    worst = []
    for table in (whole, copy):
        shares = {name: confusion._shares(rows) for name, rows in table.groupby("learner")}
        both = pd.DataFrame(shares).fillna(0.0)
        wrong = both[both.index.get_level_values(0) != both.index.get_level_values(1)]
        order = wrong.mean(axis=1).sort_values(ascending=False, kind="stable").index
        worst.append(wrong.loc[order[: confusion.PAIRS]])
    pd.testing.assert_frame_equal(*worst)
    few = _confusion(9)
    pd.testing.assert_frame_equal(thinned("confusion", few), few)
