"""Which numbers of a table are bold or marked, and what is counted instead of compared."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scored import row_of, with_scores

from benchmarks.core.errors import StoreError
from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import write_index
from benchmarks.report.figures.catalogue import write_figures
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import bounds
from benchmarks.report.statistics import Interval
from benchmarks.report.tables.pairs import make_pairs
from benchmarks.report.tables.write import make_table, render_table

Make = Callable[..., Results]


EASY, HARD = [1.0, 9.0, 1.0, 9.0, 1.0, 9.0], [1.1, 9.1, 1.1, 9.1, 1.1, 9.1]
NOISY = [9.0, 1.2, 9.0, 1.0, 1.2, 9.0]


def test_bold_is_the_best_and_a_mark_shows_who_is_not_told_from_it(make_results: Make) -> None:
    results = with_scores(
        make_results(["reml", "maml", "mean"], seeds=2),
        {
            (label, seed): values
            for label, values in (("reml", EASY), ("maml", HARD), ("mean", NOISY))
            for seed in (0, 1)
        },
    )
    text = render_table(results, "md")
    shown = {label: row_of(text, label)[1] for label in ("reml", "maml", "mean")}
    assert [label for label, cell in shown.items() if "**" in cell] == ["reml"]
    assert [label for label, cell in shown.items() if "≈ [" in cell] == ["mean"]  # its interval is
    # wide, and maml 0.1 worse on every single task
    assert r"\approx$" in render_table(results, "latex")


@pytest.mark.parametrize(("seeds", "tasks"), [(1, 6), (2, 5)])
def test_without_a_verdict_bold_is_the_best_number_alone(
    make_results: Make, seeds: int, tasks: int
) -> None:
    results = with_scores(
        make_results(["reml", "maml", "mean"], seeds=seeds),
        {
            (label, seed): values[:tasks]
            for label, values in (("reml", EASY), ("maml", HARD), ("mean", NOISY))
            for seed in range(seeds)
        },
    )
    text = render_table(results, "md")
    shown = [row_of(text, label)[1] for label in ("reml", "maml", "mean")]
    assert ["**" in cell for cell in shown] == [True, False, False]
    assert not any("≈" in cell for cell in shown)
    assert all(cell.endswith(" §") == (seeds == 1) for cell in shown)
    said = "One seed: no verdict" if seeds == 1 else "5 test tasks: too few for a verdict"
    assert said in text
    pair = make_pairs(summarise(results)).set_index("learner").loc["mean"]
    assert math.isnan(pair["p"])
    assert math.isnan(pair["p_holm"])
    assert math.isnan(pair["detectable"])
    assert pair["difference_low"] < pair["difference"] < pair["difference_high"]


def test_missing_trials_are_counted_and_never_compared(make_results: Make) -> None:
    results = make_results(
        ["scratch", "reml", "maml", "mean"],
        tasks=20,
        seeds=2,
        failed=[("reml", 1), ("maml", 0), ("maml", 1)],
        missing=[("mean", 0), ("mean", 1)],
    )
    text = render_table(results, "md")
    assert row_of(text, "reml")[-2:] == ["⚠ 1 of 2 seeds", "20"]
    assert "**" not in "".join(row_of(text, "reml"))  # the lowest, but half of it is missing
    assert "**" in "".join(row_of(text, "scratch"))
    assert row_of(text, "maml") == ["maml", *["failed"] * 4, "0 of 2", "0"]
    assert row_of(text, "mean") == ["mean", *["not run"] * 4, "0 of 2", "0"]
    assert "⚠ reml, seed 1: Diverged: query_loss became nan" in text
    assert "⚠ mean, seed 0: not run" in text
    table = make_table(results).set_index(["learner", "shots", "steps", "metric"])
    assert table.loc[("reml", 5, 1, "mse"), "seeds"] == 1
    alone = results.scores.query("learner == 'reml' and shots == 5 and steps == 1")
    expected = alone.query("metric == 'mse'")["value"].mean()
    assert table.loc[("reml", 5, 1, "mse"), "mean"] == pytest.approx(expected)
    assert table.loc[("maml", 5, 1, "mse"), "seeds"] == 0
    assert pd.isna(table.loc[("maml", 5, 1, "mse"), "mean"])


def test_scores_of_a_failed_trial_are_not_used(make_results: Make) -> None:
    results = make_results(["reml"], tasks=5, seeds=2)
    status = results.trials["status"].where(results.trials["seed"] == 0, "failed")
    table = make_table(replace(results, trials=results.trials.assign(status=status)))
    assert set(table["seeds"]) == {1}


def test_privileged_learners_are_marked_and_never_the_best(make_results: Make) -> None:
    results = make_results(["oracle", "reml"], tasks=20)
    text = render_table(results, "md")
    assert row_of(text, "oracle †")
    assert "**" not in "".join(row_of(text, "oracle †"))
    assert "**" in row_of(text, "reml")[1]
    assert "† privileged" in text
    assert r"oracle $^\dagger$" in render_table(results, "latex")
    assert set(make_table(results).query("learner == 'oracle'")["privileged"]) == {True}
    assert "†" not in render_table(make_results(["reml"], tasks=5), "md")


def test_validation_scores_are_never_called_test_scores(make_results: Make, tmp_path) -> None:
    results = make_results(
        ["reml", "mean"], families=["table"], tasks=4, seeds=1, split="validation"
    )
    write_figures(results, tmp_path)
    index = write_index(results, tmp_path).read_text(encoding="utf-8")
    for text in (index, *(render_table(results, fmt) for fmt in ("md", "latex"))):
        assert "test task" not in text
        assert "average over seeds and validation tasks" in text
        assert "depends on the validation tasks" in text
        assert "12 validation tasks are left out" in text
        assert "table (validation tasks), 5 shots" in text
    assert "On table (validation tasks) with 5 shots" in index
    assert "### Error against adaptation steps, table (validation tasks)" in index
    assert "for the first validation tasks" in index
    svg = (tmp_path / "figures" / "fitted-curves.svg").read_text(encoding="utf-8")
    assert "validation task 1" in svg
    assert "test task" not in svg


@pytest.mark.parametrize("wild", [math.nan, math.inf, 1e200])
def test_one_wild_score_is_that_task_s_trouble_and_counted(make_results: Make, wild: float) -> None:
    results = make_results(["reml", "maml"], tasks=5)
    scores = results.scores.copy()
    task = scores[scores["trial"] == "sinusoid-maml-1"].iloc[0]
    place = (
        scores[["trial", "shots", "steps", "task"]] == task[["trial", "shots", "steps", "task"]]
    ).all(axis=1)
    scores.loc[place, "value"] = wild
    results = replace(results, scores=scores)
    table = make_table(results)
    gone = table[table["diverged"] > 0]
    assert set(gone["learner"]) == {"maml"}
    assert gone["diverged"].tolist() == [1] * len(gone)
    assert np.isfinite(table["mean"]).all()
    text = render_table(results, "md")
    assert "] (1 diverged)" in text
    assert "more than 1,000 times what a constant guess costs" in text
    assert "diverged" not in render_table(make_results(["reml", "maml"], tasks=5), "md").lower()


def test_a_bound_has_digits_of_its_own_where_it_would_be_said_to_be_nothing() -> None:
    assert bounds(Interval(179.0, 0.32, 716.0), "mse") == "[0.32, 716]"
    assert bounds(Interval(-0.059, -0.115, 0.005), "mse") == "[−0.115, 0.005]"
    assert bounds(Interval(12.0, 0.0, 30.0), "mse") == "[0.0, 30.0]"
    assert bounds(Interval(0.12, 0.0987, 0.14), "mse") == "[0.10, 0.14]"


@pytest.mark.parametrize("damage", ["lost", "twice"])
def test_damaged_scores_are_an_error_that_names_the_trial(make_results: Make, damage: str) -> None:
    results = make_results(["reml", "maml"], tasks=5)
    scores = results.scores.copy()
    first = scores.index[scores["trial"] == "sinusoid-maml-1"][0]
    scores = scores.drop(first) if damage == "lost" else pd.concat([scores, scores.loc[[first]]])
    with pytest.raises(StoreError, match="sinusoid-maml-1"):
        make_table(replace(results, scores=scores))
