"""The contract between the harness and the protocols: what is tested, and what a trial offers.

A protocol is a class with the keys of its `[[protocol]]` table; `benchmarks.testing.check_protocol`
says whether it behaves. Its keys need no torch; what a trial offers is in `benchmarks.core.trial`,
and handed on from here when it is asked for.
"""

import unicodedata
from abc import ABC
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, ConfigDict, field_validator

from benchmarks.core.declaration import Declaration
from benchmarks.core.kinds import Place as Place

if TYPE_CHECKING:
    from benchmarks.core.trial import Change as Change
    from benchmarks.core.trial import Gain as Gain
    from benchmarks.core.trial import Outcome as Outcome
    from benchmarks.core.trial import Tested as Tested
    from benchmarks.core.trial import Trial as Trial


MOST_COUNTS = 10_000
MOST_POINTS = 1_000_000
MOST_STEPS = 100_000
MOST_DRAWS = 1_000


def _normal(text: str) -> str:
    """What looks the same is the same: Unicode's composed form, and spaces only between words."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


Label = Annotated[str, AfterValidator(_normal)]
Count = Annotated[int, Ge(1), Le(MOST_POINTS)]
Counts = Annotated[tuple[Count, ...], MinLen(1), MaxLen(MOST_COUNTS)]
Steps = Annotated[tuple[Annotated[int, Ge(0), Le(MOST_STEPS)], ...], MinLen(1), MaxLen(MOST_COUNTS)]
Labels = Annotated[tuple[Label, ...], MinLen(1)]
Folds = Annotated[int, Ge(2), Le(MOST_COUNTS)] | Literal["leave-one-group-out"]


class Protocol(BaseModel, ABC):
    """What all protocols have.

    Attributes:
        kind: which protocol it is.
        label: what tables call it; `kind` if left out.
        shots: the numbers of support points k; in classification, of each class.
        steps: the numbers of adaptation steps after which to score; 0 is before any.
        tasks: the test tasks (fewer where the split has fewer).
        queries: the query points of each task (fewer where the task has fewer).
        families: labels of the families it is for; all of them if left out.
        split: `test`, or `validation` for choosing hyper-parameters.
        draws: so many draws of support and query points for each test task, the same for everybody;
            a task's score is their mean.
        folds: train and test once for each so many parts of the groups of a family, so that each
            group is a test group once; or once for each group, "leave-one-group-out".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    label: Label = ""
    shots: Counts
    steps: Steps
    tasks: Count = 600
    queries: Count = 100
    split: Literal["test", "validation"] = "test"
    families: Labels | None = None
    draws: Annotated[int, Ge(1), Le(MOST_DRAWS)] = 1
    folds: Folds | None = None

    name: ClassVar[str]
    """Its kind: what matrices call it."""
    version: ClassVar[int] = 1
    """Bumped when the same trial would come to other numbers."""
    declares: ClassVar[Declaration] = Declaration()
    lean: ClassVar[bool] = False
    """Whether of all metrics only the problem's own is kept."""
    names: ClassVar[frozenset[str]] = frozenset({"families"})
    """Keys that say what else is part of a trial, whose own identities stand for it."""
    later: ClassVar[Mapping[str, Any]] = {"draws": 1, "folds": None}
    """Keys that came after results were published, and the value that means "as before"."""
    other_key: ClassVar[str] = ""
    """The key that names the other family, if there is one."""
    trains_on: ClassVar[tuple[Place, ...]] = ("own",)

    def run(self, trial: "Trial") -> "Outcome":
        """Train, choose and test, in the order that the protocol is about."""
        trial.train()
        trial.choose()
        from benchmarks.core.trial import Outcome

        return Outcome(trial.test(self.tests_on[0]))

    @property
    def tests_on(self) -> tuple[Place, ...]:
        """Where it tests, first the family that the shown scores are of."""
        return ("own",) if self.other is None else ("other",)

    @property
    def other(self) -> str | None:
        """The label of the second family, if there is one: tested on, or trained on next."""
        return None

    @property
    def next_budget(self) -> Mapping[str, Any] | None:
        """What carrying on may spend, as a `[budget]` table; as much as before if None."""
        return None

    @property
    def compared_with(self) -> Mapping[str, Any] | None:
        """The learner table of the reference, if there is one."""
        return None

    @property
    def drawn(self) -> tuple[int, ...]:
        """The steps whose predictions and support errors are kept for the figures."""
        return self.steps

    def on_each(self) -> "Sequence[Protocol]":
        """One protocol for each of the other families; it alone where there is none."""
        return [self]

    def identity(self) -> dict[str, Any]:
        """What of it the scores of a trial depend on, besides what `names` stand for.

        Of `folds` that is which groups are in which split: part of the family.
        """
        beside = {"label", "folds", *self.names}
        return {key: value for key, value in self.described().items() if key not in beside}

    def described(self) -> dict[str, Any]:
        """All its keys but `families`; of those in `later`, what differs from before."""
        rules = self.model_dump(mode="json", exclude={"families"})
        return {k: v for k, v in rules.items() if k not in self.later or self.later[k] != v}

    @field_validator("shots", "steps")
    @classmethod
    def _ascending(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(values)))


def __getattr__(name: str) -> Any:
    if name in ("Change", "Gain", "Outcome", "Tested", "Trial"):
        return getattr(import_module("benchmarks.core.trial"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
