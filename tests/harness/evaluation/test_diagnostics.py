"""What is kept of each task beside its scores: what a learner decides, and traits of the task."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks.core import (
    Choice,
    Diagnosis,
    Problem,
    TaskBatch,
)
from benchmarks.core.errors import ContractError
from benchmarks.harness.evaluation.evaluator import draw_test_tasks, evaluate
from benchmarks.harness.evaluation.predictions import AT_ONCE
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.sinusoid import Sinusoid

PROTOCOL = FewShot(kind="few_shot", shots=(2, 3), steps=(0, 4), tasks=5, queries=6)


def test_the_error_on_the_support_points_is_kept_for_every_learner(spy: Any) -> None:
    class Scaled(Sinusoid):
        @property
        def problem(self) -> Problem:
            return Problem(1, 1, target_scale=10.0)

    kept = evaluate(spy(1.0), Scaled(), "id", PROTOCOL).diagnostics
    kept = kept[kept["kind"] == "measure"]
    assert set(kept["name"]) == {"support_mse"}
    assert len(kept) == 2 * 2 * 5
    y = draw_test_tasks(Scaled(), "id", PROTOCOL, 3).support.y
    mine = kept.query("shots == 3 and steps == 4")
    assert mine["task"].tolist() == list(range(5))
    np.testing.assert_allclose(mine["value"], 100 * ((y - 5) ** 2).mean((1, 2)), rtol=1e-5)


def test_traits_are_kept_though_the_learner_sees_none(spy: Any) -> None:
    seeing = spy()
    kept = evaluate(seeing, Sinusoid(), "id", PROTOCOL).diagnostics.query("kind == 'trait'")
    assert all(not support.privileged for support in seeing.seen_)
    assert set(kept["name"]) == {"amplitude", "phase"}
    amplitude = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 2).support.privileged["amplitude"]
    mine = kept.query("name == 'amplitude' and shots == 2")
    assert mine["value"].tolist() == amplitude[:, 0].tolist()
    assert set(kept["steps"]) == {-1}
    assert set(kept["options"]) == {0}


def test_traits_that_are_no_scalars_are_left_out(spy: Any) -> None:
    class Marked(Sinusoid):
        def sample(self, n_tasks: int, *arguments: object, **more: int) -> TaskBatch:
            batch = super().sample(n_tasks, *arguments, **more)
            marks = {"pair": torch.zeros(n_tasks, 2), "flat": torch.arange(float(n_tasks))}
            return replace(batch, support=replace(batch.support, privileged=marks))

    kept = evaluate(spy(), Marked(), "id", PROTOCOL).diagnostics.query("kind == 'trait'")
    assert set(kept["name"]) == {"flat"}
    assert kept.query("shots == 3")["value"].tolist() == [0, 1, 2, 3, 4]


def test_what_a_learner_decides_is_kept_for_every_task(decided: Any) -> None:
    learner = decided()
    kept = evaluate(learner, Sinusoid(), "id", PROTOCOL).diagnostics
    assert learner.told_ == set()
    first = draw_test_tasks(Sinusoid(), "id", PROTOCOL, 3).support.y[:, 0, 0]
    choice = kept.query("kind == 'choice' and shots == 3")
    assert choice["value"].tolist() == (first > 0).double().tolist()
    assert set(choice["name"]) == {"input layer"}
    assert set(choice["options"]) == {7}
    assert choice["task"].tolist() == list(range(5))
    measure = kept.query("name == 'policy_entropy' and shots == 3")
    assert measure["value"].tolist() == first.tolist()
    assert set(measure["steps"]) == {-1}


@pytest.mark.parametrize(
    ("diagnosis", "said"),
    [
        (Diagnosis({"a": Choice(torch.tensor([0, 1, 2, 3, 4]), 4)}), "from 0 to 3, got 0 to 4"),
        (Diagnosis({"a": Choice(torch.tensor([0, -1, 2, 3, 4]), 9)}), "from 0 to 8, got -1 to 4"),
        (Diagnosis({"a": Choice(torch.tensor([0, 1]), 4)}), r"'a' of shape \(5,\), got \(2,\)"),
        (Diagnosis(measures={"b": torch.zeros(3)}), r"'b' of shape \(5,\), got \(3,\)"),
    ],
)
def test_a_diagnosis_that_fits_no_task_is_refused(
    diagnosis: Diagnosis, said: str, decided: Any
) -> None:
    learner = decided()
    learner.diagnosis = diagnosis
    with pytest.raises(ContractError, match=said):
        evaluate(learner, Sinusoid(), "id", PROTOCOL)


def test_privileged_fields_are_shown_to_who_needs_them_alone(spy: Any) -> None:
    common, told = spy(), spy(needs=["phase"])
    for seeing in (common, told):
        evaluate(seeing, Sinusoid(), "id", PROTOCOL)
    assert [set(support.privileged) for support in common.seen_] == [set()] * 4
    assert [set(support.privileged) for support in told.seen_] == [{"phase"}] * 4


def test_tasks_are_adapted_to_in_portions_that_fit(
    monkeypatch: pytest.MonkeyPatch, decided: Any
) -> None:
    def kept(at_once: int) -> tuple[Any, list[object]]:
        monkeypatch.setattr("benchmarks.harness.evaluation.predictions.AT_ONCE", at_once)
        learner = decided()
        return learner, list(evaluate(learner, Sinusoid(), "id", PROTOCOL))

    whole, portions = kept(AT_ONCE), kept(2 * (3 + 6))
    assert [len(support) for support in whole[0].seen_] == [5, 4, 5, 4]  # four are drawn
    assert [len(support) for support in portions[0].seen_] == [2, 2, 1, 4, 2, 2, 1, 4]
    order = ["shots", "steps", "kind", "name", "task"]
    for one, other in zip(whole[1], portions[1], strict=True):
        if {"name", "steps"} <= {*one}:
            one, other = (it.sort_values(order, ignore_index=True) for it in (one, other))
        pd.testing.assert_frame_equal(one, other)
