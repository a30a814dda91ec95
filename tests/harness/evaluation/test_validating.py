"""What learners lose on validation tasks, where a constant guess loses 1."""

from typing import Any

import pytest
import torch

from baselines.mean import Mean
from benchmarks.harness.evaluation.validating import Validation, looks
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.sinusoid import Sinusoid


def test_a_constant_guess_loses_one() -> None:
    protocol = FewShot(kind="few_shot", shots=(2, 3, 4, 5, 9), steps=(0, 1, 5, 100), queries=20)
    asked = looks(Sinusoid(), protocol)
    assert asked is not None
    assert (asked.shots, asked.steps, asked.tasks) == ((2, 4, 9), (0, 1, 5), 100)
    tasks = Validation.of(Sinusoid(), "it", asked)

    class Zero(Mean):
        def adapt(self, support: Any, steps: Any) -> Any:
            for step in steps:
                yield lambda x, step=step: torch.full_like(x, 1e9 if step == 0 else 0.0)

    # the best of the steps counts, and the mean of all sinusoids is nearly 0
    loss = tasks.loss(Zero())
    assert loss == pytest.approx((1.0, 1.0), abs=0.05)


def test_one_wild_task_does_not_make_the_median_one_bad() -> None:
    protocol = FewShot(kind="few_shot", shots=(5,), steps=(0,), queries=20)
    asked = looks(Sinusoid(), protocol)
    assert asked is not None
    tasks = Validation.of(Sinusoid(), "it", asked)

    class Knows(Mean):
        """All tasks but one."""

        def adapt(self, support: Any, steps: Any) -> Any:
            def predict(x: torch.Tensor) -> torch.Tensor:
                answer = tasks.batches[0].query.y / 2
                answer[0] = 1e3
                return answer

            return iter([predict])

    loss = tasks.loss(Knows())
    assert loss.mean > 5  # as far as one task of a hundred may count
    assert 0.1 < loss.typical < 0.5
