"""From a matrix to its trials. Everything that can be wrong with a matrix is found here."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.core.errors import MatrixError
from benchmarks.core.protocol import Place, Protocol
from benchmarks.harness.plan.checks.effects import demand_different, idle_notes
from benchmarks.harness.plan.checks.folding import demand_draws, resolve_folds
from benchmarks.harness.plan.checks.sizes import demand_few_ways, demand_room_for
from benchmarks.harness.plan.checks.trainable import demand_trainable
from benchmarks.harness.plan.fields import plain
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.naming import Meeting, trial_of
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import (
    Resolved,
    demand_points,
    demand_room,
    resolve_family,
    resolve_learner,
    say_left_out,
)


@dataclass(frozen=True)
class Pairing:
    """A family under a protocol, and the learners that meet it there."""

    meeting: Meeting
    learners: tuple[Resolved, ...]


Settle = Callable[[Meeting, Resolved], tuple[Resolved, int] | None]
"""The learner with the settings that it is tested with, and of how many they are the best (0 where
none were searched for); None while that is not known."""

READ = re.compile(r"read [0-9,]+ ")
"""How a note begins that says how much was read, and no more."""


def expand(
    matrix: Matrix, registry: Registry, say: Callable[[str], object] = lambda note: None
) -> list[TrialSpec]:
    """All trials of a matrix, settings being as it has them; see `arrange`."""
    return trials_of(matrix, arrange(matrix, registry, say))


def arrange(
    matrix: Matrix, registry: Registry, say: Callable[[str], object] = lambda note: None
) -> list[Pairing]:
    """Who meets what; builds every learner and family, and checks that k is possible.

    What families have to say of their data goes to `say`, line by line.

    Raises:
        UserError: what is wrong with the matrix or with the data it names.
    """
    for entry in matrix.families:
        demand_few_ways(entry.fields, f"{matrix.path}: family {entry.called}")
    families = [resolve_family(matrix, entry, registry) for entry in matrix.families]
    for it in families:
        for note in getattr(it.built, "notes", list)():
            say(f"{it.entry.label}: {note}")
    learners = [resolve_learner(matrix, entry, registry) for entry in matrix.learners]
    for it in learners:
        demand_room_for(plain(it.built), f"{matrix.path}: learner {it.entry.called}")
    meetings = [
        _meeting(matrix, it, protocol, families, registry, fold, say)
        for family in families
        for protocol in matrix.protocols
        if meets(protocol.families, family.entry) and protocol.other != family.entry.label
        for fold, it in resolve_folds(matrix, family, protocol, registry, say)
    ]
    pairings: list[Pairing] = []
    idle: dict[str, None] = {}
    for meeting in meetings:
        there = [
            learner
            for learner in learners
            if meets(learner.entry.families, meeting.family.entry)
            if _can_solve(matrix, learner, meeting.family)
        ]
        pairings.append(Pairing(meeting, tuple(there)))
        demand_different(matrix, meeting.family, meeting.protocol, there)
        for learner in there:
            demand_trainable(matrix, meeting.family, meeting.protocol, learner)
            if meeting.other is not None and "other" in meeting.protocol.trains_on:
                demand_trainable(matrix, meeting.other, meeting.protocol, learner)
        idle |= dict.fromkeys(idle_notes(meeting.family, meeting.protocol, there))
    for note in idle:
        say(note)
    if not any(it.learners for it in pairings):
        raise MatrixError(
            f"{matrix.path}: makes no trial: no learner is for a family that a protocol is for; "
            "look at the keys 'families'"
        )
    return pairings


def trials_of(
    matrix: Matrix,
    pairings: Sequence[Pairing],
    settle: Settle = lambda meeting, learner: (learner, 0),
) -> list[TrialSpec]:
    """The trials of all learners whose settings are known.

    Raises:
        MatrixError: two entries come to the same trial.
    """
    seen: dict[str, TrialSpec] = {}
    for meeting, learner, seed in (
        (it.meeting, learner, seed)
        for it in pairings
        for learner in it.learners
        for seed in matrix.seeds
    ):
        if (settled := settle(meeting, learner)) is None:
            continue
        trial = trial_of(matrix, meeting, settled[0], seed, settled[1])
        twin = seen.get(trial.id)
        if twin is not None and matrix.tuning is None:
            raise MatrixError(
                f"{matrix.path}: {trial.learner.label!r} on {trial.family.label!r} is the same "
                f"trial as {twin.learner.label!r} on {twin.family.label!r}; remove one"
            )
        if twin is not None:  # what was chosen is what another entry has
            label = learner.entry.label
            trial = trial_of(matrix, meeting, settled[0], seed, settled[1], apart=label)
        seen[trial.id] = trial
    return list(seen.values())


def meets(families: Sequence[str] | None, family: Entry) -> bool:
    """Whether a protocol or a learner limited to these families, if to any, is for this one."""
    return families is None or family.label in families


def _can_solve(matrix: Matrix, learner: Resolved, family: Resolved) -> bool:
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

    Of the `notes` of `expand` those are kept that tell more than what was read. What a protocol
    declares is kept where that is no part of this package, for reports to be made without it.
    """
    foreign = {it.protocol.label for it in trials if "code" in it.identity["protocol"]}
    kept = [it for it in notes if not READ.match(it.partition(": ")[2])]
    return {
        **({"notes": kept} if kept else {}),
        "name": matrix.name,
        "title": matrix.title,
        "seeds": list(matrix.seeds),
        "budget": asdict(matrix.budget) | ({} if matrix.keep == "last" else {"keep": matrix.keep}),
        "protocols": [
            {**it.described(), **({"declares": _declared(it)} if it.label in foreign else {})}
            for it in matrix.protocols
        ],
        "families": [_as_json(entry) for entry in matrix.families],
        "learners": [_as_json(entry) for entry in matrix.learners],
        "trials": [trial.row for trial in trials],
    }


