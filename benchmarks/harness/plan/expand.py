"""From a matrix to its trials. Everything that can be wrong with a matrix is found here."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.core import Budget
from benchmarks.core.errors import MatrixError
from benchmarks.harness.plan.effects import (
    demand_different,
    follows_the_test,
    idle_notes,
    test_shots,
)
from benchmarks.harness.plan.folding import demand_draws, know_folds
from benchmarks.harness.plan.matrix import Entry, Keep, Matrix
from benchmarks.harness.plan.protocols import Compared, Protocol, Retention
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import (
    Known,
    demand_points,
    demand_room,
    know_family,
    know_learner,
    say_left_out,
)
from benchmarks.harness.plan.trainable import demand_trainable

READ = re.compile(r"read [0-9,]+ ")
"""How a note begins that says how much was read, and no more."""


@dataclass(frozen=True)
class TrialSpec:
    """One learner × one family × one protocol × one seed, ready to be sent to a worker.

    `family` is what is trained on first. `other` is a second family, if the protocol has one: to be
    tested on, or to carry on with under the budget `then`. `reference` is who else is tested.

    `identity` is all that the scores depend on; `id` is a readable name with its hash. Labels, the
    device and the folder the data lies in are no part of it. `training` is a hash of what
    meta-training depends on: trials that share it can share the trained learner.
    """

    id: str
    family: Entry
    protocol: Protocol
    learner: Entry
    seed: int
    budget: Budget
    privileged: bool
    identity: Mapping[str, Any]
    training: str
    other: Entry | None = None
    then: Budget | None = None
    reference: Entry | None = None
    fold: int | None = None
    """Which of the protocol's folds it is; None where there are none."""
    keep: Keep = "last"
    """Which state of the training is tested."""

    @property
    def row(self) -> dict[str, Any]:
        """The columns that name this trial in every table, and its fold."""
        fold = {} if self.fold is None else {"fold": self.fold}
        return {
            **fold,
            "trial": self.id,
            "family": self.family.label,
            "protocol": self.protocol.label,
            "learner": self.learner.label,
            "seed": self.seed,
            "privileged": self.privileged,
        }


def expand(
    matrix: Matrix, registry: Registry, say: Callable[[str], object] = lambda note: None
) -> list[TrialSpec]:
    """All trials of a matrix; builds every learner and family, and checks that k is possible.

    What families have to say of their data goes to `say`, line by line.

    Raises:
        UserError: what is wrong with the matrix or with the data it names.
    """
    families = [know_family(matrix, entry, registry) for entry in matrix.families]
    for it in families:
        for note in getattr(it.built, "notes", list)():
            say(f"{it.entry.label}: {note}")
    learners = [know_learner(matrix, entry, registry) for entry in matrix.learners]
    rounds = [
        _round(matrix, it, protocol, families, registry, fold, say)
        for family in families
        for protocol in matrix.protocols
        if meets(protocol.families, family.entry) and protocol.other != family.entry.label
        for fold, it in know_folds(matrix, family, protocol, registry, say)
    ]
    trials: list[TrialSpec] = []
    idle: dict[str, None] = {}
    for ground in rounds:
        there = [
            learner
            for learner in learners
            if meets(learner.entry.families, ground.family.entry)
            if _can_solve(matrix, learner, ground.family)
        ]
        trials += [
            _trial(matrix, ground, learner, seed) for learner in there for seed in matrix.seeds
        ]
        demand_different(matrix, ground.family, ground.protocol, there)
        for learner in there:
            demand_trainable(matrix, ground.family, ground.protocol, learner)
            if ground.other is not None and isinstance(ground.protocol, Retention):
                demand_trainable(matrix, ground.other, ground.protocol, learner)
        idle |= dict.fromkeys(idle_notes(ground.family, ground.protocol, there))
    for note in idle:
        say(note)
    if not trials:
        raise MatrixError(
            f"{matrix.path}: makes no trial: no learner is for a family that a protocol is for; "
            "look at the keys 'families'"
        )
    seen: dict[str, TrialSpec] = {}
    for trial in trials:
        twin = seen.setdefault(trial.id, trial)
        if twin is not trial:
            raise MatrixError(
                f"{matrix.path}: {trial.learner.label!r} on {trial.family.label!r} is the same "
                f"trial as {twin.learner.label!r} on {twin.family.label!r}; remove one"
            )
    return trials


def meets(families: Sequence[str] | None, family: Entry) -> bool:
    """Whether a protocol or a learner limited to these families, if to any, is for this one."""
    return families is None or family.label in families


def _can_solve(matrix: Matrix, learner: "Known", family: "Known") -> bool:
    if family.kind not in learner.kinds:
        raise MatrixError(
            f"{matrix.path}: learner {learner.entry.label!r} is not for {family.kind}, which "
            f"family {family.entry.label!r} is; limit it with families = [...]"
        )
    if getattr(learner.built, "for_pictures", False) and family.built.problem.image is None:
        raise MatrixError(
            f"{matrix.path}: learner {learner.entry.label!r}: its network is for pictures, which "
            f"family {family.entry.label!r} has none of; set network = 'mlp' (for reml, layers = "
            "'linear'), or limit it with families = [...]"
        )
    return True


