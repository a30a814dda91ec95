"""Adapt to support points of which some are wrong, beside the same points as they should be."""

from dataclasses import replace
from typing import Annotated, ClassVar, final

import torch
from annotated_types import Gt, Le
from jaxtyping import Float
from pydantic import AllowInfNan
from torch import Tensor

from benchmarks.core import Problem, TaskBatch
from benchmarks.core.declaration import Column, Declaration, Finding, Metric, Plane, Table
from benchmarks.core.protocol import Gain, Outcome, Protocol, Trial
from benchmarks.protocols.compared import against

METRICS = (
    Metric(
        name="clean",
        meaning="its score after adapting to the same points, none of them wrong",
        called="$own without outliers",
        unit="score",
    ),
    Metric(
        name="harm",
        meaning="log10 of its error over that without outliers (0: they did no harm; 1: ten times "
        "the error); of accuracies a difference, negative where they did harm",
        called="log10 of $own over that without outliers",
        of_accuracies="accuracy in % minus that without outliers",
        unit="log10 ratio",
    ),
)
TABLE = Table(
    caption="Mean $own after $steps: adapted to points of which none is wrong, and to the same of "
    "which some are ($direction); and log10 of the one error over the other, task by task: 0 where "
    "outliers did no harm, 1 where they made the error ten times as large (lower is better).",
    of_accuracies="Mean $own after $steps: adapted to points of which none is wrong, and to the "
    "same of which some are ($direction); and the difference, task by task, in percentage points: "
    "0 where outliers did no harm, negative where they did (higher is better).",
    columns=(
        Column(metric="clean", title="none wrong"),
        Column(title="some wrong"),
        Column(metric="harm", title="harm"),
    ),
)
PLANE = Plane(
    stem="outliers",
    title="Score with and harm by outliers",
    caption="Mean harm by outliers after the most adaptation steps $band against the mean score "
    "without any: at 0 they did none.",
    x="clean",
    y="harm",
)
FINDING = Finding(
    metric="harm",
    better="better for the outliers",
    worse="worse for the outliers",
    open="not told apart from what it is without outliers",
)


@final
class Outliers(Protocol):
    """Adapt to k support points of which some are wrong, and to the same as they should be.

    Nobody is told which, nor has trained on such tasks. Query points are as they should be.

    Attributes:
        share: what share of a task's support points is wrong: rounded, but at least one; in
            classification two, as wrong points there exchange their labels.
        size: how far off a wrong target is, in standard deviations of the task's targets, upwards
            or downwards; it means nothing in classification.
    """

    share: Annotated[float, Gt(0), Le(1)] = 0.2
    size: Annotated[float, Gt(0), AllowInfNan(False), Le(1e6)] = 3.0

    name: ClassVar[str] = "outliers"
    declares: ClassVar[Declaration] = Declaration(
        metrics=METRICS,
        of_scores="with outliers",
        tables=(TABLE,),
        planes=(PLANE,),
        findings=(FINDING,),
    )

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        clean = trial.test(whole=False)
        spoilt = trial.test(change=self.spoil)
        gains: list[Gain] = []
        for k in self.shots:
            gone = clean.diverged(k)
            gains.append(Gain("clean", k, self.steps, clean.levels(k), gone, clean))
            harm = against(spoilt.levels(k), clean.levels(k), trial.problem.kind)
            gone = gone | spoilt.diverged(k)
            gains.append(Gain("harm", k, self.steps, harm, gone, spoilt))
        return Outcome(spoilt, gains)

    def spoil(self, batch: TaskBatch, problem: Problem, generator: torch.Generator) -> TaskBatch:
        """The same tasks with some of their support points wrong."""
        of_classes = problem.kind == "classification"
        y = self._exchanged(batch, generator) if of_classes else self._far_off(batch, generator)
        return replace(batch, support=replace(batch.support, y=y))

    def _far_off(
        self, batch: TaskBatch, generator: torch.Generator
    ) -> Float[Tensor, "tasks points outputs"]:
        support, every = batch.support, batch.points()
        known = every.y.masked_fill(~every.mask.unsqueeze(2), torch.nan)
        spread = (known - known.nanmean(1, keepdim=True)).square().nanmean(1, keepdim=True).sqrt()
        ranks = torch.rand(support.y.shape[:2], generator=generator).argsort(1).argsort(1)
        wrong = ranks < max(1, round(self.share * support.points))
        sign = 2 * torch.randint(0, 2, support.y.shape, generator=generator) - 1
        return support.y + wrong.unsqueeze(2) * sign * self.size * spread

    def _exchanged(
        self, batch: TaskBatch, generator: torch.Generator
    ) -> Float[Tensor, "tasks points ways"]:
        """Wrong points pass their labels on in a circle, so that each class keeps its number."""
        y = batch.support.y
        tasks, points, ways = y.shape
        labels = y.argmax(2)
        order = torch.rand(tasks, ways, generator=generator).argsort(1)
        mixed = labels + torch.rand(tasks, points, generator=generator)
        within = mixed.argsort(1).argsort(1) % (points // ways)
        place = within * ways + order.argsort(1).gather(1, labels)
        wrong = max(2, round(self.share * points))
        wrong += wrong % ways == 1  # else the last would pass its label on to its own class
        given = order.gather(1, (place + 1) % wrong % ways)
        exchanged = torch.nn.functional.one_hot(given, ways).to(y)
        return torch.where((place < wrong).unsqueeze(2), exchanged, y)
