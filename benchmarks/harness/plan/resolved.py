"""The families and learners of a matrix, built, and what tells them from others."""

import os
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.core import Kind, MetaLearner, Split, TaskFamily, generator_of
from benchmarks.core.errors import ContractError, DataError, MatrixError
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.fields import as_plain, blamed, build, field_names, plain
from benchmarks.harness.plan.matrix import Entry, Matrix
from benchmarks.harness.plan.registry import Found, Registry

MOST_NUMBERS = 2 * 10**9
"""8 GB in single precision."""
MOST_SCORES = 20 * 10**6


@dataclass(frozen=True)
class Resolved:
    """A learner or a family of the matrix, as built from its entry."""

    entry: Entry
    identity: Mapping[str, Any]
    built: Any
    privileged: bool = False
    kind: Kind = "regression"
    kinds: frozenset[Kind] = frozenset()
    only_at_test: frozenset[str] = frozenset()


def resolve_family(matrix: Matrix, entry: Entry, registry: Registry) -> Resolved:
    where = str(matrix.path)
    found = registry.find("family", entry.name, where)
    if "path" in field_names(found.cls) and isinstance(entry.fields.get("path"), str):
        path = find_data(matrix.path, entry)
        entry = replace(entry, fields={**entry.fields, "path": str(path)})
    family = make_family(entry, registry, where)
    try:
        return resolved_family(family, entry, found, where)
    except DataError as error:  # of several families in a matrix, which one is it?
        raise DataError(f"{where}: family {entry.label!r}: {error}") from None


def resolved_family(family: TaskFamily, entry: Entry, found: Found, where: str) -> Resolved:
    with blamed(found.cls, f"{where}: family {entry.called}"):
        kind = family.problem.kind
        # the fingerprint stands for the file, wherever it lies
        fields = {key: value for key, value in _lasting(family).items() if key != "path"}
        identity = {
            "name": family.name,
            "version": family.version,
            "fingerprint": family.fingerprint,
            "code": found.code,
            "fields": fields,
        }
    return Resolved(entry, identity, family, kind=kind)


def resolve_learner(matrix: Matrix, entry: Entry, registry: Registry) -> Resolved:
    learner = make_learner(entry, registry, str(matrix.path))
    found = registry.find("learner", entry.name)
    with blamed(found.cls, f"{matrix.path}: learner {entry.called}"):
        fields = _lasting(learner)
        return Resolved(
            entry,
            {"name": learner.name, **_version(found.cls), "code": found.code, "fields": fields},
            learner,
            bool(learner.needs) or getattr(found.cls, "privileged", False),
            kinds=getattr(found.cls, "kinds", frozenset({"regression"})),
            only_at_test=getattr(found.cls, "only_at_test", frozenset()),
        )


def _version(cls: type) -> dict[str, Any]:
    """Nothing for the first: results were published before learners had versions."""
    version = getattr(cls, "version", 1)
    return {} if version == 1 else {"version": version}


def _lasting(instance: Any) -> dict[str, Any]:
    """The fields that tell an instance from what its class was before it had all of them."""
    later = as_plain(getattr(type(instance), "later", {}))
    return {
        key: value
        for key, value in plain(instance).items()
        if key not in later or later[key] != value
    }


def find_data(matrix: Path, entry: Entry) -> Path:
    """The file or folder a family reads: beside the matrix, or under the folder REML_DATA.

    Raises:
        DataError: there is none.
    """
    path = Path(entry.fields["path"])
    beside = matrix.parent / path
    if _is_there(beside):
        return beside.resolve()
    root = os.environ.get("REML_DATA")
    if root is None:
        also = "REML_DATA, which names the folder for data, is not set"
    else:
        for candidate in (Path(root) / path, *(it / path for it in _folders(Path(root)))):
            if _is_there(candidate):
                return candidate.resolve()
        also = f"nor is it under REML_DATA ({root})"
    raise DataError(
        f"{matrix}: family {entry.label!r}: key 'path': there is no file or folder {beside}; {also}"
    )


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(it for it in root.iterdir() if it.is_dir())
    except OSError:
        return []


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, say, or a folder that cannot be entered
        return False


