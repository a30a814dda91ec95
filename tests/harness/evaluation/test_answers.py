"""What a learner may answer the harness, and what it is asked."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch

from baselines.mean import Mean
from benchmarks.core import (
    Predictor,
    Support,
)
from benchmarks.core.errors import ContractError
from benchmarks.harness.evaluation.evaluator import evaluate
from benchmarks.harness.plan.registry import Registry
from benchmarks.protocols.few_shot import FewShot
from benchmarks.tasks.sinusoid import Sinusoid

PROTOCOL = FewShot(kind="few_shot", shots=(2, 3), steps=(0, 4), tasks=5, queries=6)


class Answers(Mean):
    """Says `answer` of its predictions, or yields `predictors`."""

    def __init__(self, answer: Callable[[torch.Tensor], object], predictors: object = None) -> None:
        self.answer, self.predictors = answer, predictors

    def adapt(self, support: Support, steps: Sequence[int]) -> Any:
        if self.predictors is not None:
            return self.predictors
        return ((lambda x: self.answer(x * 0)) for _ in steps)


@pytest.mark.parametrize(
    ("learner", "said"),
    [
        (Answers(lambda y: y + 5j), r"predictions are complex \(torch.complex64\)"),
        (Answers(lambda y: y.numpy()), "returned an object of type ndarray, where a tensor"),
        (Answers(lambda y: None), "returned an object of type NoneType, where a tensor"),
        (Answers(lambda y: y.to_sparse()), "without plain numbers"),
        (Answers(lambda y: y.to("meta")), "without plain numbers"),
        (Answers(abs, 5), "returned an object of type int, where an iterator"),
        (Answers(abs, [None, None]), "yielded an object of type NoneType, where a predictor"),
        (Answers(abs, itertools.repeat(torch.zeros_like)), "adapt yields more than 2 predictors"),
    ],
)
def test_what_is_no_prediction_is_named(learner: Answers, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        evaluate(learner, Sinusoid(), "id", PROTOCOL)


def test_a_support_set_is_the_harness_s_own() -> None:
    class Spoils(Mean):
        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            support.y.zero_()
            yield from super().adapt(support, steps)

    with pytest.raises(ContractError, match="adapt changed the support set"):
        evaluate(Spoils(), Sinusoid(), "id", PROTOCOL)


def test_support_points_are_predicted_only_where_that_is_kept() -> None:
    class Counts(Mean):
        def __init__(self, *, again: bool) -> None:
            self.asked, self.again = 0, again

        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            def predict(x: torch.Tensor) -> torch.Tensor:
                self.asked += 1
                return torch.zeros(len(x), x.shape[1], 1)

            for _ in steps:
                yield (lambda x: predict(x)) if self.again else predict

    asked = {}
    for again in (True, False):
        for only in (True, False):
            learner = Counts(again=again)
            found = evaluate(learner, Sinusoid(), "id", PROTOCOL, scores_only=only)
            assert found.diagnostics.empty == found.curves.empty == only
            asked[again, only] = learner.asked
    shots, steps = 2, 2
    assert asked == {
        (True, False): shots * steps * 3,  # query, support, a grid
        (True, True): shots * steps,
        (False, False): shots * 3,
        (False, True): shots,
    }


def test_predictors_must_be_as_many_and_as_large_as_asked(registry: Registry) -> None:
    stingy = registry.find("learner", "stingy").cls()
    stingy.load_state({"weight": torch.ones(1)})
    with pytest.raises(ContractError, match="1 predictors for steps"):
        evaluate(stingy, Sinusoid(), "id", PROTOCOL)

    class Wide(Mean):
        def adapt(self, support: Support, steps: Sequence[int]) -> Iterator[Predictor]:
            for _ in steps:
                yield lambda x: torch.zeros(len(x), x.shape[1], 2)

    with pytest.raises(ContractError, match=r"expected predictions of shape \(5, 6, 1\)"):
        evaluate(Wide(), Sinusoid(), "id", PROTOCOL)
