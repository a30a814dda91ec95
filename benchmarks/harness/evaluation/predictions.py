"""What a learner answers on the tasks it is scored on."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import MetaLearner, Predictor, Problem, Spread, Support, TaskBatch, Uncertain
from benchmarks.core.errors import ContractError
from benchmarks.core.types import scales_of

AT_ONCE = 2_000_000
"""Tasks are adapted to in portions of at most so many input numbers, or one by one."""


class Answer(NamedTuple):
    """Predictions after one number of steps, in double precision and on the CPU."""

    query: Float[Tensor, "tasks points outputs"]
    support: Float[Tensor, "tasks points outputs"] | None
    std: Float[Tensor, "tasks points outputs"] | None = None
    """How far from it a new observation may lie, of predictors that say so and were asked."""


def portions_of(batch: TaskBatch) -> Iterator[TaskBatch]:
    """The tasks in portions that the networks of all their points fit into memory for."""
    size = max(1, AT_ONCE // (batch.support.x[0].numel() + batch.query.x[0].numel()))
    for start in range(0, len(batch), size):
        yield batch.rows(slice(start, start + size))


def adapt_and_predict(
    learner: MetaLearner,
    batch: TaskBatch,
    steps: Sequence[int],
    problem: Problem,
    on_support: Collection[int] | None = None,
    sure: Collection[int] = (),
) -> list[Answer]:
    """Adapt to the tasks and predict, after each number of steps.

    After those of `sure`, predictors that are `Uncertain` are asked how sure they are.

    The support points are predicted, too: after every number of steps, or after those of
    `on_support`. A predictor that stands for several numbers of steps is asked once: it stays what
    it was. A transductive learner never meets padding, which it would take for query points; what
    it is said to predict there is 0.

    Raises:
        ContractError: what the learner yields is too little, too much, no predictor or no
            prediction, or it has changed the tasks.
    """
    if batch.query.real is not None and getattr(learner, "transductive", False):
        return _predict_by_width(learner, batch, steps, problem, on_support)
    wanted = [on_support is None or step in on_support for step in steps]
    answers: list[Answer] = []
    last: Predictor | None = None
    shown = _copy(batch.support)
    for predictor in _predictors(learner, shown, steps, problem):
        if len(answers) == len(steps):
            raise ContractError(f"adapt yields more than {len(steps)} predictors for {_of(steps)}")
        if not callable(predictor):
            raise ContractError(f"adapt yielded {_a(predictor)}, where a predictor was expected")
        query, support, std = answers[-1] if predictor is last and answers else (None, None, None)
        last = predictor
        with torch.no_grad():
            if query is None:
                query = _checked(predictor(batch.query.x.clone()), batch.query.y)
            if support is None and wanted[len(answers)]:
                support = _checked(predictor(batch.support.x.clone()), batch.support.y)
            if std is None and steps[len(answers)] in sure and isinstance(predictor, Uncertain):
                std = _checked(predictor.std(batch.query.x.clone()), batch.query.y)
        answers.append(Answer(query, support, std))
    if len(answers) != len(steps):
        raise ContractError(f"adapt yielded {len(answers)} predictors for {_of(steps)}")
    if not (torch.equal(shown.x, batch.support.x) and torch.equal(shown.y, batch.support.y)):
        raise ContractError("adapt changed the support set that it was given")
    return answers


def says_how_sure(learner: MetaLearner, support: Support, steps: int, problem: Problem) -> bool:
    """Whether its predictors do, rather than that it has to be told from its errors."""
    return any(isinstance(it, Uncertain) for it in _predictors(learner, support, [steps], problem))


def adapted(learner: MetaLearner, support: Support, steps: Sequence[int], problem: Problem) -> Any:
    """What `learner.adapt` yields, from and to targets as the family has them; nobody has looked
    yet whether these are predictors.

    Learners see them by their own task where the problem says so (`within_tasks`), scaled by what
    the support points alone say. A predictor that comes again stays the same one.
    """
    if not problem.within_tasks:
        return learner.adapt(support, steps)
    return _back(learner.adapt(support.within(), steps), *scales_of(support.y))


def _back(predictors: Any, offset: Tensor, scale: Tensor) -> Iterator[Any]:
    last: tuple[Any, Any] | None = None
    for predictor in predictors:
        if last is None or predictor is not last[0]:
            last = predictor, _scaled(predictor, offset, scale)
        yield last[1]


def _scaled(predictor: Any, offset: Tensor, scale: Tensor) -> Any:
    if not callable(predictor):
        return predictor

    def mean(x: Tensor) -> Tensor:
        return predictor(x) * scale + offset

    if not isinstance(predictor, Uncertain):
        return mean
    return Spread(mean, lambda x: predictor.std(x) * scale)


def _predict_by_width(
    learner: MetaLearner,
    batch: TaskBatch,
    steps: Sequence[int],
    problem: Problem,
    on_support: Collection[int] | None,
) -> list[Answer]:
    query, support = (
        torch.zeros(len(steps), *y.shape, dtype=torch.float64)
        for y in (batch.query.y, batch.support.y)
    )
    asked = [False] * len(steps)
    for tasks, part in batch.by_width():
        tasks, real = tasks.cpu(), batch.query.mask[tasks].cpu()
        for step, answer in enumerate(adapt_and_predict(learner, part, steps, problem, on_support)):
            padded = torch.zeros(*real.shape, query.shape[3], dtype=torch.float64)
            padded[real] = answer.query.flatten(0, 1)
            query[step, tasks] = padded
            if answer.support is not None:
                asked[step], support[step, tasks] = True, answer.support
    return [
        Answer(answer, known if there else None)
        for answer, known, there in zip(query, support, asked, strict=True)
    ]


def _predictors(
    learner: MetaLearner, support: Support, steps: Sequence[int], problem: Problem
) -> Iterator[Any]:
    given = adapted(learner, support, steps, problem)
    try:
        return iter(given)
    except TypeError:
        raise ContractError(
            f"adapt returned {_a(given)}, where an iterator of predictors was expected"
        ) from None


def _checked(prediction: Any, y: Tensor) -> Tensor:
    """A prediction in double precision and on the CPU, if it is one."""
    if not isinstance(prediction, Tensor):
        raise ContractError(f"a predictor returned {_a(prediction)}, where a tensor was expected")
    if prediction.is_complex():
        raise ContractError(f"predictions are complex ({prediction.dtype}); expected real numbers")
    if prediction.shape != y.shape:
        raise ContractError(
            f"expected predictions of shape {tuple(y.shape)}, got {tuple(prediction.shape)}"
        )
    if prediction.layout != torch.strided or prediction.is_meta or prediction.is_quantized:
        raise ContractError("a predictor returned a tensor without plain numbers (sparse or meta)")
    return prediction.detach().cpu().double()


def _copy(support: Support) -> Support:
    """One that a learner may spoil: families may hand out their own memory."""
    privileged = {name: value.clone() for name, value in support.privileged.items()}
    return Support(support.x.clone(), support.y.clone(), privileged)


def _of(steps: Sequence[int]) -> str:
    return f"steps {tuple(steps)}"


def _a(value: object) -> str:
    return f"an object of type {type(value).__name__}"
