"""How learners are tested. A protocol is one `[[protocol]]` table of a matrix file."""

import math
import unicodedata
from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

LANDMARKS = 8
"""So many steps stand in tables, and have their predictions kept; scores are of every step."""

ALL_UP_TO = 30

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

    lean: ClassVar[bool] = False
    """Whether of all metrics only the problem's own is kept."""
    names: ClassVar[frozenset[str]] = frozenset({"families"})
    """Keys that say what else is part of a trial, whose own identities stand for it."""
    later: ClassVar[Mapping[str, Any]] = {"draws": 1, "folds": None}
    """Keys that came after results were published, and the value that means "as before"."""

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

    @property
    def other(self) -> str | None:
        """The label of the second family, if there is one: tested on, or trained on next."""
        return None

    @property
    def drawn(self) -> tuple[int, ...]:
        """The steps whose predictions and support errors are kept for the figures."""
        return self.steps

    def on_each(self) -> "Sequence[Protocol]":
        """One protocol for each of the other families; it alone where there is none."""
        return [self]


class FewShot(Protocol):
    """Adapt on k support points, score on query points drawn apart, after each number of steps."""

    kind: Literal["few_shot"]


class Compared(Protocol, ABC):
    """A protocol whose scores are held against a network without meta-training, task by task.

    Attributes:
        reference: that network: a learner table, fitted with a budget of nothing.
    """

    reference: dict[str, Any] = Field(default_factory=lambda: {"name": "scratch"})

    names = frozenset({"families", "on", "then", "reference", "budget"})

    @property
    def drawn(self) -> tuple[int, ...]:
        return landmarks(self.steps)


class Elsewhere(Compared, ABC):
    """A protocol that may test on other families than it trains on: one trial for each of them.

    Attributes:
        on: their labels. A family among them is not tested on itself.
    """

    on: Labels | None = None

    @property
    def other(self) -> str | None:
        return None if self.on is None else self.on[0]

    def on_each(self) -> "Sequence[Protocol]":
        if self.on is None:
            return [self]
        return [
            self.model_copy(update={"on": (label,), "label": f"{self.label}: {label}"})
            for label in self.on
        ]


class Transfer(Elsewhere):
    """Adapt to a whole task for long, beside the same steps from scratch (Taylor & Stone, 2009)."""

    kind: Literal["transfer"]
    shots: Counts = (50,)
    steps: Steps = tuple(range(101))
    tasks: Count = 200
    queries: Count = 50

    lean = True

    @field_validator("steps")
    @classmethod
    def _from_the_start(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if min(steps) != 0 or len(set(steps)) < 2:
            raise ValueError("expected 0 and at least one more")
        return steps


class Unrelated(Elsewhere):
    """Few-shot tests on families that were not trained on, beside the same steps from scratch."""

    kind: Literal["unrelated"]
    on: Labels


class Retention(Compared):
    """Carry on with a second family, then test on both (Lopez-Paz & Ranzato, 2017).

    Attributes:
        then: the label of the second family.
        budget: what carrying on may spend; as much as the first family had, if left out.
    """

    kind: Literal["retention"]
    then: Label
    budget: dict[str, Any] | None = None

    lean = True

    @property
    def other(self) -> str | None:
        return self.then

    def on_each(self) -> "Sequence[Protocol]":
        return [self.model_copy(update={"label": f"{self.label}: {self.then}"})]


KINDS: Mapping[str, type[Protocol]] = {
    "few_shot": FewShot,
    "transfer": Transfer,
    "unrelated": Unrelated,
    "retention": Retention,
}


def landmarks(steps: Sequence[int]) -> tuple[int, ...]:
    """At most `LANDMARKS` of them: both ends, and between them round or evenly spaced ones."""
    if len(steps) <= LANDMARKS:
        return tuple(steps)
    first, *between, last = steps
    rounds = [step for step in between if str(step).rstrip("0") in ("1", "2", "5")]
    if not LANDMARKS - 4 <= len(rounds) <= LANDMARKS - 2:
        places = [i * len(between) // (LANDMARKS - 1) for i in range(1, LANDMARKS - 1)]
        rounds = [between[place] for place in places]
    return (first, *rounds, last)


def summarised(steps: Sequence[int]) -> tuple[int, ...]:
    """Those that get intervals: all, or of more than `ALL_UP_TO` some 30 with the landmarks."""
    if len(steps) <= ALL_UP_TO:
        return tuple(steps)
    every = math.ceil(len(steps) / 25)
    return tuple(sorted({*landmarks(steps), *steps[::every]}))
