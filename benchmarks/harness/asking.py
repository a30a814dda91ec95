"""What a learner answers on the tasks it is scored on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import MetaLearner, Predictor, TaskBatch
from benchmarks.core.errors import ContractError, Diverged

AT_ONCE = 2_000_000
"""Tasks are adapted to in portions of at most so many input numbers, or one by one."""


class Answer(NamedTuple):
    """Predictions after one number of steps, in double precision and on the CPU."""

    query: Float[Tensor, "tasks points outputs"]
    support: Float[Tensor, "tasks points outputs"]


def portions_of(batch: TaskBatch) -> Iterator[TaskBatch]:
    """The tasks in portions that the networks of all their points fit into memory for."""
    size = max(1, AT_ONCE // (batch.support.x[0].numel() + batch.query.x[0].numel()))
    for start in range(0, len(batch), size):
        yield batch.rows(slice(start, start + size))


def ask(learner: MetaLearner, batch: TaskBatch, steps: Sequence[int]) -> list[Answer]:
    """Adapt to the tasks and predict, after each number of steps.

    A predictor that stands for several numbers of steps is asked once: it stays what it was. A
    transductive learner never meets padding, which it would take for query points; what it is said
    to predict there is 0.
    """
    if batch.query.real is not None and getattr(learner, "transductive", False):
        return _ask_by_width(learner, batch, steps)
    answers: list[Answer] = []
    last: Predictor | None = None
    for predictor in learner.adapt(batch.support, steps):
        if predictor is last:
            answers.append(answers[-1])
            continue
        last = predictor
        with torch.no_grad():
            query, support = predictor(batch.query.x), predictor(batch.support.x)
        for prediction, y in ((query, batch.query.y), (support, batch.support.y)):
            if prediction.shape != y.shape:
                raise ContractError(
                    f"expected predictions of shape {tuple(y.shape)}, got {tuple(prediction.shape)}"
                )
        answers.append(Answer(query.detach().cpu().double(), support.detach().cpu().double()))
    if len(answers) != len(steps):
        raise ContractError(f"adapt yielded {len(answers)} predictors for steps {tuple(steps)}")
    return answers


def _ask_by_width(learner: MetaLearner, batch: TaskBatch, steps: Sequence[int]) -> list[Answer]:
    query, support = (
        torch.zeros(len(steps), *y.shape, dtype=torch.float64)
        for y in (batch.query.y, batch.support.y)
    )
    for tasks, part in batch.by_width():
        tasks, real = tasks.cpu(), batch.query.mask[tasks].cpu()
        for step, answer in enumerate(ask(learner, part, steps)):
            padded = torch.zeros(*real.shape, query.shape[3], dtype=torch.float64)
            padded[real] = answer.query.flatten(0, 1)
            query[step, tasks], support[step, tasks] = padded, answer.support
    return [Answer(*pair) for pair in zip(query, support, strict=True)]


def check_finite(prediction: Tensor, shots: int, steps: int) -> None:
    bad = int((~prediction.isfinite()).flatten(1).any(1).sum())
    if bad:
        raise Diverged(
            f"the predictions of {bad} of {len(prediction)} test tasks are not finite "
            f"({shots} shots, {steps} steps)"
        )
