"""From a matrix to its trials. Everything that can be wrong with a matrix is found here."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.core import Budget, Kind, MetaLearner, Split, TaskFamily, generator_of
from benchmarks.core.errors import ContractError, DataError, MatrixError
from benchmarks.harness.fields import as_plain, build, field_names, plain
from benchmarks.harness.matrix import Entry, Matrix
from benchmarks.harness.protocols import FewShot
from benchmarks.harness.registry import Found, Registry


@dataclass(frozen=True)
class TrialSpec:
    """One learner × one family × one protocol × one seed, ready to be sent to a worker.

    `identity` is all that the scores depend on; `id` is a readable name with its hash. Labels, the
    device and the folder the data lies in are no part of it. `training` is a hash of what
    meta-training depends on: trials that share it can share the trained learner.
    """

    id: str
    family: Entry
    protocol: FewShot
    learner: Entry
    seed: int
    budget: Budget
    privileged: bool
    identity: Mapping[str, Any]
    training: str

    @property
    def row(self) -> dict[str, Any]:
        """The columns that name this trial in every table."""
        return {
            "trial": self.id,
            "family": self.family.label,
            "protocol": self.protocol.label,
            "learner": self.learner.label,
            "seed": self.seed,
            "privileged": self.privileged,
        }


def expand(matrix: Matrix, registry: Registry) -> list[TrialSpec]:
    """All trials of a matrix; builds every learner and family, and checks that k is possible.

    Raises:
        UserError: what is wrong with the matrix or with the data it names.
    """
    families = [_family(matrix, entry, registry) for entry in matrix.families]
    learners = [_learner(matrix, entry, registry) for entry in matrix.learners]
    trials = [
        _trial(matrix, family, protocol, learner, seed)
        for family in families
        for protocol in matrix.protocols
        for learner in learners
        if meets(protocol.families, family.entry) and meets(learner.entry.families, family.entry)
        if _can_solve(matrix, learner, family)
        for seed in matrix.seeds
    ]
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


def _can_solve(matrix: Matrix, learner: "_Known", family: "_Known") -> bool:
    if family.kind not in learner.kinds:
        raise MatrixError(
            f"{matrix.path}: learner {learner.entry.label!r} is not for {family.kind}, which "
            f"family {family.entry.label!r} is; limit it with families = [...]"
        )
    return True


def describe(matrix: Matrix, trials: list[TrialSpec]) -> dict[str, Any]:
    """The matrix as `matrix.json` keeps it: normalised, with the trials it consists of."""
    return {
        "name": matrix.name,
        "title": matrix.title,
        "seeds": list(matrix.seeds),
        "budget": asdict(matrix.budget),
        "protocols": [
            protocol.model_dump(mode="json", exclude={"families"}) for protocol in matrix.protocols
        ],
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


def make_learner(entry: Entry, registry: Registry, where: str = "") -> MetaLearner:
    return _make(registry.find("learner", entry.name, where), entry, f"{where}: learner")


def make_family(entry: Entry, registry: Registry, where: str = "") -> TaskFamily:
    return _make(registry.find("family", entry.name, where), entry, f"{where}: family")


def _make(found: Found, entry: Entry, where: str) -> Any:
    return build(found.cls, found.preset, entry.fields, f"{where} {entry.name!r}")


@dataclass(frozen=True)
class _Known:
    entry: Entry
    identity: Mapping[str, Any]
    privileged: bool = False
    kind: Kind = "regression"
    kinds: frozenset[Kind] = frozenset()
    only_at_test: frozenset[str] = frozenset()


def _family(matrix: Matrix, entry: Entry, registry: Registry) -> _Known:
    where = str(matrix.path)
    found = registry.find("family", entry.name, where)
    if "path" in field_names(found.cls) and isinstance(entry.fields.get("path"), str):
        path = _find_data(matrix.path, entry)
        entry = replace(entry, fields={**entry.fields, "path": str(path)})
    family = make_family(entry, registry, where)
    kind = family.problem.kind
    for protocol in matrix.protocols:
        if not meets(protocol.families, entry):
            continue
        for split in ("train", protocol.split):
            for shots in protocol.shots:
                if family.size(split, shots) == 0:
                    if kind == "classification":
                        _explain(family, split, shots, f"{where}: family {entry.label!r}")
                    allowed = next((k for k in range(shots, 0, -1) if family.size(split, k)), 0)
                    raise DataError(
                        f"{where}: family {entry.label!r}: shots = {shots} needs tasks with more "
                        f"than {shots} points, and the largest of the {split} split has "
                        f"{allowed + 1 if allowed else 'no more than 1'}"
                    )
    # the fingerprint stands for the file, wherever it lies
    fields = {key: value for key, value in _lasting(family).items() if key != "path"}
    identity = {
        "name": family.name,
        "version": family.version,
        "fingerprint": family.fingerprint,
        "code": found.code,
        "fields": fields,
    }
    return _Known(entry, identity, kind=kind)


def _explain(family: TaskFamily, split: Split, shots: int, where: str) -> NoReturn:
    """Let the family itself say why it has no tasks at this k."""
    try:
        family.sample(1, split, generator_of("too many shots"), shots=shots, queries=1)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    raise ContractError(f"{where}: size says there are no {split} tasks, but sample draws one")


def _learner(matrix: Matrix, entry: Entry, registry: Registry) -> _Known:
    learner = make_learner(entry, registry, str(matrix.path))
    code = registry.find("learner", entry.name).code
    identity = {"name": learner.name, "code": code, "fields": _lasting(learner)}
    return _Known(
        entry,
        identity,
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


def _trial(
    matrix: Matrix, family: _Known, protocol: FewShot, learner: _Known, seed: int
) -> TrialSpec:
    budget = learner.entry.budget or family.entry.budget or matrix.budget
    identity = {
        "family": family.identity,
        "protocol": protocol.model_dump(mode="json", exclude={"label", "families"}),
        "learner": learner.identity,
        "seed": seed,
        "budget": {key: value for key, value in asdict(budget).items() if value is not None},
    }
    trained = {key: value for key, value in identity.items() if key != "protocol"}
    fields = learner.identity["fields"].items()
    looked_at = {key: value for key, value in fields if key not in learner.only_at_test}
    trained["learner"] = {**learner.identity, "fields": looked_at}
    slug = re.sub(r"[^a-z0-9]+", "-", f"{family.entry.label} {learner.entry.name}".lower())
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
    )


def _digest(identity: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
