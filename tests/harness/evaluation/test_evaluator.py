"""Scores of test tasks: the metrics, which tasks, and what is drawn of them."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from baselines.mean import Mean
from benchmarks.core import (
    Predictor,
    Problem,
    Query,
    Spread,
    Support,
    TaskBatch,
    generator_of,
)
from benchmarks.harness.evaluation.evaluator import draw_test_tasks, evaluate, score
from benchmarks.harness.evaluation.fits import GRID
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.sinusoid import Sinusoid

PROTOCOL = FewShot(kind="few_shot", shots=(2, 3), steps=(0, 4), tasks=5, queries=6)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1)


def test_metrics_are_those_worked_out_by_hand() -> None:
    support = Support(column(0, 0).expand(2, -1, -1), torch.cat([column(0, 4), column(1, 1)]))
    y = torch.cat([column(2, 6, 99), column(1, 1, 3)])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    batch = TaskBatch(support, Query(torch.zeros(2, 3, 1), y, mask))
    prediction = torch.cat([column(1, 3, 0), column(1, 1, 0)])
    scores = score(prediction, batch, Problem(1, 1, target_scale=10.0))
    # task 0: squared errors 1 and 9, the masked point aside; its points 0, 4, 2, 6 vary by 5
    # task 1: squared errors 0, 0, 9; its points 1, 1, 1, 1, 3 vary by 0.64
    assert scores["mse"].tolist() == pytest.approx([500, 300])
    assert scores["rmse"].tolist() == pytest.approx([math.sqrt(500), math.sqrt(300)])
    assert scores["nmse"].tolist() == pytest.approx([5 / 5, 3 / 0.64])


def test_the_variance_floor_of_nmse_follows_the_other_tasks() -> None:
    support = Support(torch.zeros(2, 1, 1), torch.cat([column(0), column(7)]))
    query = Query(
        torch.zeros(2, 1, 1), torch.cat([column(4), column(7)]), torch.ones(2, 1, dtype=torch.bool)
    )
    scores = score(torch.cat([column(4), column(8)]), TaskBatch(support, query), Problem(1, 1))
    # task 0 varies by 4 and task 1 not at all: their mean, 2, stands in
    assert scores["nmse"].tolist() == pytest.approx([0, 1 / 2])


def test_tasks_that_are_all_constant_have_a_finite_nmse() -> None:
    support = Support(torch.zeros(2, 1, 1), torch.cat([column(3), column(7)]))
    query = Query(
        torch.zeros(2, 1, 1), torch.cat([column(3), column(7)]), torch.ones(2, 1, dtype=torch.bool)
    )
    scores = score(torch.cat([column(3), column(9)]), TaskBatch(support, query), Problem(1, 1))
    assert scores["nmse"].tolist() == [0, 4]


def test_every_task_is_scored_after_every_number_of_steps(spy: Any) -> None:
    scores, curves, *_ = evaluate(spy(1.0), Sinusoid(), "id", PROTOCOL)
    assert len(scores) == 2 * 2 * 5 * 3
    cell = scores.query("shots == 3 and steps == 4 and metric == 'mse'")
    y = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3).query.y.double()
    np.testing.assert_allclose(cell["value"], ((y - 5) ** 2).mean((1, 2)))
    assert cell["task"].tolist() == list(range(5))
    data = curves.query("shots == 2 and task == 1 and steps == -1")
    assert data["kind"].value_counts().to_dict() == {"query": 6, "support": 2}
    drawn = curves.query("shots == 2 and task == 1 and steps == 4")
    assert drawn["kind"].unique().tolist() == ["prediction"]
    assert drawn["y"].tolist() == [5.0] * GRID
    shown = curves.query("shots == 2 and steps == -1")["x"]  # of all tasks that are drawn
    np.testing.assert_allclose(drawn["x"], np.linspace(shown.min(), shown.max(), GRID), atol=1e-5)
    assert curves["task"].nunique() == 4


def test_a_problem_with_two_features_has_no_curves(spy: Any) -> None:
    class Plane(Sinusoid):
        @property
        def problem(self) -> Problem:
            return Problem(features=2, outputs=1)

    scores, curves, *_ = evaluate(spy(), Plane(), "id", PROTOCOL)
    assert len(scores) > 0
    assert list(curves) == ["shots", "steps", "task", "kind", "x", "y", "output"]
    assert curves.empty


def test_each_target_is_drawn_in_its_own_units_with_what_is_unsure() -> None:
    class Two(Sinusoid):
        @property
        def problem(self) -> Problem:
            named = {"target_scales": (2.0, 3.0), "target_offsets": (10.0, 20.0)}
            return Problem(1, 2, metric="nmse", targets=("a", "b"), **named)

        def sample(self, *asked: Any, **more: Any) -> TaskBatch:
            one = super().sample(*asked, **more)
            both = (replace(it, y=it.y.expand(-1, -1, 2)) for it in (one.support, one.query))
            return TaskBatch(*both)

    class Unsure(Mean):
        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            for step in steps:
                flat = torch.full((len(support.x), 1, 2), float(step))
                flat[3] = float("inf") if step else 0.0  # one task diverges
                yield Spread(
                    lambda x, flat=flat: flat.expand(-1, x.shape[1], -1).clone(),
                    lambda x: torch.full((len(x), x.shape[1], 2), 0.5),
                )

    curves = evaluate(Unsure(), Two(), "id", PROTOCOL).curves
    made = curves[curves["steps"] == 4].groupby(["kind", "output"])["y"]
    assert made.unique().map(list).to_dict() == {
        ("prediction", 0): [18.0],
        ("prediction", 1): [32.0],
        ("std", 0): [1.0],
        ("std", 1): [1.5],
    }
    assert made.size().unique().tolist() == [2 * 3 * GRID]  # shots, tasks
    data = curves[curves["kind"] == "support"]
    first, second = (data.loc[data["output"] == it, "y"].to_numpy() for it in (0, 1))
    np.testing.assert_allclose((first - 10) / 2, (second - 20) / 3)


def test_all_learners_meet_the_same_tasks(spy: Any) -> None:
    first, second = spy(1.0), spy(2.0)
    evaluate(first, Sinusoid(), "id", PROTOCOL)
    torch.manual_seed(99)
    evaluate(second, Sinusoid(), "id", PROTOCOL)
    for one, other in zip(first.seen_, second.seen_, strict=True):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.y, other.y)


def test_test_tasks_depend_on_the_family_and_the_split() -> None:
    batch = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3)
    generator = generator_of("test", "id", "few_shot")
    by_hand = Sinusoid().sample(5, "test", generator, shots=3, queries=6)
    assert torch.equal(batch.query.y, by_hand.query.y)
    for other in (
        draw_test_tasks(Sinusoid(), "another", PROTOCOL, 3),
        draw_test_tasks(Sinusoid(), "id", PROTOCOL.model_copy(update={"split": "validation"}), 3),
    ):
        assert not torch.equal(batch.query.y, other.query.y)


def test_a_finite_split_is_not_asked_for_more_than_it_has() -> None:
    class Three(Sinusoid):
        def size(self, split: str, shots: int) -> int:
            return 3

    assert len(draw_test_tasks(Three(), "id", PROTOCOL, 2)) == 3


def test_the_protocol_sorts_what_it_scores() -> None:
    protocol = FewShot.model_validate_json(
        json.dumps({"kind": "few_shot", "shots": [5, 2, 5], "steps": [10, 0]})
    )
    assert (protocol.shots, protocol.steps) == ((2, 5), (0, 10))
    assert (protocol.tasks, protocol.queries, protocol.split) == (600, 100, "test")
