"""NewProtocol: adapt to support points whose inputs are inexact, beside the same as they are."""

from dataclasses import replace
from typing import Annotated, ClassVar, final

import torch
from annotated_types import Gt

from benchmarks.core import Problem, TaskBatch
from benchmarks.core.declaration import Column, Declaration, Metric, Table
from benchmarks.core.protocol import Gain, Outcome, Protocol, Trial


@final
class NewProtocol(Protocol):
    """Adapt to k support points whose inputs are inexact; nobody has trained on such tasks.

    Attributes:
        noise: the standard deviation of what is added to each input of the support points.
    """

    noise: Annotated[float, Gt(0)] = 0.5

    name: ClassVar[str] = "new_protocol"
    declares: ClassVar[Declaration] = Declaration(
        metrics=(
            Metric(
                name="exact",
                meaning="its score after adapting to the same points with exact inputs",
                called="$own with exact inputs",
                unit="score",
            ),
        ),
        of_scores="with inexact inputs",
        tables=(
            Table(
                caption="Mean $own after $steps, adapted to exact and to inexact inputs "
                "($direction).",
                columns=(Column(metric="exact", title="exact"), Column(title="inexact")),
            ),
        ),
    )

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        exact = trial.test(whole=False)
        inexact = trial.test(change=self.blur)
        gains = [
            Gain("exact", k, self.steps, exact.levels(k), exact.diverged(k), exact)
            for k in self.shots
        ]
        return Outcome(inexact, gains)

    def blur(self, batch: TaskBatch, problem: Problem, generator: torch.Generator) -> TaskBatch:
        """The same tasks; what is done to them depends on the generator alone."""
        x = batch.support.x
        noise = self.noise * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return replace(batch, support=replace(batch.support, x=x + noise))
