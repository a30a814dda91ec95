"""What is searched of a matrix: a study for each learner and each ground that it is tuned for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.core.errors import MatrixError
from benchmarks.core.search import Space
from benchmarks.harness.evaluation.validating import looks
from benchmarks.harness.plan.checks.effects import follows_the_test, test_shots
from benchmarks.harness.plan.expand import Pairing, Settle
from benchmarks.harness.plan.fields import plain
from benchmarks.harness.plan.identity import Meeting, TrialSpec, Try, digest_of, try_of
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import Resolved, resolve_learner
from benchmarks.harness.plan.spaces import described, searched

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """The search for the settings of one learner on one family.

    Attributes:
        id: a hash of all that its outcome depends on, but for how many settings are tried.
        name: what people call it, and Optuna: readable, and nobody else's.
        space: what is searched; nothing where there is nothing to search.
        asked: what learners are asked on validation tasks.
        why: where nothing is searched, for what reason.
    """

    id: str
    name: str
    matrix: Matrix
    meeting: Meeting
    learner: Resolved
    space: Space
    asked: Mapping[str, Any]
    why: str = ""

    @property
    def label(self) -> str:
        return self.learner.entry.label

    @property
    def family(self) -> str:
        return self.meeting.family.entry.label

    @property
    def protocol(self) -> str:
        return self.meeting.protocol.label

    @property
    def defaults(self) -> Settings:
        """Where the search begins: what the learner has if nobody sets anything."""
        fields = plain(self.learner.built)
        return {key: fields[key] for key in self.space}

    def with_settings(self, settings: Settings, registry: Registry) -> Resolved:
        """The learner with settings.

        Raises:
            MatrixError: its class does not take them together.
        """
        entry = self.learner.entry
        changed = replace(entry, fields={**entry.fields, **settings})
        return resolve_learner(self.matrix, changed, registry)

    def trials(
        self, number: int, settings: Settings, bars: tuple[float, ...], registry: Registry
    ) -> list[TrialSpec]:
        """The trials that say what some settings are worth: one for each seed of the search.

        Raises:
            MatrixError: as `with_settings`.
        """
        assert self.matrix.tuning is not None
        learner = self.with_settings(settings, registry)
        return [
            try_of(self.matrix, self.meeting, learner, seed, self.asked, Try(number, bars))
            for seed in self.matrix.tuning.seeds
        ]


@dataclass(frozen=True)
class Plan:
    """The studies of a matrix, by what they are for."""

    studies: tuple[Study, ...]
    _of: Mapping[tuple[int, str], Study]

    def of(self, meeting: Meeting, learner: Resolved) -> Study:
        """That of a learner in a meeting; several meetings may share one."""
        return self._of[id(meeting), learner.entry.label]


def plan_of(matrix: Matrix, pairings: Sequence[Pairing], registry: Registry) -> Plan:
    """All studies of a matrix with `[tuning]`.

    Raises:
        MatrixError: a family has no validation tasks.
        PluginError: what a class declares to be searched is wrong.
    """
    assert matrix.tuning is not None
    found: dict[str, Study] = {}
    of: dict[tuple[int, str], Study] = {}
    for pairing in pairings:
        for learner in pairing.learners:
            study = _study(matrix, pairing.meeting, learner, registry)
            of[id(pairing.meeting), learner.entry.label] = found.setdefault(study.id, study)
    return Plan(tuple(found.values()), of)


def settling(plan: Plan, chosen: Mapping[str, tuple[Settings, int]], registry: Registry) -> Settle:
    """How trials get their settings: those that are chosen, by the id of the study.

    A learner of which nothing is searched has what the matrix says.
    """

    def settle(meeting: Meeting, learner: Resolved) -> tuple[Resolved, int] | None:
        study = plan.of(meeting, learner)
        if not study.space:
            return learner, 0
        if study.id not in chosen:
            return None
        settings, tried = chosen[study.id]
        return (study.with_settings(settings, registry), tried) if tried else (learner, 0)

    return settle


def _study(matrix: Matrix, meeting: Meeting, learner: Resolved, registry: Registry) -> Study:
    assert matrix.tuning is not None
    tuning, family, protocol = matrix.tuning, meeting.family, meeting.protocol
    space = searched(family, learner, registry, str(matrix.path))
    why = "" if space else _why(learner)
    asked = looks(family.built, protocol)
    if space and asked is None:
        on = "scores validation tasks" if protocol.split == "validation" else "has none"
        raise MatrixError(
            f"{matrix.path}: [tuning]: settings are searched on validation tasks, and there are "
            f"none to spare: protocol {protocol.label!r} on family {family.entry.label!r} {on}"
        )
    asks = {} if asked is None else asked.model_dump(mode="json")
    identity = {
        "family": family.identity,
        "learner": learner.identity,
        "label": "" if space else learner.entry.label,
        "space": described(space),
        "budget": asdict(tuning.budget),
        "seeds": list(tuning.seeds),
        "keep": learner.entry.keep or matrix.keep,
        "asked": asks,
        "shots": test_shots(protocol) if follows_the_test(learner) else None,
        "fold": meeting.fold,
    }
    key = digest_of(identity)
    fold = "" if meeting.fold is None else f", fold {meeting.fold}"
    name = f"{learner.entry.label} on {family.entry.label}{fold} ({key})"
    return Study(key, name, matrix, meeting, learner, space, asks, why)


def _why(learner: Resolved) -> str:
    if not learner.entry.tune:
        return "tune = false"
    if learner.entry.fields:
        return "nothing of it is left to search"
    return "its class declares nothing to search"
