"""Everybody has numbers soon, and the order in which trials run changes none of them."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.first_scores import Score, first_score
from benchmarks.harness.run.local import modules_of
from benchmarks.harness.run.turns import in_turn, seconds_of
from benchmarks.harness.trial.trial import run_trial

Trials = Callable[..., list[TrialSpec]]


def test_seeds_take_turns_and_the_cheap_come_first_but_last_of_the_last_seed(
    trials_of: Trials, registry: Registry
) -> None:
    trials = trials_of("reml", "maml", "gp-prior", "mean")
    order = [(it.seed, it.learner.label) for it in in_turn(trials, registry, {})]
    labels = ["mean", "gp-prior", "maml", "reml"]
    assert order == [*((0, it) for it in labels), *((1, it) for it in reversed(labels))]
    alone = in_turn([it for it in trials if it.seed == 1], registry, {})
    assert [it.learner.label for it in alone] == labels


def test_workers_find_what_optimisers_import_where_somebody_trains(
    trials_of: Trials, registry: Registry
) -> None:
    assert "torch._dynamo" in modules_of(trials_of("maml", "mean"), registry)
    assert modules_of(trials_of("mean"), registry) == [
        "baselines.mean",
        "benchmarks.tasks.sinusoid",
    ]


def test_what_former_runs_took_counts_more_than_what_is_guessed(
    trials_of: Trials, registry: Registry
) -> None:
    trials = trials_of("maml", "gp-prior")
    records = [
        {"status": "done", "learner": label, "family": "sinusoid", "spending": {"seconds": took}}
        for label, took in (("maml", 0.001), ("gp-prior", 50.0), ("maml", 3.0))
    ]
    took = seconds_of([*records, {}, {"status": "failed", "spending": {"seconds": 0.0}}])
    assert took == {("maml", "sinusoid"): 0.001, ("gp-prior", "sinusoid"): 50.0}
    order = [it.learner.label for it in in_turn(trials, registry, took)]
    assert order == ["maml", "gp-prior", "gp-prior", "maml"]


def test_of_trials_that_share_a_training_the_same_one_trains(
    trials_of: Trials, registry: Registry
) -> None:
    two = 'name = "reml"\nlabel = "a"\ncandidates = 4', 'name = "reml"\nlabel = "b"\ncandidates = 1'
    trials = trials_of(*two)
    assert trials[0].training == trials[2].training
    took = {("b", "sinusoid"): 0.1, ("a", "sinusoid"): 9.0}
    order = [it.learner.label for it in in_turn(trials, registry, took)]
    assert order == ["a", "b", "a", "b"]


def test_scores_do_not_depend_on_the_order(
    trials_of: Trials, registry: Registry, tmp_path: Path
) -> None:
    def run(trials: list[TrialSpec], where: str) -> dict[str, pd.DataFrame]:
        found = {}
        for spec in trials:
            place = tmp_path / where / spec.id
            place.mkdir(parents=True)
            run_trial(spec, registry, place)
            found[spec.id] = pd.read_parquet(place / "scores.parquet")
        return found

    trials = trials_of("fine_tuning", "mean")
    as_written, turned = run(trials, "a"), run(in_turn(trials, registry, {}), "b")
    assert [*as_written] != [*turned]
    for trial, scores in as_written.items():
        pd.testing.assert_frame_equal(scores, turned[trial], check_exact=True)
    place = tmp_path / "a" / trials[0].id
    scores = as_written[trials[0].id].query("metric == 'mse' and shots == 2")
    for chosen, steps in (({}, 1), ({"2": 0}, 0)):
        score = first_score(place, {"problem": {"metric": "mse"}, "chosen_steps": chosen})
        mean = scores.query("steps == @steps")["value"].mean()
        assert score == Score("mse", 2, steps, mean)
    assert first_score(tmp_path, {}) is None
