"""What a trained learner answers about many tasks, a few at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import MetaLearner, Problem, Support, Uncertain
from benchmarks.core.errors import DataError
from benchmarks.core.text import count
from benchmarks.harness.evaluation.predictions import adapted

MOST_SUPPORT = 5_000
"""Points of a task to adapt on: of more, a Gaussian process would need hours and all memory."""
MOST_TASKS, MOST_POINTS, MOST_PAIRS = 64, 1_000, 4_000_000
"""That are asked about at a time: tasks, points of each, and pairs of shown and asked points."""


@dataclass(frozen=True)
class Asked:
    """One task: which rows to adapt on, and which to predict.

    Attributes:
        rows: of the support; a row may be there several times.
        y: their targets, standardised, or one-hot.
        query: places of the rows to predict.
    """

    name: str
    rows: np.ndarray
    y: Float[Tensor, "points outputs"]
    query: np.ndarray


@dataclass(frozen=True)
class Answers:
    """What is predicted of each row asked about; NaN where it is of no task.

    Attributes:
        mean: standardised targets, or logits, of shape (rows, outputs).
        std: of new observations, where the learner says how sure it is.
    """

    mean: np.ndarray
    std: np.ndarray | None


def answers(
    learner: MetaLearner,
    tasks: Sequence[Asked],
    shown: Float[Tensor, "shown features"],
    asked: Float[Tensor, "asked features"],
    steps: Callable[[int], int],
    problem: Problem,
) -> Answers:
    """Adapt to each task and predict; `steps` says after how many steps, by the points to adapt on.

    Tasks of equally many points are adapted to together, which by the contract changes nothing.

    Raises:
        DataError: a task has too many points to adapt on.
    """
    whole = getattr(learner, "transductive", False)
    outputs = tasks[0].y.shape[1]
    mean, std = (np.full((len(asked), outputs), np.nan) for _ in range(2))
    sure = False
    for batch in _batches(tasks, whole):
        _demand_few(batch[0])
        points = len(batch[0].rows)
        support = Support(
            torch.stack([shown[torch.from_numpy(it.rows)] for it in batch]),
            torch.stack([it.y for it in batch]),
        )
        try:
            (predictor,) = adapted(learner, support, [steps(points)], problem)
            for places in _chunks(batch, points, whole):
                x = asked[torch.from_numpy(places)]
                mean[places] = _numbers(predictor(x))
                if isinstance(predictor, Uncertain):
                    sure = True
                    std[places] = _numbers(predictor.std(x))
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or "alloc" in str(error):
                raise DataError(
                    f"task {batch[0].name!r}: there is not enough memory to adapt on "
                    f"{count(points, 'row')}; give fewer"
                ) from None
            raise
    return Answers(mean, std if sure else None)


def _batches(tasks: Sequence[Asked], whole: bool) -> Iterator[list[Asked]]:
    """Tasks of equally many points to adapt on, and if `whole` to predict."""
    ordered = sorted(tasks, key=lambda it: (len(it.rows), len(it.query)))
    batch: list[Asked] = []
    for it in ordered:
        points = len(it.rows)
        same = batch and len(batch[0].rows) == points
        if whole:
            same = same and len(batch[0].query) == len(it.query)
        if batch and (not same or len(batch) == MOST_TASKS or len(batch) * points**2 > MOST_PAIRS):
            yield batch
            batch = []
        batch.append(it)
    if batch:
        yield batch


def _chunks(batch: Sequence[Asked], points: int, whole: bool) -> Iterator[np.ndarray]:
    """Places of rows to predict, of shape (tasks, points); short tasks repeat their last."""
    width = max(len(it.query) for it in batch)
    places = np.stack([np.pad(it.query, (0, width - len(it.query)), "edge") for it in batch])
    most = max(1, min(MOST_POINTS, MOST_PAIRS // (len(batch) * max(points, len(batch)))))
    step = width if whole else most
    for first in range(0, width, step):
        yield places[:, first : first + step]


def _numbers(given: Tensor) -> np.ndarray:
    return given.detach().double().cpu().numpy()


def _demand_few(task: Asked) -> None:
    if len(task.rows) > MOST_SUPPORT:
        raise DataError(
            f"task {task.name!r}: has {count(len(task.rows), 'row')} to adapt on; expected "
            f"{MOST_SUPPORT:,} at most: meta-learners are for small tasks, so give some of them"
        )
