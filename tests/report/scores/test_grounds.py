"""What may be said of few groups, of one seed, and of learners whose labels say something else."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.documents.index import findings
from benchmarks.report.figures.catalogue import drawn
from benchmarks.report.figures.drawing.style import styles
from benchmarks.report.findings.verdict import verdicts
from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.pairs import baseline_of
from benchmarks.report.scores.roles import role_of
from benchmarks.report.scores.summary import summarise
from benchmarks.report.tables.write import make_table, render_table

Make = Callable[..., Results]


def grouped(results: Results, groups: int, named: str = "station") -> Results:
    """The same, task t of group t modulo so many."""
    scores = results.scores
    return replace(
        results,
        scores=scores.assign(group=scores["task"].map(lambda it: f"{named} {it % groups}")),
        trials=results.trials.assign(grouped_by=named),
    )


def folded(results: Results, folds: int) -> Results:
    """The same tasks, as if each seed had been trained once for each fold."""
    scores, trials = results.scores, results.trials
    fold = scores["task"] % folds
    renamed = scores["trial"] + "-f" + fold.astype(str)
    more = [trials.assign(trial=trials["trial"] + f"-f{n}", fold=f"fold {n}") for n in range(folds)]
    return replace(
        results,
        scores=scores.assign(trial=renamed, task=scores["task"] // folds),
        trials=pd.concat(more, ignore_index=True),
    )


def only(results: Results) -> Comparison:
    (comparison,) = summarise(results)
    return comparison


@pytest.fixture(scope="module")
def plain(make_results: Make) -> Results:
    return make_results(["maml", "reml", "mean"], shots=(5,), steps=(0, 10), tasks=54, seeds=3)


def test_groups_widen_intervals_and_are_told(plain: Results) -> None:
    results = grouped(plain, 9)
    one, other = only(plain).groups[0], only(results).groups[0]
    metric = other.ends["maml", "mse"].mean
    assert metric.grounds == (3, 9)
    by_group = one.ends["maml", "mse"].scores.values.reshape(3, 6, 9).mean(axis=1)
    assert metric.clusters.means(one.ends["maml", "mse"].scores.values) == pytest.approx(by_group)
    assert other.cells["maml", 10, "mse"].mean != one.cells["maml", 10, "mse"].mean
    text = render_table(results, "md")
    assert "- 54 test tasks of 9 stations.\n" in text
    assert "54 of 9 stations |" in text
    assert set(make_table(results)["groups"]) == {9}
    assert set(make_table(plain)["groups"]) == {54}


def test_tasks_without_a_group_are_their_own(plain: Results) -> None:
    empty = replace(plain, scores=plain.scores.assign(group=""))
    for column in (empty, replace(empty, scores=empty.scores.astype({"group": "category"}))):
        assert only(column).groups[0].cells == only(plain).groups[0].cells


def test_a_task_in_two_groups_is_refused(plain: Results) -> None:
    scores = plain.scores.assign(group="a")
    scores.loc[scores.index[0], "group"] = "b"
    with pytest.raises(StoreError, match="task 0 is in two groups"):
        summarise(replace(plain, scores=scores))


@pytest.mark.parametrize("named", ["station", "set of classes"])
def test_few_groups_make_no_verdict(plain: Results, named: str) -> None:
    results = grouped(plain, 3, named)
    few = "3 test stations" if named == "station" else "3 test sets of classes"
    (first, *_) = findings(summarise(results))
    assert first.startswith(f"{few}: too few for a verdict (it takes 6). On sinusoid")
    assert "separate" not in first
    assert f"- {few}: too few for a verdict" in render_table(results, "md")
    assert "Neither p nor what could be detected" in render_table(results, "md")
    ((_, best, *_, apart),) = verdicts(summarise(results)).sheets[0].rows
    assert apart.text.startswith(f"no verdict; {few}")
    assert not best.bold


def test_one_group_or_task_has_no_interval(plain: Results, make_results: Make) -> None:
    for results, said in (
        (grouped(plain, 1), "1 test station: too few for an interval or a verdict"),
        (
            make_results(["maml", "reml"], shots=(5,), steps=(0, 10), tasks=1),
            "1 test task: too few for an interval or a verdict",
        ),
    ):
        text = render_table(results, "md").partition("\n## ")[2].partition("spending")[0]
        assert "[" not in text
        assert said in text
        assert make_table(results)[["mean_low", "mean_high", "iqm_low"]].isna().all(axis=None)
        names = {picture.stem for picture, _ in drawn(results)}  # nothing chokes on no interval
        assert "error-against-steps" in names
        assert "performance-profiles" in names


def test_one_seed_says_that_it_is_of_these_weights(make_results: Make) -> None:
    results = make_results(["maml", "reml"], shots=(5,), steps=(0, 10), tasks=30, seeds=1)
    (first, *_) = findings(summarise(results))
    assert first.startswith("One seed: no verdict on the learners, only on these weights. On ")
    text = render_table(results, "md")
    assert text.count("§ of these weights: from one seed") == 1
    ((*_, apart),) = verdicts(summarise(results)).sheets[0].rows
    assert apart.text.startswith("no verdict; one seed")
    captions = {picture.stem: picture.caption for picture, _ in drawn(results)}
    assert "§ of these weights" in captions["error-against-steps"]


def test_a_seed_with_folds_is_one_training_for_each(plain: Results) -> None:
    results = folded(grouped(plain, 54), 6)
    group = only(results).groups[0]
    mean = group.ends["maml", "mse"].mean
    assert (mean.clusters.folds, mean.grounds) == (6, (3, 54))
    assert mean.value == pytest.approx(only(plain).groups[0].ends["maml", "mse"].mean.value)
    entrant = only(results).entrants[0]
    assert (entrant.done, entrant.planned) == (3, 3)


def test_a_seed_that_misses_a_fold_is_missing(plain: Results) -> None:
    results = folded(plain, 6)
    lost = "sinusoid-maml-1-f2"
    trials = results.trials.assign(
        status=results.trials["status"].where(results.trials["trial"] != lost, "failed")
    )
    scores = results.scores[results.scores["trial"] != lost]
    comparison = only(replace(results, trials=trials, scores=scores))
    assert comparison.entrants[0].coverage == "⚠ 2 of 3 seeds"
    assert comparison.groups[0].cells["maml", 10, "mse"].seeds == 2
    assert comparison.groups[0].cells["reml", 10, "mse"].seeds == 3


ROLES = [
    ("mean", {}, "control"),
    ("scratch", {}, "control"),
    ("reml-random", {}, "control"),
    ("reml", {"composer": "fixed"}, "control"),
    ("reml", {"composer": "policy"}, "reml"),
    ("reml-thesis", {}, "reml"),
    ("maml", {"composer": "fixed"}, "baseline"),
    ("mean-shift", {}, "baseline"),
    ("remlike", {}, "baseline"),
]


@pytest.mark.parametrize(("name", "fields", "role"), ROLES)
def test_roles_go_by_what_the_matrix_names(name: str, fields: dict[str, str], role: str) -> None:
    assert role_of(Settings(name, fields)) == role


def relabelled(results: Results, names: dict[str, str]) -> Results:
    """The same learners under other labels."""
    frames = {
        it: getattr(results, it).replace({"learner": names})
        for it in ("trials", "scores", "history", "curves", "diagnostics")
    }
    settings = {names[label]: it for label, it in results.settings.items()}
    return replace(results, **frames, order=tuple(map(names.get, results.order)), settings=settings)


def test_labels_make_neither_a_contender_nor_a_baseline(make_results: Make) -> None:
    results = make_results(["reml", "mean", "fine_tuning", "maml"], shots=(5,), tasks=20)
    names = {"reml": "scratch", "mean": "maml", "fine_tuning": "reml", "maml": "mean"}
    comparison = only(relabelled(results, names))
    assert [it.role for it in comparison.entrants] == ["reml", "control", "baseline", "baseline"]
    chosen = baseline_of(comparison, comparison.groups[0])
    assert chosen is not None
    assert chosen.label == "mean"
    looks = styles(comparison.entrants)
    assert looks["scratch"].width > looks["mean"].width > looks["maml"].width
    without = make_results(["reml", "mean", "fine_tuning"], shots=(5,), tasks=20)
    comparison = only(relabelled(without, names))
    chosen = baseline_of(comparison, comparison.groups[0])
    assert chosen is not None
    assert chosen.label == "reml"  # fine_tuning in truth, though a control is labelled maml


def test_intervals_are_wider_where_stations_differ(make_results: Make) -> None:
    """Independent draws of these would have intervals less than half as wide."""
    draw, stations = np.random.default_rng(1), np.arange(54) % 9
    results = make_results(["maml"], shots=(5,), steps=(10,), tasks=54)
    effect = draw.normal(size=9)[stations]
    scores = results.scores.assign(value=lambda it: 9 + effect[it["task"]])
    results = replace(results, scores=scores)
    alone, whole = only(results), only(grouped(results, 9))
    one, other = (it.groups[0].cells["maml", 10, "mse"].mean for it in (alone, whole))
    assert other.high - other.low > 2 * (one.high - one.low)
