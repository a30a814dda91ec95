"""The law that the numbers of classes are names and nothing more."""

import math

import torch
from torch import Tensor

from benchmarks.core import Query, Support, TaskBatch, generator_of, task_accuracy
from benchmarks.testing.cases import STEPS, Case, predictions
from benchmarks.testing.checks import demand, gap_between
from benchmarks.testing.prediction_laws import TOLERANCE

TASKS = 40
SIGMAS = 5.0  # a lawful learner strays this far about once in 100,000 looks


def numbers_of_classes_mean_nothing(case: Case) -> None:
    """Classes numbered anew permute the predictions, or change no accuracy beyond noise.

    A learned output layer has numbered outputs, so its predictions need not permute. Support and
    query points lie in the order of their classes' first numbers, for a learner to be caught that
    reads a number off the place of a point.
    """
    for setting in case.settings:
        batch = in_class_order(setting.test_tasks(TASKS, 2, 15))
        support, query = batch.support, batch.query
        stream = generator_of("kit numbers")
        order = torch.rand(TASKS, 1, support.y.shape[2], generator=stream).argsort(2)
        other = Support(support.x, _renumbered(support.y, order), support.privileged)
        before = predictions(setting.learner, support, query.x)
        after = predictions(setting.learner, other, query.x)
        for steps, one, two in zip(STEPS, before, after, strict=True):
            if gap_between(two, _renumbered(one, order)) <= 10 * TOLERANCE:
                continue
            lost = task_accuracy(one, query.y) - task_accuracy(two, _renumbered(query.y, order))
            noise = float(lost.std()) / math.sqrt(TASKS)
            demand(
                abs(float(lost.mean())) <= SIGMAS * noise,
                f"{setting.what}accuracy after {steps} steps changes by {-float(lost.mean()):+.3f} "
                f"when classes are numbered anew, and its standard error is {noise:.3f}",
            )


def in_class_order(batch: TaskBatch) -> TaskBatch:
    """The same tasks with the points of each set in the order of their classes' numbers."""
    support, query = batch.support, batch.query
    x, y = _sorted(support.x, support.y)
    asked_x, asked_y = _sorted(query.x, query.y)
    return TaskBatch(Support(x, y, support.privileged), Query(asked_x, asked_y, query.mask))


def _sorted(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    order = y.argmax(2, keepdim=True).argsort(dim=1, stable=True)
    return x.gather(1, order.expand_as(x)), y.gather(1, order.expand_as(y))


def _renumbered(y: Tensor, order: Tensor) -> Tensor:
    """What is said of class `order[i]` is now said of class i."""
    return y.gather(2, order.expand_as(y))
