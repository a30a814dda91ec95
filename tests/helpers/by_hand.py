"""Trials of protocols whose scores can be worked out by hand: amplitudes 1 and 2, and no phase."""

from collections.abc import Callable
from json import dumps
from pathlib import Path

import numpy as np
import pandas as pd
from tiny import ONE_AND_TWO

from benchmarks.harness.evaluation.evaluator import draw_test_tasks
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_family
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import Results, consolidate
from benchmarks.harness.trial.trial import run_trial

HEAD = (
    """
name = "tiny"
seeds = 1

[budget]
tasks = 10

[[protocol]]
kind = "transfer"
on = ["two"]
families = ["one"]
shots = [3]
queries = 6
tasks = 4
steps = [0, 1, 2, 3]
reference = {name = "silent", gain = 0.5}

[[protocol]]
kind = "unrelated"
on = ["two"]
families = ["one"]
shots = [2]
queries = 6
tasks = 4
steps = [0, 1]
reference = {name = "silent", gain = 0.5}

[[protocol]]
kind = "retention"
then = "two"
families = ["one"]
shots = [2]
queries = 6
tasks = 4
steps = [0, 2]
reference = {name = "silent", gain = 0.5}
budget = {tasks = 7}
"""
    + ONE_AND_TWO
)
TRANSFER, UNRELATED, RETENTION = "transfer: two", "unrelated: two", "retention: two"


def trials_of(
    write_matrix: Callable[..., Path], registry: Registry, *learners: str
) -> list[TrialSpec]:
    return expand(load_matrix(str(write_matrix(*learners, head=HEAD))), registry)


def run_all(
    write_matrix: Callable[..., Path], registry: Registry, out: Path, *learners: str
) -> Results:
    """All trials of these learners, those with the same training trained once."""
    matrix = load_matrix(str(write_matrix(*learners, head=HEAD)))
    trials = expand(matrix, registry)
    folder = ResultsFolder(out)
    trained: dict[str, Path] = {}
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            place = folder.begin(trial.id)
            run_trial(trial, registry, place, trained=trained.get(trial.training))
            folder.commit(place, trial.id)
            if (learner := folder.learner(trial.id)) is not None:
                trained.setdefault(trial.training, learner)
    return consolidate(out)


def power(trial: TrialSpec, registry: Registry, other: bool = True) -> np.ndarray:
    """The mean of sin² over the query points of each test task: the error of an amplitude 1 off."""
    entry = trial.other if other else trial.family
    identity = trial.identity["protocol"]["other"] if other else trial.identity["family"]
    assert entry is not None
    family = make_family(entry, registry)
    drawn = draw_test_tasks(
        family, dumps(identity, sort_keys=True), trial.protocol, trial.protocol.shots[0]
    )
    return (drawn.query.x.double().sin() ** 2).mean((1, 2)).numpy()


def values(scores: pd.DataFrame, protocol: str, metric: str, steps: int) -> np.ndarray:
    rows = scores[
        (scores["protocol"] == protocol)
        & (scores["metric"] == metric)
        & (scores["steps"] == steps)
        & (scores["learner"] == "recalls")
    ]
    return rows.sort_values("task")["value"].to_numpy()
