"""How long trials take, by what others took."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.harness.disk.shapes import read_records
from benchmarks.harness.outlook import speed
from benchmarks.harness.outlook.costs import Cost, bundled_costs, costs_of, nearest_cost, told
from benchmarks.harness.outlook.forecast import finder
from benchmarks.harness.outlook.former import Former
from benchmarks.harness.outlook.left import Going, seconds_left
from benchmarks.harness.outlook.lots import lots_of
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry

Make = Callable[..., Matrix]
ROOT = Path(__file__).parents[3]


def test_costs_are_medians_and_the_nearest_settings_count() -> None:
    def record(seconds: float, width: int) -> dict[str, object]:
        spec = {
            "learner": {"name": "cnp", "fields": {"width": width, "lr": 0.1}},
            "family": {"name": "sinusoid"},
            "protocol": {"tasks": 10, "shots": [1, 2]},
        }
        spent = {"tasks": 100, "seconds": seconds, "evaluate_seconds": 4.0, "peak_memory_mb": 300}
        return {"status": "done", "spec": spec, "spending": spent}

    odd: list[dict[str, object]] = [{}, {"status": "failed"}, {"status": "done", "spec": {}}]
    costs = costs_of([record(1, 8), record(3, 8), record(9, 8), record(50, 64), *odd])
    small = nearest_cost(costs, "cnp", "line", {"width": 8, "lr": 0.5})
    assert small is not None
    assert (small.task, small.test, small.memory) == (0.03, 0.2, 300)
    large = nearest_cost(costs, "cnp", "line", {"width": 64})
    assert large is not None
    assert large.task == 0.5
    assert nearest_cost(costs, "tnp", "line", {}) is None
    again = [Cost(**it) for it in json.loads(told(costs))]
    assert sorted(it.task for it in again) == [0.03, 0.5]
    assert all(set(it.fields) == {"width"} for it in again)


def test_what_is_bundled_is_of_the_published_results() -> None:
    names = {it.learner for it in bundled_costs()}
    assert {"reml", "maml", "cnp", "gp-prior", "protonet"} <= names
    records, _ = read_records(ROOT / "results" / "mixture" / "trials.json")
    (tnp,) = costs_of(it for it in records.values() if it["learner"] == "tnp")
    (bundle,) = (it for it in bundled_costs() if it.learner == "tnp" and it.family == "mixture")
    assert (bundle.task, bundle.test) == pytest.approx((tnp.task, tnp.test), rel=0.01)


def test_a_slower_machine_takes_longer(made: Make, tmp_path: Path) -> None:
    assert speed.factor_here() == 1
    known = nearest_cost(bundled_costs(), "maml", "sinusoid", {})
    assert known is not None
    speed.keep_speed({"maml": 0.5 / known.task, "nobody": 3.0})
    assert speed.factor_here() == pytest.approx(2)
    matrix, registry = made({"name": "maml"}), Registry()
    (lot,) = lots_of(matrix, registry, {})
    once, twice = (finder(Former(), it)(lot) for it in (1.0, 2.0))
    assert once is not None
    assert twice is not None
    assert twice.task == 2 * once.task
    (tmp_path / "cache" / "reml" / "speed.json").write_text("[]")
    assert speed.factor_here() == 1


def test_the_time_that_is_left_follows_what_was_seen() -> None:
    assert seconds_left({}, ["a"], [], 1) is None
    assert seconds_left({"a": [4.0, 6.0]}, ["a", "a", "b"], [], 1) == 15
    assert seconds_left({"a": [10.0]}, ["a"], [Going("a", 4.0, 0.4)], 2) == 8
    assert seconds_left({}, ["b"], [Going("a", 10.0, 0.5)], 1) == 10 + 20