def demand_points(
    matrix: Matrix, resolved: Resolved, splits: Sequence[Split], all_shots: Sequence[int]
) -> None:
    """Each split has tasks with more than k points.

    Raises:
        DataError: one has not.
    """
    family, where = resolved.built, f"{matrix.path}: family {resolved.entry.label!r}"
    with blamed(type(family), where):
        for split in splits:
            for shots in all_shots:
                if family.size(split, shots) == 0:
                    if resolved.kind == "classification":
                        _explain(family, split, shots, where)
                    allowed = bisect_left(range(shots), True, key=lambda k: _none(family, split, k))
                    raise DataError(
                        f"{where}: shots = {shots} needs tasks with more "
                        f"than {shots} points, and the largest of the {split} split has "
                        f"{allowed if allowed > 1 else 'no more than 1'}"
                    )


def say_left_out(
    resolved: Resolved, protocol: Protocol, fold: int | None, say: Callable[[str], object]
) -> None:
    """A word on the tasks, or the classes, that are too small to be tested on at some k."""
    problem = resolved.built.problem
    thing, points = ("class", "pictures") if problem.image else ("task", "points")
    if problem.kind == "classification" and not problem.image:
        points = f"rows in {problem.outputs} of its classes"
    where = resolved.entry.label if fold is None else f"{resolved.entry.label}, fold {fold}"
    for shots in protocol.shots:
        left = resolved.built.left_out(protocol.split, shots)
        if left:
            things = f"{thing}{'es' if thing == 'class' else 's'}" if left > 1 else thing
            say(
                f"{where}: {left:,} {protocol.split} {things} left out at {shots} shots, with no "
                f"more than {shots} {points}"
            )


def demand_room(matrix: Matrix, resolved: Resolved, protocol: Protocol) -> None:
    """The test tasks of a protocol fit into memory, and their scores into tables.

    Raises:
        MatrixError: they do not.
    """
    where = f"{matrix.path}: protocol {protocol.label!r} on family {resolved.entry.label!r}"
    most = max(protocol.shots)
    with blamed(type(resolved.built), where):
        problem = resolved.built.problem
        size = resolved.built.size(protocol.split, most)
        tasks = protocol.tasks if size is None else min(protocol.tasks, size)
        tasks *= protocol.draws
        support = most * (problem.outputs if resolved.kind == "classification" else 1)
        numbers = tasks * (support + protocol.queries) * (problem.features + problem.outputs)
    drawn = "tasks" if protocol.draws == 1 else "draws of tasks"
    if numbers > MOST_NUMBERS:
        raise MatrixError(
            f"{where}: {tasks:,} {drawn} of {support:,} support and {protocol.queries:,} query "
            f"points are {numbers:,} numbers; expected at most {MOST_NUMBERS:,}, so that they fit "
            "into memory"
        )
    if (rows := tasks * len(protocol.shots) * len(protocol.steps)) > MOST_SCORES:
        raise MatrixError(
            f"{where}: {tasks:,} {drawn}, each scored for {len(protocol.shots)} shots after "
            f"{len(protocol.steps)} steps, are {rows:,} scores a trial; expected at most "
            f"{MOST_SCORES:,}"
        )


def _none(family: TaskFamily, split: Split, shots: int) -> bool:
    return shots > 0 and family.size(split, shots) == 0


def _explain(family: TaskFamily, split: Split, shots: int, where: str) -> NoReturn:
    """Let the family itself say why it has no tasks at this k."""
    try:
        family.sample(1, split, generator_of("too many shots"), shots=shots, queries=1)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    raise ContractError(f"{where}: size says there are no {split} tasks, but sample draws one")


def make_learner(entry: Entry, registry: Registry, where: str = "") -> MetaLearner:
    return _make(registry.find("learner", entry.name, where), entry, f"{where}: learner")


def make_family(entry: Entry, registry: Registry, where: str = "") -> TaskFamily:
    return _make(registry.find("family", entry.name, where), entry, f"{where}: family")


def _make(found: Found, entry: Entry, where: str) -> Any:
    return build(found.cls, found.preset, entry.fields, f"{where} {entry.called}")
