"""Which settings of a learner make a difference on a family, and which rows are one row twice."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from benchmarks.core import TaskFamily
from benchmarks.core.budget import allowed_shots, shot_range
from benchmarks.core.errors import MatrixError
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.fields import blamed, plain
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.resolved import Resolved

SHOTS, QUERIES = "train_shots", "train_queries"


def test_shots(protocol: Protocol) -> tuple[int, int]:
    """The fewest and the most shots of a protocol: what learners train with unless told."""
    return min(protocol.shots), max(protocol.shots)


def follows_the_test(learner: Resolved) -> bool:
    """Whether training depends on the shots of the protocol."""
    return plain(learner.built).get(SHOTS, ...) is None


def effective(learner: Resolved, family: TaskFamily, protocol: Protocol) -> dict[str, Any]:
    """The fields of a learner that make a difference, as they come out on this family."""
    fields = plain(learner.built)
    for key in idle(learner, family):
        fields.pop(key, None)
    if {SHOTS, QUERIES} <= fields.keys() and not isinstance(fields[SHOTS], bool):
        span = shot_range(_tuple(fields[SHOTS]), test_shots(protocol))
        fewest, most = (allowed_shots(family, shots) for shots in span)
        fields[SHOTS] = [fewest, most]
        if family.size("train", fewest + fields[QUERIES]) == 0:
            fields[QUERIES] = "all"
            everywhere = len({family.size("train", shots) for shots in (1, fewest, most)}) == 1
            if getattr(type(learner.built), "all_points_alike", False) and everywhere:
                del fields[SHOTS]
    return fields


def demand_different(
    matrix: Matrix, family: Resolved, protocol: Protocol, learners: Iterable[Resolved]
) -> None:
    """No learner is there twice under two labels.

    Raises:
        MatrixError: two entries come to the same on the family.
    """
    seen: dict[str, Resolved] = {}
    for learner in learners:
        with blamed(type(learner.built), f"{matrix.path}: learner {learner.entry.label!r}"):
            fields = effective(learner, family.built, protocol)
        budget = learner.entry.budget or family.entry.budget or matrix.budget
        kept = learner.entry.keep or matrix.keep
        tuned = matrix.tuning is not None and learner.entry.tune
        who = learner.identity["name"], fields, str(budget), kept, tuned
        key = json.dumps(who, sort_keys=True)
        twin = seen.setdefault(key, learner)
        if twin is not learner and (apart := _apart(learner, twin)):
            raise MatrixError(
                f"{matrix.path}: {learner.entry.label!r} and {twin.entry.label!r} are the same "
                f"learner on family {family.entry.label!r}, as {' and '.join(apart)} "
                f"{'makes' if len(apart) == 1 else 'make'} no difference there; remove one"
            )


def idle_notes(family: Resolved, protocol: Protocol, learners: Iterable[Resolved]) -> Iterator[str]:
    """Which keys somebody wrote down to no effect."""
    for learner in learners:
        left = effective(learner, family.built, protocol)
        for key in learner.entry.fields:
            if key in plain(learner.built) and key not in left:
                name, where = learner.entry.label, family.entry.label
                yield f"{name} on {where}: the key {key!r} has no effect"


def _apart(one: Resolved, other: Resolved) -> list[str]:
    first, second = plain(one.built), plain(other.built)
    return [repr(key) for key in first if first[key] != second.get(key)]


def idle(learner: Resolved, family: TaskFamily) -> Iterator[str]:
    """The fields of a learner that make no difference on a family, given the others."""
    told = getattr(learner.built, "idle", None)
    if callable(told):
        yield from told(family.problem)


def _tuple(shots: Any) -> Any:
    return tuple(shots) if isinstance(shots, list) else shots
