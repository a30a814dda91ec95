from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.cli import main
from benchmarks.core.errors import UnknownName
from benchmarks.harness.store.results import Results
from benchmarks.report.figures.catalogue import pictures
from benchmarks.report.figures.drawing.look import looks
from benchmarks.report.figures.of_scores.performance_profiles import profiled, profiles
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.pairs import baseline_of, paired, shortfall
from benchmarks.report.scores.summary import summarise
from benchmarks.report.statistics import optimality_gap
from benchmarks.report.tables.pairs import make_pairs, pair_remarks, pair_sheets
from benchmarks.report.tables.write import render_table, write_table

Make = Callable[..., Results]


def first(results: Results) -> tuple[Comparison, Group]:
    comparison = summarise(results)[0]
    return comparison, comparison.groups[0]


def with_values(results: Results, values: dict[str, list[list[float]]]) -> Results:
    """The same scores but for those given, (seeds, tasks) by learner, at every shots and steps."""
    scores = results.scores.copy()
    for learner, rows in values.items():
        for seed, numbers in enumerate(rows):
            mine = (scores["learner"] == learner) & (scores["seed"] == seed)
            scores.loc[mine, "value"] = np.array(numbers)[scores.loc[mine, "task"]]
    return replace(results, scores=scores)


def test_a_constant_difference_by_hand(make_results: Make) -> None:
    results = with_values(
        make_results(["maml", "reml", "mean"], shots=(5,), steps=(1,), seeds=2, tasks=6),
        {
            "maml": [[1.0, 2.0, 3.0] * 2, [2.0, 3.0, 4.0] * 2],
            "reml": [[0.5, 1.5, 2.5] * 2, [1.5, 2.5, 3.5] * 2],  # better by a half everywhere
            "mean": [[1.0, 2.0, 3.0] * 2, [2.0, 3.0, 4.0] * 2],  # the same
        },
    )
    pairs = make_pairs(summarise(results)).set_index("learner")
    reml, mean, maml = (pairs.loc[label] for label in ("reml", "mean", "maml"))
    assert set(pairs["against"]) == {"maml"}
    interval = reml[["difference", "difference_low", "difference_high"]].tolist()
    assert interval == pytest.approx([-0.5] * 3)
    assert (reml["p"], reml["p_holm"]) == (0, 0)  # nothing varies
    assert reml["improvement"] == 0.75  # sure with the same seed or the other's better one
    assert reml["detectable"] == pytest.approx(0, abs=1e-12)
    assert (mean["difference"], mean["p"], mean["p_holm"], mean["improvement"]) == (0, 1, 1, 0.5)
    assert maml[["difference", "p", "improvement", "detectable"]].isna().all()
    assert maml["gap"] == 1.0  # an NMSE of 1 and more
    assert reml["gap"] == pytest.approx((0.5 + 1 * 5) / 6)
    assert (reml["shots"], reml["steps"], reml["metric"]) == (5, 1, "mse")


def test_differences_are_those_that_bold_goes_by(make_results: Make) -> None:
    comparison, group = first(make_results(["reml", "maml", "scratch"], tasks=20))
    ranking = group.rankings[10, "mse", "mean"]
    found = paired(comparison, group, ranking.best)
    assert found is not None
    got = {row.entrant.label: row.pair.difference for row in found.rows if row.pair}
    assert got == dict(ranking.behind)


@pytest.mark.parametrize(
    ("learners", "kept"),
    [
        (("reml", "scratch", "maml", "fine_tuning"), "maml"),
        (("reml", "fine_tuning", "maml (first_order)", "oracle"), "maml (first_order)"),
        (("mean", "reml-random", "reml", "oracle"), "reml"),
        (("scratch", "mean"), "scratch"),
        (("reml",), None),
        (("oracle", "reml"), None),
    ],
)
def test_whom_the_others_are_compared_with(make_results: Make, learners, kept) -> None:
    comparison, group = first(make_results(learners, tasks=5))
    chosen = baseline_of(comparison, group)
    assert (chosen.label if chosen else None) == kept
    assert bool(list(pair_sheets(comparison, group))) == (kept is not None)


def test_a_baseline_with_trials_missing_is_passed_over_and_said_so_if_named(
    make_results: Make,
) -> None:
    results = make_results(["reml", "maml", "fine_tuning"], tasks=5, failed=[("maml", 1)])
    comparison, group = first(results)
    chosen = baseline_of(comparison, group)
    assert chosen is not None
    assert chosen.label == "fine_tuning"
    assert list(pair_remarks(comparison, group, None)) == []
    assert baseline_of(comparison, group, "maml") is None
    text = render_table(results, "md", against="maml")
    assert "- Nothing is compared with maml: ⚠ 1 of 2 seeds." in text
    assert "Paired differences" not in text


