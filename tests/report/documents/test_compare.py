import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.documents.change import changes, same_tasks
from benchmarks.report.documents.compare import Side, render_comparison

Make = Callable[..., Results]
SPEC = {
    "family": {"name": "sinusoid", "version": 1},
    "protocol": {"kind": "few_shot", "shots": [5], "steps": [0, 1], "tasks": 40, "split": "test"},
}


def known(results: Results, **protocol: object) -> Results:
    """The same with a spec in every trial."""
    spec = {**SPEC, "protocol": {**SPEC["protocol"], **protocol}}
    return replace(results, trials=results.trials.assign(spec=[spec] * len(results.trials)))


def scaled(results: Results, learner: str, factors: np.ndarray | float) -> Results:
    scores = results.scores.copy()
    mine = scores["learner"] == learner
    scores.loc[mine, "value"] *= factors
    return replace(results, scores=scores)


@pytest.fixture(scope="module")
def base(make_results: Make) -> Results:
    return known(
        make_results(["reml", "maml", "mean"], tasks=40, shots=(5,), steps=(0, 1), seeds=3)
    )


def text(first: Results, second: Results) -> str:
    return render_comparison(Side(Path("a"), first), Side(Path("b"), second), "md")


def test_a_folder_against_itself_has_not_changed(base: Results) -> None:
    found = changes(base, base)
    assert len(found) == 6
    assert {it.verdict for it in found} == {"same"}
    assert {it.difference for it in found} == {(0.0, 0.0, 0.0)}
    said = text(base, base)
    assert "Of 6 cells in common: 6 the same scores. Nothing has changed." in said
    assert "Only in" not in said


def test_pairing_tells_apart_what_the_spread_of_tasks_would_hide(base: Results) -> None:
    """Every score 3 % better: far less than tasks differ, but of one sign on each of them."""
    better = scaled(base, "maml", 0.97)
    paired = {it.learner: it for it in changes(base, better) if it.steps == 1}
    assert paired["maml"].paired
    assert paired["maml"].verdict == "better"
    assert paired["maml"].difference.high < 0
    assert paired["maml"].difference.value == pytest.approx(-0.03 * paired["maml"].first.value)
    assert paired["reml"].verdict == "same"
    apart = {it.learner: it for it in changes(base, known(better, queries=7)) if it.steps == 1}
    assert not apart["maml"].paired
    assert apart["maml"].verdict == "not told apart"
    assert apart["maml"].difference.value == paired["maml"].difference.value
    worse = next(it for it in changes(better, base) if it.learner == "maml")
    assert worse.verdict == "worse"


def test_noise_is_no_difference(base: Results) -> None:
    mine = base.scores["learner"] == "maml"
    noise = np.random.default_rng(0).normal(1, 0.05, int(mine.sum()))
    noisy = scaled(base, "maml", noise / noise.mean())
    said = text(base, noisy)
    assert "no difference that the interval tells apart" in said
    assert "better in B" not in said
    assert "on the same test tasks, paired per task" in said


def test_accuracy_is_better_where_it_is_higher(base: Results) -> None:
    problem = [{"metric": "accuracy", "outputs": 5}] * len(base.trials)
    scores = base.scores[base.scores["metric"] == "mse"].assign(
        metric="accuracy", value=lambda it: 0.5 + 0.001 * it["value"]
    )
    first = replace(base, trials=base.trials.assign(problem=problem), scores=scores)
    found = {it.learner: it.verdict for it in changes(first, scaled(first, "reml", 1.1))}
    assert found["reml"] == "better"


def test_other_tasks_are_not_paired(base: Results, make_results: Make) -> None:
    assert same_tasks(base, known(base, steps=[0, 1, 5], shots=[10]), "sinusoid", "few_shot")
    assert not same_tasks(base, known(base, tasks=41), "sinusoid", "few_shot")
    unknown = replace(base, trials=base.trials.assign(spec=[{}] * len(base.trials)))
    assert not same_tasks(unknown, unknown, "sinusoid", "few_shot")
    fewer = known(make_results(["maml"], tasks=30, shots=(5,), steps=(1,), seeds=2))
    (only,) = changes(base, fewer)
    assert (only.learner, only.steps, only.paired) == ("maml", 1, False)
    assert "on test tasks that are not the same" in text(base, fewer)


