"""The matrix file: the trials of one comparison, declared in TOML."""

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, StringConstraints

from benchmarks.core import Budget
from benchmarks.core.errors import MatrixError, UnknownName
from benchmarks.core.protocol import Label, Protocol
from benchmarks.core.text import line
from benchmarks.harness.plan.budgets import (
    UNLIMITED,
    Keep,
    Limits,
    Tuning,
    budget_of,
    limits_of,
    tuning_of,
    whole_budget_of,
)
from benchmarks.harness.plan.counting import demand_few, demand_few_tries
from benchmarks.harness.plan.fields import parse
from benchmarks.harness.plan.matrix_file import MOST_ENTRIES, check_values, find_matrix, read_toml
from benchmarks.harness.plan.protocols import demand_alike, demand_other, protocols_of
from benchmarks.harness.plan.registry import Registry

Tables = Annotated[list[dict[str, Any]], MinLen(1)]
FewTables = Annotated[Tables, MaxLen(MOST_ENTRIES)]


@dataclass(frozen=True)
class Entry:
    """A family or a learner as a matrix names it: what is not reserved goes to its fields.

    `families` are the labels of those that a learner is for; None is all of them. `keep` is None
    where it is as for the whole matrix. `tune` says whether its settings may be searched for.
    """

    name: str
    label: str
    fields: Mapping[str, Any]
    budget: Budget | None = None
    families: tuple[str, ...] | None = None
    keep: Keep | None = None
    limits: Limits = UNLIMITED
    tune: bool = True

    @property
    def called(self) -> str:
        """What a complaint calls it: several entries may have the name."""
        return called(self.name, self.label)


@dataclass(frozen=True)
class Matrix:
    """A parsed matrix file, grids expanded. `path` is where it was read from.

    `tuning` is None where no settings are searched for.
    """

    path: Path
    name: str
    title: str
    seeds: tuple[int, ...]
    budget: Budget
    protocols: tuple[Protocol, ...]
    families: tuple[Entry, ...]
    learners: tuple[Entry, ...]
    keep: Keep = "best"
    limits: Limits = UNLIMITED
    tuning: Tuning | None = None
    engine: Mapping[str, Any] | None = None
    """The table `[engine]` as it is there; `benchmarks.harness.engines` looks at it."""


class Top(BaseModel):
    """The keys of a matrix file outside of its tables.

    Attributes:
        name: what the results folder is called: letters, digits, dots, - and _.
        title: what the matrix is about, in a line.
        seeds: how many times each learner is trained (seeds 0, 1, ...), or a list of seeds.
        budget: what each training may spend: `{ tasks = ... }` or `{ seconds = ... }`. Beside it,
            `keep` says which of ten states on the way is tested: the "best" on validation tasks,
            unless it is to be the "last".
        limits: what ends a trial: `{ timeout = "10m", memory = "4GB" }`, either or both. The
            command line's `--timeout` and `--memory` win.
        tuning: search for the settings of learners on validation tasks first: `{ trials = 20 }`
            tries so many of each. Further keys are `tasks` (or `seconds`) and `seeds`: what each
            of them is trained with.
        engine: where trials run, and what each is given: `{ name = "slurm", processors = 2 }`; see
            docs/engines.md. It changes no result.
        protocol: how learners are tested: one or several `[[protocol]]` tables.
        family: what tasks there are: one or several `[[family]]` tables.
        learner: who is compared: one or several `[[learner]]` tables.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    title: str = ""
    seeds: Annotated[int, Ge(1)] | Annotated[list[Annotated[int, Ge(0)]], MinLen(1)]
    budget: dict[str, Any]
    limits: dict[str, Any] | None = None
    tuning: dict[str, Any] | None = None
    engine: dict[str, Any] | None = None
    protocol: FewTables
    family: FewTables
    learner: Tables


class FamilyHead(BaseModel):
    """The keys that every family takes, beside its own.

    Attributes:
        name: which family it is, as `reml list` shows them.
        label: what tables call it; its name if left out. Protocols and learners refer to it.
        budget: what training on this family may spend, instead of the matrix's `[budget]`.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    label: Label = ""
    budget: dict[str, Any] | None = None


class LearnerHead(FamilyHead):
    """The keys that every learner takes, beside its own.

    Attributes:
        name: which learner it is, as `reml list` shows them.
        label: what tables call it; its name if left out.
        budget: what its training may spend, instead of the family's or the matrix's.
        families: the labels of the families it is for; all of them if left out.
        keep: which state of its training is tested, "best" or "last"; as in `[budget]` if left out.
        limits: its own `timeout` and `memory`, instead of those of the matrix's `[limits]`.
        grid: keys of the learner, each with a list of values: one contender for each combination.
        tune: whether `[tuning]` searches for its settings; those that are set here stay.
    """

    families: Annotated[list[Label], MinLen(1)] | None = None
    keep: Keep | None = None
    limits: dict[str, Any] | None = None
    grid: dict[str, list[Any]] | None = None
    tune: bool = True


