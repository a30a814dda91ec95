"""Folds of a family's groups, each a test group once; and when that would be worth it."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace

from benchmarks.core.errors import MatrixError
from benchmarks.core.protocol import Protocol
from benchmarks.core.text import count
from benchmarks.harness.plan.fields import blamed
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import Resolved, resolved_family

FEW_GROUPS = 6
"""Of fewer test groups nobody can say who is better."""
FEW_TASKS = 50
LEFT_OUT_ONE_BY_ONE = 20
"""So many groups at most are worth a training each."""


def resolve_folds(
    matrix: Matrix,
    family: Resolved,
    protocol: Protocol,
    registry: Registry,
    say: Callable[[str], object],
) -> Iterator[tuple[int | None, Resolved]]:
    """The family once for each fold, numbered; or as it is, where the protocol has no folds.

    Where it has none, and few groups are tested, `say` is told what folds and draws would give.

    Raises:
        MatrixError: the family has no groups, or the protocol tests on another one.
        DataError: there are too few groups.
    """
    if protocol.folds is None:
        _advise(family, protocol, say)
        yield None, family
        return
    where = f"{matrix.path}: protocol {protocol.label!r}: key 'folds'"
    if not hasattr(family.built, "folds"):
        raise MatrixError(
            f"{where}: family {family.entry.label!r} has no groups that could be left out by turns"
        )
    if protocol.other is not None:
        raise MatrixError(
            f"{where}: is for protocols of one family, and there is {protocol.other!r}"
        )
    found = registry.find("family", family.entry.name)
    place = f"{matrix.path}: family {family.entry.label!r}"
    with blamed(found.cls, place):
        built = list(family.built.folds(protocol.folds))
    for number, fold in enumerate(built):
        parts = {key: list(getattr(fold, key)) for key in ("validation", "test")}
        entry = replace(family.entry, fields={**family.entry.fields, **parts})
        yield number, resolved_family(fold, entry, found, place)


def demand_draws(matrix: Matrix, family: Resolved, protocol: Protocol) -> None:
    """The family can draw the points of a task several times, if that is asked for.

    Raises:
        MatrixError: it cannot.
    """
    if protocol.draws > 1 and "draws" not in inspect.signature(family.built.sample).parameters:
        raise MatrixError(
            f"{matrix.path}: protocol {protocol.label!r}: key 'draws': family "
            f"{family.entry.label!r} draws the points of a task only once; leave the key out"
        )


def _advise(family: Resolved, protocol: Protocol, say: Callable[[str], object]) -> None:
    built = family.built
    if not hasattr(built, "folds") or protocol.other is not None:
        return
    tested = len(built.groups(protocol.split))
    every = sum(len(built.groups(split)) for split in ("train", "validation", "test"))
    if tested >= FEW_GROUPS:
        return
    parts = '"leave-one-group-out"' if every <= LEFT_OUT_ONE_BY_ONE else "5"
    advice = f"folds = {parts} would test on all {every}"
    if (built.size(protocol.split, max(protocol.shots)) or 0) < FEW_TASKS and protocol.draws == 1:
        advice += ", and draws = 20 would draw the points of each test task 20 times"
    are = "is a test group" if tested == 1 else "are test groups"
    say(
        f"{family.entry.label}: {count(every, 'group')} ({built.grouped_by}): {tested} {are}, too "
        f"few for a verdict; {advice}"
    )