def test_what_only_one_has_is_named(base: Results, make_results: Make) -> None:
    other = known(make_results(["maml", "scratch"], tasks=40, shots=(5,), steps=(0, 1), seeds=2))
    other = replace(
        other,
        provenance={**other.provenance, "commit": "f" * 40, "python": "3.12.1"},
        settings={"maml": Settings("maml", {"inner_lr": 0.1})},
    )
    first = replace(base, settings={"maml": Settings("maml", {"inner_lr": 0.01})})
    said = text(first, other)
    only_a, only_b = said.partition("## Only in A")[2].split("## Only in B")
    assert "- maml on sinusoid, few_shot: seed 2\n" in only_a
    assert "- reml on sinusoid, few_shot: seeds 0, 1 and 2\n" in only_a
    assert "- scratch on sinusoid, few_shot: seeds 0 and 1" in only_b
    head = said.partition("##")[0]
    assert "commit `0123456`" in head
    assert "commit `fffffff`" in head
    assert "- python: 3.11.9 in A, 3.12.1 in B" in head
    assert "maml is not the same learner: inner_lr = 0.01 in A, 0.1 in B" in said


def test_the_csv_has_all_digits(base: Results) -> None:
    better = scaled(base, "maml", 0.9)
    made = render_comparison(Side(Path("a"), base), Side(Path("b"), better), "csv")
    table = pd.read_csv(io.StringIO(made))
    row = table[(table["learner"] == "maml") & (table["steps"] == 1)].iloc[0]
    mse = base.scores["metric"] == "mse"
    mine = (base.scores["learner"] == "maml") & (base.scores["steps"] == 1) & mse
    mean = base.scores.loc[mine, "value"].mean()
    assert row["a"] == pytest.approx(mean, rel=1e-10)
    assert row["b"] == pytest.approx(0.9 * mean, rel=1e-10)
    assert row["difference"] == pytest.approx(-0.1 * mean, rel=1e-9)
    assert row["verdict"] == "better"


def test_nothing_in_common_is_said(base: Results) -> None:
    other = replace(
        base,
        scores=base.scores.assign(family="table"),
        trials=base.trials.assign(family="table"),
    )
    assert "The two have no cell in common." in text(base, other)


def test_runs_on_other_draws_say_so_before_all_else(base: Results) -> None:
    """Another family version is another draw, though as many tasks of the same name."""
    spec = {**SPEC, "family": {"name": "sinusoid", "version": 2}}
    other = replace(base, trials=base.trials.assign(spec=[spec] * len(base.trials)))
    said = text(base, other)
    assert "**The test tasks of A and B are not known to be the same on sinusoid, few" in said
    assert said.index("Nothing is paired there") < said.index("## sinusoid")
    assert "Nothing is paired" not in text(base, base)
    again = replace(base, scores=base.scores.assign(group=base.scores["task"].astype(str)))
    halves = replace(base, scores=base.scores.assign(group=(base.scores["task"] // 2).astype(str)))
    assert all(it.paired for it in changes(base, halves))  # A is too old to say
    assert not any(it.paired for it in changes(again, halves))


@pytest.mark.parametrize(("groups", "seeds"), [(3, (0, 1, 2)), (40, (0,))])
def test_few_groups_or_one_seed_make_no_verdict(
    base: Results, groups: int, seeds: tuple[int, ...]
) -> None:
    few = replace(
        base,
        scores=base.scores[base.scores["seed"].isin(seeds)].assign(
            group=lambda it: "g" + (it["task"] % groups).astype(str)
        ),
        trials=base.trials[base.trials["seed"].isin(seeds)],
    )
    better = scaled(few, "maml", 0.5)
    found = {it.learner: it for it in changes(few, better) if it.steps == 1}
    assert (found["maml"].verdict, found["reml"].verdict) == ("no verdict", "same")
    said = text(few, better)
    assert "better in B" not in said
    assert "There is no verdict from one seed" in said
    assert ("] § |" in said) == (len(seeds) == 1)