def describe(matrix: Matrix, trials: list[TrialSpec], notes: Sequence[str] = ()) -> dict[str, Any]:
    """The matrix as `matrix.json` keeps it: normalised, with the trials it consists of.

    Of the `notes` of `expand` those are kept that tell more than what was read.
    """
    kept = [it for it in notes if not READ.match(it.partition(": ")[2])]
    return {
        **({"notes": kept} if kept else {}),
        "name": matrix.name,
        "title": matrix.title,
        "seeds": list(matrix.seeds),
        "budget": asdict(matrix.budget) | ({} if matrix.keep == "last" else {"keep": matrix.keep}),
        "protocols": [protocol.described() for protocol in matrix.protocols],
        "families": [_as_json(entry) for entry in matrix.families],
        "learners": [_as_json(entry) for entry in matrix.learners],
        "trials": [trial.row for trial in trials],
    }


def _as_json(entry: Entry) -> dict[str, Any]:
    budget = None if entry.budget is None else asdict(entry.budget)
    return {
        "name": entry.name,
        "label": entry.label,
        "fields": json.loads(json.dumps(dict(entry.fields), default=str)),
        "budget": budget,
    }


@dataclass(frozen=True)
class _Round:
    """A family under a protocol, with what else takes part there; checked."""

    family: Known
    protocol: Protocol
    other: Known | None
    reference: Known | None
    fold: int | None


def _round(
    matrix: Matrix,
    family: Known,
    protocol: Protocol,
    families: Sequence[Known],
    registry: Registry,
    fold: int | None,
    say: Callable[[str], object],
) -> _Round:
    other = next((it for it in families if it.entry.label == protocol.other), None)
    carries_on = isinstance(protocol, Retention)
    if other is None:
        demand_points(matrix, family, ("train", protocol.split), protocol.shots)
    else:
        _demand_alike(matrix, family, other, protocol)
        # training has shots of its own
        demand_points(matrix, family, ("train",), (1,))
        demand_points(matrix, other, (protocol.split,), protocol.shots)
        if carries_on:
            demand_points(matrix, family, (protocol.split,), protocol.shots)
            demand_points(matrix, other, ("train",), (1,))
    for tested in (family, other) if carries_on else (other or family,):
        demand_room(matrix, tested or family, protocol)
    demand_draws(matrix, other or family, protocol)
    say_left_out(other or family, protocol, fold, say)
    reference = _reference(matrix, protocol, family, registry)
    return _Round(family, protocol, other, reference, fold)


def _demand_alike(matrix: Matrix, one: Known, other: Known, protocol: Protocol) -> None:
    """What was trained on one family can be asked about the other."""
    where = f"{matrix.path}: protocol {protocol.label!r}"
    if one.kind != other.kind:
        raise MatrixError(
            f"{where}: family {one.entry.label!r} is {one.kind}, and {other.entry.label!r} is "
            f"{other.kind}"
        )
    # scores on both families stand in one table under retention
    shared = ("metric", "unit") if isinstance(protocol, Retention) else ()
    for what in (*shared, "features", "outputs", "image"):
        mine, theirs = (getattr(it.built.problem, what) for it in (one, other))
        if mine != theirs:
            raise MatrixError(
                f"{where}: families {one.entry.label!r} and {other.entry.label!r} differ in "
                f"{what}: {mine} and {theirs}"
            )


def _reference(
    matrix: Matrix, protocol: Protocol, family: Known, registry: Registry
) -> Known | None:
    if not isinstance(protocol, Compared):
        return None
    fields = {key: value for key, value in protocol.reference.items() if key != "name"}
    entry = Entry(protocol.reference["name"], "reference", fields)
    known = know_learner(matrix, entry, registry)
    where = f"{matrix.path}: protocol {protocol.label!r}: reference {entry.name!r}"
    if known.privileged:
        raise MatrixError(f"{where} needs to see {', '.join(sorted(known.built.needs))}")
    if family.kind not in known.kinds:
        raise MatrixError(
            f"{where} is not for {family.kind}, which family {family.entry.label!r} is"
        )
    return known


def _trial(matrix: Matrix, it: _Round, learner: Known, seed: int) -> TrialSpec:
    family, protocol = it.family, it.protocol
    budget = learner.entry.budget or family.entry.budget or matrix.budget
    keep = learner.entry.keep or matrix.keep
    then = None
    if isinstance(protocol, Retention):
        then = budget if protocol.budget is None else Budget(**protocol.budget)
    how = protocol.identity()
    if it.reference is not None:
        how["reference"] = it.reference.identity
    if it.other is not None:
        how["other"] = it.other.identity
    if then is not None:
        how["then"] = _given(then)
    trained = {
        "family": family.identity,
        "learner": learner.identity,
        "seed": seed,
        "budget": _given(budget),
    }
    if keep != "last":  # as results that were published before there was a choice
        trained["keep"] = keep
    identity = {**trained, "protocol": how}
    fields = learner.identity["fields"].items()
    looked_at = {key: value for key, value in fields if key not in learner.only_at_test}
    trained["learner"] = {**learner.identity, "fields": looked_at}
    if follows_the_test(learner):
        trained["shots"] = test_shots(protocol)
    slug = f"{family.entry.label} {learner.entry.name}"
    if protocol.kind != "few_shot":
        slug = f"{slug} {protocol.kind}"
    slug = re.sub(r"[^a-z0-9]+", "-", slug.lower())
    return TrialSpec(
        id=f"{slug.strip('-')[:48]}-s{seed}-{_digest(identity)}",
        family=family.entry,
        protocol=protocol,
        learner=learner.entry,
        seed=seed,
        budget=budget,
        privileged=learner.privileged,
        identity=identity,
        training=_digest(trained),
        other=None if it.other is None else it.other.entry,
        then=then,
        reference=None if it.reference is None else it.reference.entry,
        fold=it.fold,
        keep=keep,
    )


def _given(budget: Budget) -> dict[str, float]:
    return {key: value for key, value in asdict(budget).items() if value is not None}


def _digest(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