def test_privileged_learners_are_compared_only_by_name(make_results: Make) -> None:
    comparison, group = first(make_results(["reml", "oracle", "maml"], tasks=5))
    usual, named = paired(comparison, group), paired(comparison, group, "oracle")
    assert usual is not None
    assert named is not None
    assert {row.entrant.label for row in usual.rows if row.pair} == {"reml"}
    assert {row.entrant.label for row in named.rows if row.pair} == {"reml", "maml"}


def test_higher_accuracy_is_an_improvement(make_results: Make) -> None:
    results = make_results(["maml", "reml"], shots=(1,), steps=(0, 1), seeds=1, tasks=4)
    problem = [{"metric": "accuracy", "outputs": 5}] * len(results.trials)
    scores = results.scores[results.scores["metric"] == "mse"].assign(metric="accuracy")
    results = with_values(
        replace(results, trials=results.trials.assign(problem=problem), scores=scores),
        {"maml": [[0.2, 0.2, 0.6, 0.1]], "reml": [[1.0, 0.6, 0.8, 0.9]]},
    )
    comparison, group = first(results)
    pairs = make_pairs(summarise(results)).set_index("learner")
    assert pairs.loc["reml", "difference"] == pytest.approx(0.55)
    assert pairs.loc["reml", "improvement"] == 1.0
    assert pairs.loc["reml", "gap"] == pytest.approx((0 + 0.5 + 0.25 + 0.125) / 4)
    assert pairs.loc["maml", "gap"] == pytest.approx((1 + 1 + 0.5 + 1) / 4)  # a guess gets 0.2
    (sheet,) = pair_sheets(comparison, group)
    assert "above 0 it is the better one" in sheet.caption
    assert sheet.rows[1][1].text == "55.0"
    assert profiled(comparison) == "accuracy"
    with looks():
        figure = profiles(comparison)
    assert figure is not None
    assert figure.axes[0].get_ylabel() == "% of seeds × tasks ≥ τ"


def test_the_gap_is_agarwals_of_one_minus_nmse(make_results: Make) -> None:
    comparison, group = first(make_results(["reml", "mean"], tasks=30))
    for label, cell in shortfall(comparison, group).items():
        nmse = group.ends[label, "nmse"].scores.values
        expected = optimality_gap(np.maximum(0, 1 - nmse))
        assert cell.values.mean() == pytest.approx(expected, rel=1e-12)


def test_a_metric_that_nobody_knows_has_no_gap(make_results: Make) -> None:
    results = make_results(["maml", "reml"], tasks=5, seeds=1)
    scores = results.scores[results.scores["metric"] == "mse"]
    comparison, group = first(replace(results, scores=scores))
    (sheet,) = pair_sheets(comparison, group)
    assert "optimality gap" not in sheet.columns
    assert profiled(comparison) == "mse"


def test_pairs_are_written_and_removed_with_the_table(make_results: Make, tmp_path) -> None:
    write_table(make_results(["maml", "reml"], tasks=5), tmp_path)
    table = pd.read_csv(tmp_path / "pairs.csv")
    assert table["learner"].tolist() == ["maml", "reml"] * 2
    write_table(make_results(["reml"], tasks=5), tmp_path)
    assert not (tmp_path / "pairs.csv").exists()


def test_an_unknown_name_is_an_error_with_a_hint(
    make_results: Make, tmp_path, monkeypatch, capsys
) -> None:
    results = make_results(["maml", "reml"], tasks=5)
    with pytest.raises(
        UnknownName, match="--against: unknown learner 'mamal'; did you mean 'maml'"
    ):
        render_table(results, "md", against="mamal")
    monkeypatch.setattr("benchmarks.commands.show.load_results", lambda directory: results)
    monkeypatch.setattr("benchmarks.harness.store.lock.read_matrix", lambda directory: {})
    assert main(["table", str(tmp_path), "--against", "mamal"]) == 2
    assert "did you mean 'maml'?" in capsys.readouterr().err
    assert not list(tmp_path.glob("[!.]*"))
    assert main(["table", str(tmp_path), "--against", "reml"]) == 0
    assert " minus reml |" in capsys.readouterr().out
    assert "minus reml" in (tmp_path / "index.md").read_text(encoding="utf-8")
    assert set(pd.read_csv(tmp_path / "pairs.csv")["against"]) == {"reml"}


def test_the_figure_of_profiles_has_a_curve_and_a_band_for_each(make_results: Make) -> None:
    results = make_results(["reml", "maml", "oracle"], tasks=30)
    (picture,) = [it for it in pictures(results) if it.stem == "performance-profiles"]
    assert "with NMSE of at most τ" in picture.caption
    with looks():
        figure = picture.draw()
    assert figure is not None
    comparison = summarise(results)[0]
    for ax, group in zip(figure.axes, comparison.groups, strict=True):
        assert ax.get_xscale() == "log"
        assert len(ax.lines) == len(ax.collections) == 3
        for line, label in zip(ax.lines, ("reml", "maml", "oracle"), strict=True):
            nmse = group.ends[label, "nmse"].scores.values
            at, share = line.get_data()
            assert share[40] == pytest.approx((nmse <= at[40]).mean())
            assert (np.diff(share) >= 0).all()
