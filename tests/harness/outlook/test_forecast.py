"""Trials and trainings counted before any is run, and held against what a folder has."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.outlook.forecast import HERE, finder, forecast, seconds_of
from benchmarks.harness.outlook.former import Former
from benchmarks.harness.outlook.lots import lots_of
from benchmarks.harness.outlook.planning import plan
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import Matrix, load_matrix
from benchmarks.harness.plan.registry import Registry

Make = Callable[..., Matrix]
SINUSOID = Path(__file__).parents[3] / "results" / "sinusoid"


@pytest.mark.parametrize("name", ["thesis-questions", "gradient-ablation"])
def test_it_counts_the_trials_and_trainings_that_there_are(name: str) -> None:
    registry = Registry()
    matrix = load_matrix(name, registry)
    trials = expand(matrix, registry)
    lots = list(lots_of(matrix, registry, {}))
    assert sum(len(lot.seeds) for lot in lots) == len(trials)
    shared = {(it.learner.label, it.family.label, it.protocol.label): it.training for it in trials}
    same: dict[str, set[str]] = {}
    for lot in lots:
        key = lot.learner.entry.label, lot.family.entry.label, lot.protocol.label
        same.setdefault(lot.training, set()).add(shared[key])
    assert all(len(it) == 1 for it in same.values())
    assert len({next(iter(it)) for it in same.values()}) == len(same)


def test_what_a_folder_has_is_done() -> None:
    registry = Registry()
    found = plan(load_matrix("sinusoid", registry), registry, SINUSOID)
    counts = found.forecast
    assert (counts.trials, counts.done, counts.left, counts.failed) == (39, 39, 0, 0)
    assert "nothing is left to do" in found.text(2)


def stored(directory: Path, matrix: Matrix, statuses: dict[tuple[str, int], str]) -> None:
    """A folder in which some trials have ended."""
    trials = expand(matrix, Registry())
    (directory / "trials").mkdir(parents=True)
    (directory / "matrix.json").write_text(json.dumps(describe(matrix, trials)))
    for it in trials:
        status = statuses.get((it.learner.label, it.seed))
        if status is not None:
            place = directory / "trials" / it.id
            place.mkdir()
            spent = {"tasks": 1000, "cpu_seconds": 7.0, "evaluate_seconds": 2.0}
            record = {**it.row, "status": status, "spec": it.identity, "spending": spent}
            (place / "trial.json").write_text(json.dumps(record))
            if status == "done":
                (place / "learner.pt").write_text("")


def test_what_is_left_takes_what_the_rest_of_the_folder_took(made: Make, tmp_path: Path) -> None:
    matrix, registry = made({"name": "cnp"}, {"name": "mean"}), Registry()
    stored(tmp_path / "out", matrix, {("cnp", 0): "done", ("cnp", 1): "failed"})
    found = plan(matrix, registry, tmp_path / "out").forecast
    cnp = found.shares[0]
    assert (cnp.done, cnp.left, cnp.trainings, cnp.source) == (1, 2, 2, HERE)
    assert cnp.train_seconds == pytest.approx(2 * 7)
    assert found.failed == 1
    assert "1 done already, 1 failed and to be run again, 5 to run" in plan(
        matrix, registry, tmp_path / "out"
    ).text(1)


@pytest.mark.parametrize(
    "changed",
    [
        {"budget": {"tasks": 2000}},
        {"budget": {"tasks": 1000, "keep": "last"}},
        {"learner": [{"name": "cnp", "lr": 0.1}, {"name": "mean"}]},
        {"learner": [{"name": "cnp", "budget": {"tasks": 5}}, {"name": "mean"}]},
        {"family": [{"name": "sinusoid", "noise": 0.1}]},
        {"rules": {"tasks": 21}},
    ],
)
def test_what_has_changed_is_not_done(
    made: Make, tmp_path: Path, changed: dict[str, object]
) -> None:
    matrix = made({"name": "cnp"}, {"name": "mean"})
    stored(tmp_path / "out", matrix, {("cnp", 0): "done"})
    other = made({"name": "cnp"}, {"name": "mean"}, **changed)
    assert plan(matrix, Registry(), tmp_path / "out").forecast.done == 1
    assert plan(other, Registry(), tmp_path / "out").forecast.done == 0


def test_another_matrix_s_folder_is_refused(made: Make) -> None:
    with pytest.raises(StoreError, match="holds the results of matrix 'sinusoid', not of 'tiny'"):
        plan(made({"name": "mean"}), Registry(), SINUSOID)


def test_trials_share_trainings_with_each_other_and_with_former_ones(made: Make) -> None:
    learners = [{"name": "reml", "label": f"c{n}", "candidates": n} for n in (1, 4, 16)]
    matrix, registry = made(*learners), Registry()
    lots = list(lots_of(matrix, registry, {}))
    found = forecast(matrix, lots, Former(), lambda lot: None)
    assert (found.left, found.trainings, sum(it.shared for it in found.shares)) == (9, 3, 6)
    key = lots[0].key(0)
    former = Former(statuses={key: "done"}, trained=frozenset({key}))
    found = forecast(matrix, lots, former, lambda lot: None)
    assert (found.left, found.trainings) == (8, 2)
    kept_nothing = Former(statuses={key: "done"})
    assert forecast(matrix, lots, kept_nothing, lambda lot: None).trainings == 3


def test_one_that_does_not_train_takes_no_training(made: Make) -> None:
    matrix = made({"name": "mean"})
    (lot,) = lots_of(matrix, Registry(), {})
    assert seconds_of(lot, None).training == 0
    found = forecast(matrix, [lot], Former(), finder(Former()))
    assert (found.trainings, found.left) == (0, 3)


def test_budgets_of_seconds_take_as_long(made: Make) -> None:
    (lot,) = lots_of(made({"name": "cnp"}, budget={"seconds": 90}), Registry(), {})
    assert seconds_of(lot, None).training == 90


def test_a_search_for_settings_is_counted(made: Make) -> None:
    more = {"tuning": {"trials": 10, "seeds": 2, "tasks": 500}}
    matrix, registry = made({"name": "cnp"}, {"name": "mean"}, **more), Registry()
    found = forecast(matrix, list(lots_of(matrix, registry, {})), Former(), lambda lot: None)
    assert found.tries == 20
    assert found.try_seconds > 0


def test_folds_are_counted_as_the_data_have_them(made: Make, tmp_path: Path) -> None:
    rows = [
        f"{group},{group}{task},{x},{x * task}"
        for group in "abcdefg"
        for task in range(3)
        for x in range(9)
    ]
    (tmp_path / "data.csv").write_text("\n".join(["g,t,x,y", *rows]))
    columns = {"task": "t", "x": ["x"], "y": "y", "split_by": "g"}
    family = {"name": "table", "path": str(tmp_path / "data.csv"), **columns}
    rules = {"folds": "leave-one-group-out"}
    matrix = made({"name": "mean"}, rules=rules, family=[family])
    registry = Registry()
    expected = len(expand(matrix, registry))
    assert plan(matrix, registry, tmp_path / "out").forecast.trials == expected == 21


def test_ten_thousand_trials_are_planned_in_seconds(made: Make, tmp_path: Path) -> None:
    grid = {"lr": [n / 1000 for n in range(1, 21)], "train_queries": list(range(1, 6))}
    matrix = made({"name": "cnp", "grid": grid}, seeds=100)
    started = time.process_time()
    found = plan(matrix, Registry(), tmp_path / "out").forecast
    assert (found.trials, found.trainings) == (10_000, 10_000)
    assert time.process_time() - started < 5
