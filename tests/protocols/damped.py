"""A protocol of somebody else's: how much worse a learner is with its support targets damped."""

from dataclasses import replace
from typing import ClassVar

from benchmarks.core import Problem, TaskBatch
from benchmarks.core.declaration import Column, Declaration, Metric, Table
from benchmarks.core.protocol import Gain, Outcome, Protocol, Trial


class Damped(Protocol):
    """Adapt to k support points whose targets are damped, beside the same as they should be.

    Attributes:
        by: what is left of a target.
    """

    by: float = 0.5

    name: ClassVar[str] = "damped"
    declares: ClassVar[Declaration] = Declaration(
        metrics=(
            Metric(
                name="gap",
                meaning="by how much its error is larger than without damping",
                called="gap, $own",
                unit="difference",
            ),
        ),
        of_scores="on damped targets",
        tables=(
            Table(
                caption="Mean gap of $own after $steps on $first.",
                columns=(Column(title="damped"), Column(metric="gap", title="gap")),
            ),
        ),
        ranked=("gap",),
    )

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        clean, damped = trial.test(whole=False), trial.test(change=self.damp)
        return Outcome(
            damped,
            [
                Gain(
                    "gap",
                    k,
                    self.steps,
                    damped.levels(k) - clean.levels(k),
                    damped.diverged(k) | clean.diverged(k),
                    damped,
                )
                for k in self.shots
            ],
        )

    def damp(self, batch: TaskBatch, problem: Problem, generator: object) -> TaskBatch:
        return replace(batch, support=replace(batch.support, y=batch.support.y * self.by))
