"""The table of scores: its numbers, its order, its forms."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from scored import row_of, with_scores

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.wording import essential
from benchmarks.report.tables.write import COLUMNS, make_table, render_table, write_table

Make = Callable[..., Results]


def test_table_by_hand(make_results: Make) -> None:
    results = with_scores(
        make_results(["reml", "mean"], seeds=2),
        {
            ("reml", 0): [1.0, 1.0, 1.0, 1.0],
            ("reml", 1): [1.0, 1.0, 1.0, 1.0],
            ("mean", 0): [2.0, 4.0, 6.0, 100.0],
            ("mean", 1): [3.0, 5.0, 7.0, 9.0],
        },
    )
    table = make_table(results)
    assert tuple(table.columns) == COLUMNS
    reml, mean = (table.iloc[i] for i in range(2))
    assert len(table) == 2
    assert (reml["learner"], reml["mean"], reml["mean_low"], reml["mean_high"]) == ("reml", 1, 1, 1)
    assert (mean["mean"], mean["iqm"]) == (17.0, 5.5)  # all; 4, 5, 6 and 7
    assert (mean["family"], mean["protocol"], mean["shots"]) == ("sinusoid", "few_shot", 5)
    assert (mean["steps"], mean["metric"], mean["seeds"], mean["tasks"]) == (1, "mse", 2, 4)
    assert mean["mean_low"] < 17 < mean["mean_high"]
    text = render_table(results, "md")
    assert row_of(text, "reml") == ["reml", "**1.00** [1.00, 1.00]", "2", "4"]
    assert row_of(text, "mean")[1].startswith("17.0 [")


def test_one_row_a_cell_in_the_order_of_the_matrix(make_results: Make) -> None:
    results = make_results(["scratch", "maml", "mean"], families=["table", "sinusoid"], tasks=5)
    table = make_table(results)
    keys = ["family", "protocol", "shots", "steps", "learner", "metric"]
    assert not table.duplicated(keys).any()
    assert len(table) == 2 * 4 * 3 * (2 + 3)  # shots, steps, learners; metrics of both families
    assert list(table["learner"].unique()) == ["scratch", "maml", "mean"]
    assert list(table["family"].unique()) == ["sinusoid", "table"]
    assert list(table.loc[table["family"] == "table", "metric"].unique()) == ["mse", "rmse", "nmse"]


def test_output_does_not_depend_on_the_order_of_rows(make_results: Make, tmp_path) -> None:
    results = make_results(["reml", "maml", "oracle"], tasks=20, seeds=3, failed=[("maml", 1)])
    shuffled = replace(
        results,
        trials=results.trials.sample(frac=1, random_state=1),
        scores=results.scores.sample(frac=1, random_state=2, ignore_index=True),
    )
    for name, it in (("a", results), ("b", shuffled)):
        write_table(it, tmp_path / name)
    for file in ("table.csv", "table.md"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_table_does_not_tell_how_long_it_took_nor_where_it_ran(make_results: Make) -> None:
    results = make_results(tasks=5)
    trials = results.trials.assign(seconds=1e6, evaluate_seconds=7.0, peak_memory_mb=3.0)
    command = "reml run synthetic --jobs 2 --out 'a b' --force --only='r*' --only mean"
    other = replace(
        results,
        trials=trials,
        provenance={**results.provenance, "started": "later", "command": command},
    )
    for fmt in ("md", "csv", "latex"):
        assert render_table(results, fmt) == render_table(other, fmt)


def test_an_interval_does_not_change_when_learners_are_added(make_results: Make) -> None:
    few = make_table(make_results(["reml"], tasks=20))
    many = make_table(make_results(["reml", "maml", "scratch"], tasks=20))
    many = many[many["learner"] == "reml"].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, many, rtol=1e-12)


def test_rmse_families_name_their_unit_and_show_nmse(make_results: Make) -> None:
    text = render_table(make_results(families=["table"], tasks=5), "md")
    assert "Mean RMSE of tmax_degC in °C after adaptation steps; lower is better." in text
    assert "Mean NMSE" in text
    five, ten = text.split("## table, 10 shots")
    assert "- 12 test tasks are left out for having fewer than 6 points" in five
    assert "- 1 training task is left out for having fewer than 6 points" in five
    assert "- 1,234 rows of the data are left out for having an empty cell." in five
    assert "tasks are left out" not in ten
    assert "- 1,234 rows of the data are left out" in ten
    assert "Mean NMSE" not in render_table(make_results(tasks=5), "md")


def test_accuracy_is_better_when_higher(make_results: Make) -> None:
    results = with_scores(
        make_results(["reml", "mean"], seeds=1), {("reml", 0): [0.9, 0.9], ("mean", 0): [0.2, 0.2]}
    )
    problem = [{"metric": "accuracy", "outputs": 5}] * len(results.trials)
    results = replace(
        results,
        trials=results.trials.assign(problem=problem),
        scores=results.scores.assign(metric="accuracy"),
    )
    text = render_table(results, "md")
    assert "**90.0** [90.0, 90.0]" in row_of(text, "reml")[1]
    assert "**" not in row_of(text, "mean")[1]
    assert "higher is better" in text


def test_origin_names_matrix_commits_and_command(make_results: Make) -> None:
    results = make_results(tasks=5)
    assert (
        "Matrix `synthetic`, commit `0123456` + uncommitted changes, made by `reml run synthetic`."
    ) in render_table(results, "md")
    commits = {**results.provenance, "dirty": False, "commits": ["a" * 40, "b" * 40]}
    text = render_table(replace(results, provenance=commits), "md")
    assert "commits `aaaaaaa` and `bbbbbbb`, made by" in text
    assert "Matrix `synthetic`, no commit." in render_table(replace(results, provenance={}), "md")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("reml run 'my matrix.toml' --jobs 4", "reml run 'my matrix.toml'"),
        ("reml run m --plugin 'a --out b.py' --out c", "reml run m --plugin 'a --out b.py'"),
        ("reml run m --force --only=reml --jobs=2 --device cpu", "reml run m --device cpu"),
        ("reml run it's.toml", "reml run it's.toml"),
    ],
)
def test_the_command_shown_makes_the_whole_table(command: str, shown: str) -> None:
    assert essential(command) == shown


def test_latex_is_booktabs_with_escaped_names(make_results: Make) -> None:
    text = render_table(make_results(["fine_tuning", "maml (first_order)"], tasks=5), "latex")
    assert r"fine\_tuning & " in text
    assert text.count(r"\begin{table}") == text.count(r"\bottomrule") == 7
    assert "⚠" not in text
    body = [line for line in text.splitlines() if "&" in line]
    assert all(line.endswith(r"\\") for line in body)


def test_markdown_keeps_hostile_labels_in_their_cell(make_results: Make) -> None:
    results = make_results(["reml"], tasks=5)
    renamed = {"reml": "a|b *c* _d_"}
    hostile = replace(
        results,
        trials=results.trials.assign(learner=results.trials["learner"].replace(renamed)),
        scores=results.scores.assign(learner=results.scores["learner"].replace(renamed)),
        order=("a|b *c* _d_",),
    )
    assert r"| a\|b \*c\* \_d\_ |" in render_table(hostile, "md")


def test_nothing_done_yet_is_a_table_without_rows(make_results: Make) -> None:
    results = make_results(["mean"], seeds=1, missing=[("mean", 0)])
    assert make_table(results).empty
    assert "⚠ mean, seed 0: not run" in render_table(results, "md")


def test_csv_reads_back_as_the_table(make_results: Make, tmp_path) -> None:
    results = make_results(["reml", "oracle"], tasks=5)
    assert write_table(results, tmp_path) == tmp_path / "table.md"
    back = pd.read_csv(tmp_path / "table.csv")
    pd.testing.assert_frame_equal(back, make_table(results), rtol=1e-11)
