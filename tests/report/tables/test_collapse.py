"""Trainings that came to nothing are seen in the table, and said."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.findings.cautions import cautions
from benchmarks.report.scores.collapse import collapses
from benchmarks.report.scores.summary import summarise
from benchmarks.report.tables.write import render_table


def kept_of(learner: str, seed: int) -> dict[str, float]:
    """`reml` collapses with seed 1, and is saved by an earlier state; `maml` learns."""
    if learner == "reml":
        return {"loss": 0.42, "last_loss": 0.99 if seed == 1 else 0.1}
    return {"loss": 0.2, "last_loss": 0.3} if learner == "maml" else {}


@pytest.fixture
def results(make_results: Callable[..., Results]) -> Results:
    made = make_results(("reml", "maml", "mean"), seeds=2)
    trials = made.trials
    kept = [kept_of(*it) for it in zip(trials["learner"], trials["seed"], strict=True)]
    return replace(made, trials=trials.assign(kept=kept))


def test_the_table_marks_it_and_says_which_seed(results: Results) -> None:
    text = render_table(results, "md")
    assert "| reml ∅ " in text
    assert "maml ∅" not in text
    assert "mean ∅" not in text
    assert (
        "reml ∅: training came to nothing with 1 of 2 seeds; a constant guess loses 1 on "
        "validation tasks, and there it ends with seed 1 at 0.99 (the state that is tested: 0.42)."
    ) in text
    assert "∅ with some seed its training came to nothing" in text


def test_it_is_a_caution(results: Results) -> None:
    said = list(cautions(results, summarise(results)))
    assert len([it for it in said if "came to nothing with 1 of 2 seeds" in it]) == 1


def test_nothing_is_said_where_nobody_looked(make_results: Callable[..., Results]) -> None:
    old = make_results(("reml", "maml", "mean"), seeds=2)
    assert "∅" not in render_table(old, "md")


def test_of_folds_the_worst_counts_and_trials_that_are_not_done_do_not() -> None:
    trials = pd.DataFrame(
        {
            "seed": [0, 0, 1, 2],
            "status": ["done", "done", "failed", "done"],
            "kept": [{"last_loss": 0.96}, {"last_loss": 1.5, "loss": 0.5}, {"last_loss": 9.0}, {}],
        }
    )
    assert collapses(trials) == ((0, 1.5, 0.5),)


def test_a_handful_of_validation_tasks_tells_nothing() -> None:
    kept = [{"last_loss": 1.5, "on": it} for it in (7, 19, 20, 100)]
    trials = pd.DataFrame({"seed": range(4), "status": "done", "kept": kept})
    assert [it.seed for it in collapses(trials)] == [2, 3]


def test_a_learner_that_is_bad_on_one_task_alone_has_learned() -> None:
    kept = [{"last_loss": 1.5, "last_typical_loss": it} for it in (0.4, 0.99, None)]
    trials = pd.DataFrame({"seed": [0, 1, 2], "status": "done", "kept": kept})
    assert [it.seed for it in collapses(trials)] == [1, 2]