def _declared(protocol: Protocol) -> dict[str, Any]:
    return protocol.declares.model_dump(mode="json", exclude_defaults=True)


def _as_json(entry: Entry) -> dict[str, Any]:
    budget = None if entry.budget is None else asdict(entry.budget)
    return {
        "name": entry.name,
        "label": entry.label,
        "fields": json.loads(json.dumps(dict(entry.fields), default=str)),
        "budget": budget,
    }


def _meeting(
    matrix: Matrix,
    family: Resolved,
    protocol: Protocol,
    families: Sequence[Resolved],
    registry: Registry,
    fold: int | None,
    say: Callable[[str], object],
) -> Meeting:
    other = next((it for it in families if it.entry.label == protocol.other), None)
    if other is None:
        demand_points(matrix, family, ("train", protocol.split), protocol.shots)
    else:
        _demand_alike(matrix, family, other, protocol)
        places: dict[Place, Resolved] = {"own": family, "other": other}
        for place in protocol.trains_on:  # training has shots of its own
            demand_points(matrix, places[place], ("train",), (1,))
        for place in protocol.tests_on:
            demand_points(matrix, places[place], (protocol.split,), protocol.shots)
    for place in protocol.tests_on:
        demand_room(matrix, other if other and place == "other" else family, protocol)
    demand_draws(matrix, other or family, protocol)
    say_left_out(other or family, protocol, fold, say)
    reference = _reference(matrix, protocol, family, registry)
    code = registry.find("protocol", protocol.kind).code
    return Meeting(family, protocol, code, other, reference, fold)


def _demand_alike(matrix: Matrix, one: Resolved, other: Resolved, protocol: Protocol) -> None:
    """What was trained on one family can be asked about the other."""
    where = f"{matrix.path}: protocol {protocol.label!r}"
    if one.kind != other.kind:
        raise MatrixError(
            f"{where}: family {one.entry.label!r} is {one.kind}, and {other.entry.label!r} is "
            f"{other.kind}"
        )
    # scores on both families stand in one table
    shared = ("metric", "unit") if len(protocol.tests_on) > 1 else ()
    for what in (*shared, "features", "outputs", "image"):
        mine, theirs = (getattr(it.built.problem, what) for it in (one, other))
        if mine != theirs:
            raise MatrixError(
                f"{where}: families {one.entry.label!r} and {other.entry.label!r} differ in "
                f"{what}: {mine} and {theirs}"
            )


def _reference(
    matrix: Matrix, protocol: Protocol, family: Resolved, registry: Registry
) -> Resolved | None:
    table = protocol.compared_with
    if table is None:
        return None
    fields = {key: value for key, value in table.items() if key != "name"}
    entry = Entry(table["name"], table["name"], fields)
    resolved = resolve_learner(matrix, entry, registry)
    where = f"{matrix.path}: protocol {protocol.label!r}: reference {entry.called}"
    if resolved.privileged:
        raise MatrixError(f"{where} needs to see {', '.join(sorted(resolved.built.needs))}")
    if family.kind not in resolved.kinds:
        raise MatrixError(
            f"{where} is not for {family.kind}, which family {family.entry.label!r} is"
        )
    return resolved
