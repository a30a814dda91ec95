"""Errors beyond all measure count as the limit, and harm no other task."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from baselines.mean import Mean
from benchmarks.core import (
    Predictor,
    Problem,
    Query,
    Support,
    TaskBatch,
)
from benchmarks.harness.evaluation.diverging import diverged_in
from benchmarks.harness.evaluation.evaluator import draw_test_tasks, evaluate, score
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.digits import Digits
from benchmarks.tasks.sinusoid import Sinusoid

PROTOCOL = FewShot(kind="few_shot", shots=(2, 3), steps=(0, 4), tasks=5, queries=6)
CLASSES = FewShot(kind="few_shot", shots=(1, 2), steps=(0, 3), tasks=12, queries=9)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(1, -1, 1)


class Strays(Mean):
    """Predicts 0, and of the second task after the first step something `wild`."""

    def __init__(self, wild: float, dtype: torch.dtype = torch.float64) -> None:
        self.wild, self.dtype = wild, dtype

    def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
        for step in steps:
            wild = torch.zeros(len(support), 1, 1, dtype=self.dtype)
            wild[1] = self.wild if step else 0.0
            yield lambda x, wild=wild: wild.expand(-1, x.shape[1], -1)


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf, 1e200, 3e38, 1e4])
def test_a_task_that_diverges_counts_as_the_limit_and_harms_no_other(wild: float) -> None:
    scores, curves, diagnostics, *_ = evaluate(Strays(wild), Sinusoid(), "id", PROTOCOL)
    calm = evaluate(Strays(0.0), Sinusoid(), "id", PROTOCOL).scores
    gone = (scores["task"] == 1) & (scores["steps"] == 4)
    assert scores["diverged"].tolist() == gone.tolist()
    assert scores[~gone].equals(calm[~gone])
    batch = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3)
    most = 1000 * float(batch.query.y.double().var(correction=0))
    mine = scores[gone & (scores["shots"] == 3)].set_index("metric")["value"]
    assert mine["mse"] == pytest.approx(most)
    assert mine["rmse"] == pytest.approx(math.sqrt(most))
    assert mine["nmse"] == pytest.approx(
        most
        * calm.query("metric == 'nmse' and task == 1 and shots == 3")["value"].iloc[0]
        / calm.query("metric == 'mse' and task == 1 and shots == 3")["value"].iloc[0]
    )
    assert np.isfinite(curves["y"]).all()
    assert np.isfinite(diagnostics["value"]).all()


def test_what_is_predicted_for_padding_never_diverges() -> None:
    support = Support(column(0, 0), column(0, 4))
    query = Query(torch.zeros(1, 3, 1), column(2, 6, 99), torch.tensor([[True, True, False]]))
    batch = TaskBatch(support, query)
    assert score(column(2, 6, math.nan), batch, Problem(1, 1))["mse"].tolist() == [0.0]
    assert not diverged_in(column(2, 6, math.inf), batch, Problem(1, 1)).any()


def test_targets_that_are_all_the_same_leave_room_for_errors() -> None:
    same = Support(column(0, 0), column(5, 5))
    query = Query(torch.zeros(1, 2, 1), column(5, 5), torch.ones(1, 2, dtype=torch.bool))
    batch = TaskBatch(same, query)
    assert not diverged_in(column(6, 6), batch, Problem(1, 1)).any()
    assert diverged_in(column(500, 500), batch, Problem(1, 1)).all()


def test_logits_that_are_not_finite_are_wrong() -> None:
    class Lost(Mean):
        kinds = frozenset({"classification"})

        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            for step in steps:
                logits = torch.zeros(len(support), 1, support.y.shape[2])
                logits[0] = math.nan if step else 0.0
                yield lambda x, logits=logits: logits.expand(-1, x.shape[1], -1)

    found = evaluate(Lost(), Digits(), "id", CLASSES)
    gone = (found.scores["task"] == 0) & (found.scores["steps"] == 3)
    assert found.scores["diverged"].tolist() == gone.tolist()
    assert (found.scores.loc[gone, "value"] == 0).all()
    assert found.scores.loc[~gone, "value"].to_numpy() == pytest.approx(1 / 3)
    assert set(found.confusion.groupby("shots")["count"].sum()) == {11 * 9}
