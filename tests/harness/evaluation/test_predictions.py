"""How the harness asks a learner about its test tasks."""

from typing import Any

import pytest
import torch

from baselines.maml import MAML
from benchmarks.core import Budget, BudgetedSource, MetaLearner, generator_of
from benchmarks.harness.evaluation.predictions import adapt_and_predict
from benchmarks.testing.toy import Toy, ToyClasses
from reml import REML

SIZES: dict[str, Any] = {"width": 8, "pool": (2, 3, 2), "policy_width": 8, "batch_tasks": 8}


@pytest.mark.parametrize("toy", [Toy, ToyClasses])
@pytest.mark.parametrize(
    "learner",
    [
        MAML(hidden=(8,), batch_norm="transductive"),
        REML(**SIZES, adaptation="gradient", batch_norm="transductive"),
        MAML(hidden=(8,)),
    ],
)
def test_no_answer_depends_on_the_widest_task(
    learner: MetaLearner, toy: type[Toy] | type[ToyClasses]
) -> None:
    family: Any = toy(ragged=True, wild=10.0)
    learner.fit(BudgetedSource(family, Budget(tasks=50), generator_of("t")), generator_of("l"))
    batch = family.sample(7, "test", generator_of("test"), shots=3, queries=9)
    widths = batch.query.mask.sum(1).tolist()
    assert len(set(widths)) > 2
    together = adapt_and_predict(learner, batch, (0, 2), family.problem)
    for task, width in enumerate(widths):
        one = batch.rows(slice(task, task + 1))
        one = type(one)(one.support, one.query.first(width))
        for many, alone in zip(
            together, adapt_and_predict(learner, one, (0, 2), family.problem), strict=True
        ):
            torch.testing.assert_close(
                many.query[task, :width], alone.query[0], rtol=1e-4, atol=1e-5
            )
            torch.testing.assert_close(many.support[task], alone.support[0], rtol=1e-4, atol=1e-5)
