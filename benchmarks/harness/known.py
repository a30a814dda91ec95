"""The families and learners of a matrix, built, and what tells them from others."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.core import Kind, MetaLearner, Split, TaskFamily, generator_of
from benchmarks.core.errors import ContractError, DataError
from benchmarks.harness.fields import as_plain, build, field_names, plain
from benchmarks.harness.matrix import Entry, Matrix
from benchmarks.harness.registry import Found, Registry


@dataclass(frozen=True)
class Known:
    """A learner or a family of the matrix, as built from its entry."""

    entry: Entry
    identity: Mapping[str, Any]
    built: Any
    privileged: bool = False
    kind: Kind = "regression"
    kinds: frozenset[Kind] = frozenset()
    only_at_test: frozenset[str] = frozenset()


def know_family(matrix: Matrix, entry: Entry, registry: Registry) -> Known:
    where = str(matrix.path)
    found = registry.find("family", entry.name, where)
    if "path" in field_names(found.cls) and isinstance(entry.fields.get("path"), str):
        path = _find_data(matrix.path, entry)
        entry = replace(entry, fields={**entry.fields, "path": str(path)})
    family = make_family(entry, registry, where)
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
    return Known(entry, identity, family, kind=kind)


def know_learner(matrix: Matrix, entry: Entry, registry: Registry) -> Known:
    learner = make_learner(entry, registry, str(matrix.path))
    code = registry.find("learner", entry.name).code
    identity = {"name": learner.name, "code": code, "fields": _lasting(learner)}
    return Known(
        entry,
        identity,
        learner,
        bool(learner.needs) or getattr(type(learner), "privileged", False),
        kinds=getattr(type(learner), "kinds", frozenset({"regression"})),
        only_at_test=getattr(type(learner), "only_at_test", frozenset()),
    )


def _lasting(instance: Any) -> dict[str, Any]:
    """The fields that tell an instance from what its class was before it had all of them."""
    later = as_plain(getattr(type(instance), "later", {}))
    return {
        key: value
        for key, value in plain(instance).items()
        if key not in later or later[key] != value
    }


def _find_data(matrix: Path, entry: Entry) -> Path:
    """The file or folder a family reads: beside the matrix, or under the folder REML_DATA."""
    path = Path(entry.fields["path"])
    beside = matrix.parent / path
    if beside.exists():
        return beside.resolve()
    root = os.environ.get("REML_DATA")
    if root is None:
        also = "REML_DATA, which names the folder for data, is not set"
    else:
        for candidate in (Path(root) / path, *sorted(Path(root).glob(f"*/{path}"))):
            if candidate.exists():
                return candidate.resolve()
        also = f"nor is it under REML_DATA ({root})"
    raise DataError(
        f"{matrix}: family {entry.label!r}: key 'path': there is no file or folder {beside}; {also}"
    )


def demand_points(
    matrix: Matrix, known: Known, splits: Sequence[Split], all_shots: Sequence[int]
) -> None:
    """Each split has tasks with more than k points.

    Raises:
        DataError: one has not.
    """
    family, where = known.built, f"{matrix.path}: family {known.entry.label!r}"
    for split in splits:
        for shots in all_shots:
            if family.size(split, shots) == 0:
                if known.kind == "classification":
                    _explain(family, split, shots, where)
                allowed = next((k for k in range(shots, 0, -1) if family.size(split, k)), 0)
                raise DataError(
                    f"{where}: shots = {shots} needs tasks with more "
                    f"than {shots} points, and the largest of the {split} split has "
                    f"{allowed + 1 if allowed else 'no more than 1'}"
                )


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
    return build(found.cls, found.preset, entry.fields, f"{where} {entry.name!r}")
