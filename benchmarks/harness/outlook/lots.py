"""The trials of a matrix, counted without making any: what differs only in seeds is a lot."""

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchmarks.core import Budget
from benchmarks.core.errors import PluginError
from benchmarks.core.protocol import Protocol
from benchmarks.core.search import attribute
from benchmarks.harness.outlook.sizes import Sizes
from benchmarks.harness.plan.checks.sizes import demand_few_ways, demand_room_for
from benchmarks.harness.plan.fields import as_plain, build, plain
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.registry import Found, Kind, Registry

SHOTS = "train_shots"
USUAL_EFFORT = 1e-3
"""Seconds that a learner trains for each task, where its class does not say otherwise."""


@dataclass(frozen=True)
class Named:
    """An entry of a matrix, as far as its class declares it.

    Attributes:
        name: what results call its class, whatever preset of it the entry names.
        fields: its settings, defaults included; `lasting` are those that records have, which are
            silent about what came later and is as before.
    """

    entry: Entry
    name: str
    fields: Mapping[str, Any]
    lasting: Mapping[str, Any]
    effort: float = USUAL_EFFORT
    only_at_test: frozenset[str] = frozenset()
    searched: bool = False

    @property
    def trained(self) -> str:
        """What of it a training depends on."""
        kept = {key: it for key, it in self.fields.items() if key not in self.only_at_test}
        return json.dumps([self.name, kept], sort_keys=True, default=str)


@dataclass(frozen=True)
class Lot:
    """The trials of one learner on one family under one protocol: one for each seed.

    Attributes:
        training: says, with the seed, which trials share one training.
        budget: what a training may spend, and carrying on under `then`.
        looks: whether the best of ten states is looked for on validation tasks.
        sizes: how many test tasks there are, by shots, where they are not endless.
    """

    family: Named
    protocol: Protocol
    learner: Named
    fold: int | None
    seeds: tuple[int, ...]
    budget: Budget
    then: Budget | None
    training: str
    looks: bool = True
    sizes: Mapping[int, int] = field(default_factory=dict, hash=False)

    def key(self, seed: int) -> tuple[object, ...]:
        """What tells a trial from others of the matrix."""
        labels = self.family.entry.label, self.protocol.label, self.learner.entry.label
        return (*labels, seed, self.fold)

    @property
    def tests(self) -> int:
        """How often it scores a test task."""
        rules = self.protocol
        tasks = sum(min(rules.tasks, self.sizes.get(it, rules.tasks)) for it in rules.shots)
        return tasks * rules.draws * len(rules.tests_on)


def lots_of(
    matrix: Matrix,
    registry: Registry,
    folds: Mapping[tuple[str, str], int],
    sizes: Sizes | None = None,
) -> Iterator[Lot]:
    """All of a matrix, in its order.

    Args:
        matrix: which.
        registry: where its learners and families are found.
        folds: how many there are of a family under a protocol, by their labels, where data tell.
        sizes: how many test tasks there are, where data tell.

    Raises:
        UserError: a learner or a family is not known, or one of its keys is wrong.
    """
    families = [named("family", it, matrix, registry) for it in matrix.families]
    learners = [named("learner", it, matrix, registry) for it in matrix.learners]
    for reference in _references(matrix):
        named("learner", reference, matrix, registry)
    for family in families:
        label = family.entry.label
        for protocol in matrix.protocols:
            if not _meets(protocol.families, label) or protocol.other == label:
                continue
            known = folds.get((label, protocol.label), protocol.folds)
            numbers = [None] if protocol.folds is None else range(int(known or 1))
            for fold in numbers:
                place = label, protocol.label
                there = {
                    it: (sizes or {})[*place, it]
                    for it in protocol.shots
                    if (*place, it) in (sizes or {})
                }
                for learner in learners:
                    if _meets(learner.entry.families, label):
                        lot = _lot(matrix, family, protocol, learner, fold)
                        yield replace(lot, sizes=there)


def named(kind: Kind, entry: Entry, matrix: Matrix, registry: Registry) -> Named:
    """An entry with all its fields, checked; its class is imported only where its source is hard.

    Raises:
        UserError: there is no such class, or a field is wrong.
    """
    file = str(matrix.path)
    where = f"{file}: {kind} {entry.called}"
    found = registry.outline(kind, entry.name, file)
    try:
        built = build(found.cls, found.preset, entry.fields, where)
    except PluginError:  # the class itself may do better than its outline
        found = registry.find(kind, entry.name, file)
        built = build(found.cls, found.preset, entry.fields, where)
    demand = demand_room_for if kind == "learner" else demand_few_ways
    demand(plain(built), where)
    return _described(entry, found, plain(built))


def _described(entry: Entry, found: Found, fields: Mapping[str, Any]) -> Named:
    cls: Any = found.cls
    effort = inspect.getattr_static(cls, "effort", USUAL_EFFORT)
    later = as_plain(getattr(cls, "later", {}))
    declares = bool(getattr(cls, attribute(fields), None))
    return Named(
        entry,
        str(cls.name),
        fields,
        {key: it for key, it in fields.items() if key not in later or later[key] != it},
        float(effort) if isinstance(effort, int | float) else USUAL_EFFORT,
        frozenset(getattr(cls, "only_at_test", ())),
        declares and entry.tune,
    )


def _lot(
    matrix: Matrix, family: Named, protocol: Protocol, learner: Named, fold: int | None
) -> Lot:
    where = f"{matrix.path}: learner {learner.entry.label!r} on family {family.entry.label!r}"
    demand_room_for(learner.fields, where, protocol.shots, plain=False)
    budget = learner.entry.budget or family.entry.budget or matrix.budget
    then = None
    if "other" in protocol.trains_on:
        then = budget if protocol.next_budget is None else Budget(**protocol.next_budget)
    shots = None
    if learner.fields.get(SHOTS, ...) is None:
        shots = min(protocol.shots), max(protocol.shots)
    keep = learner.entry.keep or matrix.keep
    parts = family.entry.label, fold, learner.trained, asdict(budget), keep, shots
    return Lot(
        family,
        protocol,
        learner,
        fold,
        matrix.seeds,
        budget,
        then,
        json.dumps(parts, default=str),
        keep == "best",
    )


def _meets(families: tuple[str, ...] | None, label: str) -> bool:
    return families is None or label in families


def _references(matrix: Matrix) -> Iterator[Entry]:
    for protocol in matrix.protocols:
        if (reference := protocol.compared_with) is not None:
            fields = {key: it for key, it in reference.items() if key != "name"}
            yield Entry(name := str(reference["name"]), name, fields)