def load_matrix(name: str, registry: Registry | None = None) -> Matrix:
    """Read a bundled matrix by its name, or any matrix by its path.

    Protocols are found in the registry, or without one among those that are installed.

    Raises:
        MatrixError: it is missing, isn't TOML, or a key is unknown, missing or wrong.
    """
    path = find_matrix(name)
    return _matrix(path, read_toml(path), registry)


def matrix_of(data: dict[str, Any], path: Path, registry: Registry | None = None) -> Matrix:
    """The matrix that a TOML file of these tables would be; `path` stands for it in errors.

    Raises:
        MatrixError: a key is unknown, missing or wrong.
    """
    check_values(path, data)
    return _matrix(path, data, registry)


def _matrix(path: Path, data: Mapping[str, Any], registry: Registry | None) -> Matrix:
    top = parse(Top, data, str(path))
    known = registry or Registry()
    protocols = tuple(it for entry in top.protocol for it in protocols_of(entry, str(path), known))
    families = tuple(_family(entry, str(path)) for entry in top.family)
    labels = [family.label for family in families]
    _distinct("family", labels, path)
    heads = [_head(entry, str(path)) for entry in top.learner]
    grids = [
        (math.prod(map(len, (head.grid or {}).values())), head.families or labels) for head in heads
    ]
    demand_few(path, top.seeds, protocols, labels, grids)
    seeds = tuple(range(top.seeds)) if isinstance(top.seeds, int) else tuple(top.seeds)
    twice = [seed for seed, times in Counter(seeds).items() if times > 1]
    if twice:
        raise MatrixError(f"{path}: key 'seeds': a seed is there twice, got {twice[0]}")
    learners = tuple(learner for head in heads for learner in _learners(head, str(path)))
    _distinct("learner", [learner.label for learner in learners], path)
    met = {
        family: [it.label for it in protocols if it.families is None or family in it.families]
        for family in labels
    }
    for names in met.values():
        _distinct("protocol", names, path)
    demand_alike(protocols, path)
    limited = [("protocol", it.label, it.families) for it in protocols]
    limited += [("learner", it.label or it.name, tuple(it.families or ())) for it in heads]
    for kind, label, meant in limited:
        for family in meant or ():
            if family not in met:
                where = f"{path}: {kind} {label!r}: key 'families'"
                raise UnknownName("family", family, labels, where)
    for protocol in protocols:
        demand_other(protocol, labels, path)
    budget, keep = whole_budget_of(top.budget, f"{path}: [budget]")
    tuning = None
    if top.tuning is not None:
        tuning = tuning_of(top.tuning, budget, seeds, f"{path}: [tuning]")
        searched = [it for it, head in zip(grids, heads, strict=True) if head.tune]
        tries = tuning.trials * len(tuning.seeds)
        demand_few_tries(path, tries, protocols, labels, searched)
    return Matrix(
        *(path, top.name, top.title, seeds, budget, protocols, families, learners, keep),
        limits_of(top.limits, f"{path}: [limits]"),
        tuning,
        top.engine,
    )


def _family(data: dict[str, Any], file: str) -> Entry:
    head = parse(FamilyHead, data, f"{file}: [[family]]")
    where = f"{file}: family {called(head.name, head.label)}: budget"
    budget = None if head.budget is None else budget_of(head.budget, where)
    return Entry(head.name, head.label or head.name, head.model_extra or {}, budget)


def _head(data: dict[str, Any], file: str) -> LearnerHead:
    return parse(LearnerHead, data, f"{file}: [[learner]]")


def _learners(head: LearnerHead, file: str) -> list[Entry]:
    """One entry for each point of the grid; without a grid, one."""
    where = f"{file}: learner {called(head.name, head.label)}"
    fields = head.model_extra or {}
    budget = None if head.budget is None else budget_of(head.budget, f"{where}: budget")
    label = head.label or head.name
    families = None if head.families is None else tuple(head.families)
    rest = budget, families, head.keep, limits_of(head.limits, f"{where}: limits"), head.tune
    if head.grid is None:
        return [Entry(head.name, label, fields, *rest)]
    if not head.grid:
        raise MatrixError(f"{where}: key 'grid' is empty; expected lists of values for fields")
    for key, values in head.grid.items():
        if not values:
            raise MatrixError(f"{where}: key 'grid.{key}' is empty; expected a list of values")
        if key in fields:
            raise MatrixError(f"{where}: key {key!r} is given twice, in the grid and outside of it")
    points = [
        dict(zip(head.grid, point, strict=True)) for point in itertools.product(*head.grid.values())
    ]
    return [
        Entry(head.name, f"{label} ({point_name(point)})", {**fields, **point}, *rest)
        for point in points
    ]


def point_name(point: Mapping[str, Any]) -> str:
    """What tells a contender from others of its name: `inner_lr=0.1, width=8`."""
    return ", ".join(
        f"{key}={line(value) if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in point.items()
    )


def called(name: str, label: str) -> str:
    """`'reml'`, or `'reml' (label 'deep')` where it has a label of its own."""
    return repr(name) if label in ("", name) else f"{name!r} (label {label!r})"


def _distinct(kind: str, labels: Sequence[str], path: Path) -> None:
    for label, times in Counter(labels).items():
        if times > 1:
            raise MatrixError(
                f"{path}: two {kind} entries are called {label!r}; give each a label of its own"
            )
