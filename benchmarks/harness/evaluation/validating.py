"""How well a learner does on validation tasks, as one number that shots and families share."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import MetaLearner, Problem, TaskBatch, TaskFamily
from benchmarks.core.landmarks import landmarks
from benchmarks.core.protocol import Protocol
from benchmarks.harness.evaluation.evaluator import draw_test_tasks, score
from benchmarks.harness.evaluation.predictions import adapt_and_predict, portions_of
from benchmarks.protocols.few_shot import FewShot

TASKS = 100
QUERIES = 50
MOST_STEPS = 5
MOST_SHOTS = 3


def looks(family: TaskFamily, protocol: Protocol) -> FewShot | None:
    """What learners that are to be tested by `protocol` are asked on validation tasks.

    At most `TASKS` tasks of `QUERIES` query points, at `MOST_SHOTS` of the protocol's shots, and
    after its steps up to `MOST_STEPS`. None where the validation split has no tasks, or no others
    than those that the protocol scores.
    """
    shots = [k for k in protocol.shots if family.size("validation", k) != 0]
    if not shots:
        return None
    size = family.size("validation", min(shots))
    if protocol.split == "validation" and size is not None:
        return None
    steps = [it for it in protocol.steps if it <= MOST_STEPS] or protocol.steps[:1]
    return FewShot(
        kind="few_shot",
        shots=tuple({shots[0], shots[len(shots) // 2], shots[-1]}),
        steps=landmarks(steps),
        tasks=TASKS if size is None else min(TASKS, size),
        queries=min(QUERIES, protocol.queries),
        split="validation",
    )


class Loss(NamedTuple):
    """What a learner loses on validation tasks, where a constant guess loses 1.

    Attributes:
        mean: over tasks, of both, and then their ratio.
        typical: the median over tasks of the ratio on each: a task on which errors are huge, of a
            handful in all, tells nothing there.
    """

    mean: float
    typical: float


@dataclass(frozen=True)
class Validation:
    """Validation tasks of each number of shots, and what a constant guess loses on each."""

    batches: Sequence[TaskBatch]
    guesses: Sequence[Tensor]
    steps: Sequence[int]
    problem: Problem

    @classmethod
    def of(cls, family: TaskFamily, identity: str, asked: FewShot) -> "Validation":
        """Other tasks than those that choose the number of steps, or are scored, if there are."""
        own = f"{identity} looked at"
        batches = [draw_test_tasks(family, own, asked, shots) for shots in asked.shots]
        problem = family.problem
        return cls(batches, [_guessed(it, problem) for it in batches], asked.steps, problem)

    def loss(self, learner: MetaLearner, device: torch.device | str = "cpu") -> Loss:
        """What the learner loses on the tasks, where a constant guess loses 1.

        That is of the problem's own metric (of accuracy, what it lacks to 1) after the number of
        steps whose mean is best there; and of that the mean over shots.

        Raises:
            ContractError: as `ask`.
        """
        means, medians = [], []
        for everything, guess in zip(self.batches, self.guesses, strict=True):
            batch = everything.showing(learner.needs)
            parts = [
                adapt_and_predict(learner, it.to(device), self.steps, self.problem, on_support=())
                for it in portions_of(batch)
            ]
            answers = [torch.cat([it.query for it in at]) for at in zip(*parts, strict=True)]
            best = min((_losses(it, batch, self.problem) for it in answers), key=_mean)
            means.append(_mean(best) / (_mean(guess) or 1.0))
            medians.append(float((best / guess)[guess > 0].double().nanmedian()))
        return Loss(fmean(means), fmean(medians))


def _guessed(batch: TaskBatch, problem: Problem) -> Tensor:
    """The losses of a constant: that of each task's support set, or one for all; the lower ones.

    In classification, of classes that are drawn by lot.
    """
    if problem.kind == "classification":
        return torch.full(batch.query.y.shape[:1], 1 - 1 / problem.outputs)
    own = batch.support.y.mean(1, keepdim=True)
    everywhere = batch.query.y[batch.query.mask].mean(0).expand_as(own)
    shape = batch.query.y
    guesses = (_losses(it.expand_as(shape), batch, problem) for it in (own, everywhere))
    return min(guesses, key=_mean)


def _losses(prediction: Tensor, batch: TaskBatch, problem: Problem) -> Float[Tensor, " tasks"]:
    scores = score(prediction.double(), batch, problem)[problem.metric]
    return 1 - scores if problem.metric == "accuracy" else scores


def _mean(losses: Tensor) -> float:
    return float(losses.mean())
