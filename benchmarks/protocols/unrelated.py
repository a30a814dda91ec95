"""Few-shot tests on families that were not trained on, beside a network from scratch."""

from typing import ClassVar, final

from benchmarks.core.declaration import Declaration
from benchmarks.core.protocol import Labels, Outcome, Trial
from benchmarks.protocols.compared import (
    VERSUS,
    VERSUS_FIGURE,
    VERSUS_FINDING,
    VERSUS_TABLE,
    Elsewhere,
)


@final
class Unrelated(Elsewhere):
    """Few-shot tests on families that were not trained on, beside the same steps from scratch."""

    on: Labels

    name: ClassVar[str] = "unrelated"
    declares: ClassVar[Declaration] = Declaration(
        metrics=(VERSUS,),
        tables=(VERSUS_TABLE,),
        across=(VERSUS_FIGURE,),
        findings=(VERSUS_FINDING,),
    )

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        trial.choose()
        own, scratch = trial.test("other"), trial.reference("other")
        kind = trial.problem.kind
        return Outcome(own, [it for k in self.shots for it in self.versus(own, scratch, k, kind)])
