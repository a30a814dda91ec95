"""Verdicts are at the step that validation chose."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import findings
from benchmarks.report.findings.verdict import verdicts
from benchmarks.report.scores.chosen import CHOSEN
from benchmarks.report.scores.summary import summarise
from benchmarks.report.tables.catalogue import sections
from benchmarks.report.tables.pairs import make_pairs
from benchmarks.report.tables.write import make_table

STOPS = {"maml": (0, 10, 5), "mean": (0, 0, 0)}


def told(results: Results, stops: Mapping[str, tuple[int, ...]]) -> Results:
    chosen = [
        {"5": stops[learner][seed]} if learner in stops else {}
        for learner, seed in zip(results.trials["learner"], results.trials["seed"], strict=True)
    ]
    return replace(results, trials=results.trials.assign(chosen_steps=chosen))


@pytest.fixture(scope="module")
def plain(make_results) -> Results:
    return make_results(("maml", "mean"), shots=(5,), seeds=3)


@pytest.fixture(scope="module")
def chosen(plain: Results) -> Results:
    return told(plain, STOPS)


def test_every_trial_counts_at_its_own_step(chosen: Results) -> None:
    (group,) = summarise(chosen)[0].groups
    scores = chosen.scores.query("learner == 'maml' and metric == 'mse'")
    expected = pd.concat(
        scores.query("seed == @seed and steps == @steps")
        for seed, steps in enumerate(STOPS["maml"])
    )["value"].mean()
    assert group.cells["maml", CHOSEN, "mse"].mean.value == pytest.approx(expected)
    assert group.steps == (0, 1, 5, 10)
    assert group.chosen == STOPS
    assert group.decisive("mse") == CHOSEN
    assert group.ends["maml", "mse"].mean.value == pytest.approx(expected)


def test_verdicts_pairs_and_sentences_are_of_it(chosen: Results) -> None:
    comparisons = summarise(chosen)
    (row,) = verdicts(comparisons).sheets[0].rows
    assert row[0].text.endswith("chosen step")
    assert "at the step that validation chose" in next(findings(comparisons))
    assert set(make_pairs(comparisons)["steps"]) == {"chosen"}
    (section, *_) = sections(chosen)
    assert section.sheets[0].columns == (
        *("learner", "0 steps", "1 step", "5 steps", "10 steps", "chosen step"),
        *("seeds", "tasks"),
    )
    assert "Steps that validation tasks chose: maml 0 or 5 or 10 and mean 0." in section.remarks
    table = make_table(chosen)
    assert set(table["steps"]) == {0, 1, 5, 10, "chosen"}
    assert set(table.query("steps == 'chosen'")["metric"]) == {"mse", "nmse"}


@pytest.mark.parametrize("stops", [{}, {"maml": (0, 10, 5)}])
def test_where_one_trial_chose_nothing_verdicts_are_at_the_most_steps(
    plain: Results, stops: Mapping[str, tuple[int, ...]]
) -> None:
    results = told(plain, stops)
    comparisons = summarise(results)
    (group,) = comparisons[0].groups
    assert group.decisive("mse") == 10
    assert not group.chosen
    assert set(make_table(results)["steps"]) == {0, 1, 5, 10}
    (section, *_) = sections(results)
    assert any("verdicts are of the most steps" in it for it in section.remarks)
    assert group.cells == summarise(plain)[0].groups[0].cells
