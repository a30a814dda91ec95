"""Carry on with a second family, then test on both (Lopez-Paz & Ranzato, 2017)."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

from benchmarks.core.declaration import Column, Declaration, Finding, Metric, Plane, Table
from benchmarks.core.protocol import Gain, Label, Outcome, Place, Protocol, Tested, Trial
from benchmarks.protocols.compared import Compared, ahead

METRICS = (
    Metric(
        name="before",
        meaning="its score on the first family, before the second was trained on (after it: the "
        "problem's own metric)",
        called="$own before the second family",
        unit="score",
    ),
    Metric(
        name="backward",
        meaning="by how much training on the second family made it better on the first; negative "
        "is forgetting",
        called="backward transfer, $own",
        unit="difference",
        better="higher",
    ),
    Metric(
        name="then",
        meaning="its score on the second family, after training on it",
        called="$own on the second family",
        unit="score",
        elsewhere=True,
    ),
    Metric(
        name="forward",
        meaning="by how much it is ahead of scratch on the second family before training on it",
        called="forward transfer, $own",
        unit="difference",
        better="higher",
        elsewhere=True,
    ),
)
TABLE = Table(
    caption="Mean $own after $steps: on $first before and after carrying on with $second, and on "
    "$second in the end ($direction). Backward transfer is by how much carrying on made it better "
    "on $first, where a negative number is forgetting; forward transfer is by how much it was "
    "ahead of scratch on $second before training on it (higher is better in both).",
    columns=(
        Column(metric="before", title="$first, before"),
        Column(title="$first, after"),
        Column(metric="backward", title="backward transfer"),
        Column(metric="then", title="$second, after"),
        Column(metric="forward", title="forward transfer"),
    ),
    at="few",
)
PLANE = Plane(
    stem="retention",
    title="Backward and forward transfer",
    caption="Mean transfer after the most adaptation steps $band. Below 0, carrying on with "
    "$second made a learner forget $first; left of 0, it was worse on $second than from scratch "
    "before it was trained on it.",
    x="forward",
    y="backward",
)
FINDINGS = (
    Finding(
        metric="backward",
        better="better at $first after carrying on with $second",
        worse="worse at $first after carrying on with $second, which is forgetting",
        open="not told apart at $first from before carrying on with $second",
    ),
    Finding(
        metric="forward",
        better="ahead of scratch on $second before training on it",
        worse="behind scratch on $second before training on it",
        open="not told apart from scratch on $second before training on it",
    ),
)


@final
class Retention(Compared):
    """Carry on with a second family, then test on both (Lopez-Paz & Ranzato, 2017).

    With two families, `backward` and `forward` are those of the paper's section 2, of errors with
    the sign turned.

    Attributes:
        then: the label of the second family.
        budget: what carrying on may spend; as much as the first family had, if left out.
    """

    then: Label
    budget: dict[str, Any] | None = None

    name: ClassVar[str] = "retention"
    lean: ClassVar[bool] = True
    other_key: ClassVar[str] = "then"
    trains_on: ClassVar[tuple[Place, ...]] = ("own", "other")
    declares: ClassVar[Declaration] = Declaration(
        metrics=METRICS,
        told="Tested on $first after carrying on with $second.",
        scores=False,
        of_scores="on $first in the end",
        tables=(TABLE,),
        planes=(PLANE,),
        findings=FINDINGS,
        ranked=("then",),
    )

    def run(self, trial: Trial) -> Outcome:
        trial.train()
        before = trial.test("own", whole=False)
        unseen = trial.test("other", whole=False)
        scratch = trial.reference("other")
        trial.carry_on()
        then = trial.test("other", whole=False)
        trial.choose()
        after = trial.test("own")
        kind, gains = trial.problem.kind, []
        for k in self.shots:
            for metric, values, of in (
                ("before", before.levels(k), (before,)),
                ("then", then.levels(k), (then,)),
                ("backward", ahead(after.levels(k), before.levels(k), kind), (after, before)),
                ("forward", ahead(unseen.levels(k), scratch.levels(k), kind), (unseen,)),
            ):
                gains.append(self._gain(metric, k, values, of))
        return Outcome(after, gains)

    def _gain(self, metric: str, shots: int, values: Any, of: tuple[Tested, ...]) -> Gain:
        gone = of[0].diverged(shots)
        for it in of[1:]:
            gone = gone | it.diverged(shots)
        return Gain(metric, shots, self.steps, values, gone, of[0])

    @property
    def tests_on(self) -> tuple[Place, ...]:
        return ("own", "other")

    @property
    def other(self) -> str | None:
        return self.then

    @property
    def next_budget(self) -> Mapping[str, Any] | None:
        return self.budget

    def on_each(self) -> Sequence[Protocol]:
        return [self.model_copy(update={"label": f"{self.label}: {self.then}"})]
