"""The answer says what to use, no more surely than the intervals do, and how to use it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from known_results import made

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import render_index
from benchmarks.report.documents.page.document import render
from benchmarks.report.findings.answer import (
    ADVICE,
    CHANGE,
    COST,
    MOST,
    PYTHON,
    SHELL,
    WARNING,
    answer,
)


def line(results: Results, about: str) -> str:
    return next((f"{it.text}{it.code}" for it in answer(results).lines if it.about == about), "")


def test_one_that_is_told_apart_from_all_is_the_one_to_use() -> None:
    results = made({"mean": 3.0, "maml": 1.5, "reml": 1.0})
    (advice,) = answer(results).advice
    assert (advice.use, advice.alike, advice.told) == ("reml", ("reml",), True)
    said = line(results, ADVICE)
    assert said.startswith("On f with 5 shots, after 10 steps: use reml. MSE 1.5")
    difference = results.scores.groupby("learner")["value"].mean()
    apart = difference["maml"] - difference["reml"]
    assert f"{apart:.2f} [" in said
    assert "less than maml, the next" in said
    assert "less than mean, the simple one" in said
    assert "not told apart" not in said


def test_of_those_not_told_apart_the_cheapest_is_taken() -> None:
    results = made(
        {"mean": 3.0, "gp-prior": 1.002, "maml": 1.001, "reml": 1.0},
        seconds={"gp-prior": 2, "maml": 9, "reml": 30},
    )
    (advice,) = answer(results).advice
    assert set(advice.alike) == {"gp-prior", "maml", "reml"}
    assert advice.use == "gp-prior"
    assert advice.recommendation.endswith("are not told apart: take the cheapest, gp-prior")
    assert line(results, COST).startswith("gp-prior trains on 2,000 tasks in 2.00 s; adapting")


def test_a_wide_interval_earns_no_advice() -> None:
    results = made({"maml": 0.3, "reml": 0.29})
    wild = (results.scores["learner"] == "maml") & (results.scores["task"] == 0)
    spoiled = results.scores.assign(value=results.scores["value"].where(~wild, 60.0))
    (advice,) = answer(replace(results, scores=spoiled)).advice
    assert set(advice.alike) == {"maml", "reml"}
    assert advice.use == "reml"
    assert advice.recommendation.endswith("take the cheapest whose mean is near the best, reml")


def test_that_every_contender_is_worse_than_a_simple_one_is_said_first() -> None:
    results = made({"gp": 1.0, "mean": 3.0, "maml": 2.0, "reml": 2.5})
    assert str(answer(results)).startswith("Every contender is worse than gp on f with 5 shots")
    one = made({"mean": 1.0, "maml": 2.0})
    assert str(answer(one)).startswith("The only contender, maml, is worse than mean on f")


def test_contenders_behind_a_simple_one_are_worse_only_where_they_are_told_apart() -> None:
    results = made({"gp": 1.0, "maml": 1.001, "reml": 2.5})
    said = line(results, ADVICE)
    assert said.startswith("No contender has a better mean than gp (1 of 2 are told apart as wor")
    single = line(made({"gp": 1.0, "maml": 2.0}, seeds=1), ADVICE)
    assert single.startswith("No contender has a better mean than gp on f")
    assert "worse" not in single


def test_classifiers_are_held_against_the_simple_ones_too() -> None:
    results = made({"nearest_centroid": 0.9, "protonet": 0.5}, accuracy=True)
    said = line(results, ADVICE)
    assert said.startswith("The only contender, protonet, is worse than nearest_centroid on f")
    assert re.search(r"(39|40)\.\d \[.*\] more than protonet, the next", said)
    assert not line(results, SHELL)  # reml predict is for regression
    assert line(results, PYTHON)


@pytest.mark.parametrize(
    ("how", "why", "takes"),
    [
        ({"seeds": 1}, "one seed", "a second seed at least"),
        ({"tasks": 4}, "4 test tasks: too few for a verdict", "2 more test tasks in the test"),
        ({"groups": 3}, "3 test stations: too few", "3 more stations in the test"),
    ],
)
def test_without_a_verdict_nobody_is_told_apart(
    how: Mapping[str, int], why: str, takes: str
) -> None:
    results = made({"mean": 3.0, "maml": 1.5, "reml": 1.0}, **how)
    (advice,) = answer(results).advice
    assert not advice.told
    said = line(results, ADVICE)
    assert "nothing can be told apart" in said
    assert why in said
    assert "reml has the best mean here" in said
    assert "use reml" not in said
    assert takes in line(results, CHANGE)


def test_seeds_would_change_it_where_training_varies_most() -> None:
    said = line(made({"maml": 1.0, "reml": 1.2}, training=0.3), CHANGE)
    found = re.search(r"about (\d+) seeds instead of 3", said)
    assert found, said
    assert int(found[1]) > 3
    share = re.match(r"(\d+) % of the variance", said)
    assert share
    assert int(share[1]) > 50
    assert "from training to training" in said


def test_groups_would_change_it_where_they_differ_most() -> None:
    results = made({"maml": 1.0, "reml": 1.0}, groups=10)
    of_group = results.scores["group"].str[1:].astype(int)
    uneven = results.scores["value"] + (results.scores["learner"] == "reml") * (of_group - 4) * 0.2
    said = line(replace(results, scores=results.scores.assign(value=uneven)), CHANGE)
    found = re.search(r"about (\d+) stations instead of 10", said)
    assert found, said
    assert int(found[1]) > 10
    assert "from station to station" in said


def test_as_many_seeds_as_are_said_to_be_enough_are_enough() -> None:
    few = made({"maml": 1.0, "reml": 1.2}, training=0.3, noise=0.0)
    found = re.search(r"about (\d+) seeds", line(few, CHANGE))
    assert found
    n = int(found[1])
    maml, reml = few.scores.query("learner == 'maml'"), few.scores.query("learner == 'reml'")
    apart = (reml.groupby("seed")["value"].mean() - maml.groupby("seed")["value"].mean()).to_numpy()
    from scipy.stats import t

    reach = [t.ppf(0.975, k - 1) * apart.std(ddof=1) / np.sqrt(k) for k in (n, n - 1)]
    assert reach[0] < abs(apart.mean()) <= reach[1]


def test_more_shots_are_told_of_where_they_were_tried() -> None:
    results = made({"mean": 3.0, "maml": 1.5, "reml": 1.0}, shots=(5, 10))
    (advice,) = answer(results).advice
    assert advice.shots == (5, 10)
    assert line(results, ADVICE).startswith("On f with 5 and 10 shots, after 10 steps: use reml.")
    change = made({"mean": 3.0, "maml": 1.5, "reml": 1.0}, shots=(5, 10))
    better = (change.scores["shots"] == 10) & (change.scores["learner"] == "maml")
    change = replace(
        change, scores=change.scores.assign(value=change.scores["value"] - better * 0.5)
    )
    first, second = answer(change).advice
    assert (first.use, second.use) == ("reml", "maml")
    assert "more shots: MSE of reml is" in "; ".join(it.text for it in first.changes)


def test_what_would_change_it_says_at_which_shots() -> None:
    results = made({"maml": 1.0, "reml": 1.2}, training=0.3, shots=(5, 10, 20))
    (advice,) = answer(results).advice
    assert advice.shots == (5, 10, 20)
    lines = [it.text for it in answer(results).lines if it.about == CHANGE]
    assert len(lines) == 3
    for text, shots in zip(lines, advice.shots, strict=True):
        assert text.startswith(f"f with {shots} shots, after 10 steps: ")
    alike = made({"maml": 1.0, "reml": 1.2}, training=0.3, shots=(5, 10, 20), seeds=1)
    assert line(alike, CHANGE).startswith("a verdict takes a second seed at least")


def test_warnings_are_of_what_happened(make_results: Callable[..., Results]) -> None:
    results = made({"mean": 3.0, "maml": 1.5, "reml": 1.0}, groups=7)
    gone = (results.scores["learner"] == "maml") & (results.scores["task"] == 3)
    keys = ["trial", "family", "protocol", "learner", "seed"]
    history = results.trials[keys].query("learner == 'maml'")
    results = replace(
        results,
        scores=results.scores.assign(diverged=gone),
        history=history.assign(metric="query_loss", value=3.49, tasks=2_000),
        notes=("f: 2 of 60 test tasks have a constant target 'y'",),
    )
    said = answer(results).warnings
    assert said[0] == "f: 2 of 60 test tasks have a constant target 'y'"
    assert "maml diverged in 3 of 180 scores on f" in said
    assert any(it.startswith("the training of maml on f ended at a loss of 3.49") for it in said)
    assert any(it.startswith("7 test stations on f") for it in said)
    assert str(answer(results)).count(WARNING) == MOST[WARNING]
    missing = make_results(("maml", "mean"), seeds=3, failed=(("maml", 1),))
    assert any("maml on sinusoid has 2 of 3 seeds" in it for it in answer(missing).warnings)
    fine = made({"mean": 3.0, "maml": 1.5, "reml": 1.0})
    assert answer(fine).warnings == ()


def test_how_to_use_it_is_told_where_there_is_something_to_load(tmp_path: Path) -> None:
    results = made({"mean": 3.0, "gp-prior": 1.0})
    assert not [it for it in answer(results, tmp_path).lines if it.code]
    place = tmp_path / "trials" / "f-gp-prior-s1-0123456789ab"
    place.mkdir(parents=True)
    (place / "learner.pt").touch()
    code = {it.about: it.code for it in answer(results, tmp_path).lines}
    named = f"reml predict {tmp_path} --learner gp-prior"
    assert code[SHELL] == f"{named} --support SUPPORT.csv --query QUERY.csv"
    assert code[PYTHON].startswith(f"reml.load({str(tmp_path)!r}).learner('gp-prior').adapt(X, y)")


def test_the_report_says_how_to_use_each_learner(tmp_path: Path) -> None:
    results = made({"mean": 3.0, "gp-prior": 1.0, "a b": 2.0})
    for trial in ("f-gp-prior-s1-0123456789ab", "f-a b-s0-0123456789ab"):
        place = tmp_path / "trials" / trial
        place.mkdir(parents=True)
        (place / "learner.pt").touch()
    for text in (render_index(results, tmp_path), unescape(render(results, (), (), tmp_path))):
        assert "reml predict . --learner gp-prior --support" in text
        assert "reml predict . --learner 'a b' --support" in text
        assert "reml.load('.').learner('a b').adapt(X, y)" in text
        assert "--learner mean" not in text
        assert str(tmp_path) not in text


def test_of_many_comparisons_the_short_form_stays_short() -> None:
    some = made({"mean": 3.0, "maml": 1.5, "reml": 1.0})
    frames = {
        name: pd.concat([getattr(some, name).assign(family=f"f{n}") for n in range(20)])
        for name in ("trials", "scores")
    }
    frames["trials"]["trial"] += frames["trials"]["family"]
    frames["scores"]["trial"] += frames["scores"]["family"]
    many = answer(replace(some, **frames))
    assert len(many.advice) == 20
    assert len(str(many).splitlines()) <= 12
    assert str(many).splitlines()[-1].endswith("in the report")
    assert sum(MOST.values()) == 12


def test_a_recommendation_heads_the_page_and_the_index(
    make_results: Callable[..., Results], tmp_path: Path
) -> None:
    results = make_results()
    said = answer(results).advice[0].recommendation
    page, index = render(results, (), ()), render_index(results, tmp_path)
    assert page.index(said) < page.index("Who won")
    assert index.index("On sinusoid") < index.index("has the lowest mean")
