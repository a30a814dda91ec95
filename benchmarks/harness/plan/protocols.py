"""The protocols of a matrix: from its `[[protocol]]` tables, by what their classes declare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.core.declaration import USUAL
from benchmarks.core.errors import MatrixError, UnknownName
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.budgets import budget_of
from benchmarks.harness.plan.fields import parse
from benchmarks.harness.plan.registry import Registry


class _Reference(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str


def protocols_of(data: Mapping[str, Any], file: str, registry: Registry) -> Sequence[Protocol]:
    """One protocol for each of the families that a table names to be tested on.

    Raises:
        MatrixError: a key is unknown, missing or wrong.
    """
    kind = data.get("kind")
    where = f"{file}: [[protocol]]"
    cls = registry.find("protocol", kind if isinstance(kind, str) else USUAL, file).cls
    protocol: Protocol = parse(cls, data, where)
    if protocol.compared_with is not None:
        parse(_Reference, protocol.compared_with, f"{where}: reference")
    if protocol.next_budget is not None:
        budget_of(protocol.next_budget, f"{where}: budget")
    return protocol.model_copy(update={"label": protocol.label or protocol.kind}).on_each()


def demand_alike(protocols: Sequence[Protocol], path: Path) -> None:
    """Reports know a protocol by its label.

    Raises:
        MatrixError: two of one label differ in what reports say of it.
    """
    for what in ("split", "kind", "reference"):
        known: dict[str, Any] = {}
        for it in protocols:
            value = getattr(it, what, None)
            if known.setdefault(it.label, value) != value:
                raise MatrixError(
                    f"{path}: protocols of one label have different {what}s; rename one"
                )


def demand_other(protocol: Protocol, labels: list[str], path: Path) -> None:
    """The second family exists, and there is one to train on first.

    Raises:
        MatrixError: it does not, or there is none.
    """
    if protocol.other is None:
        return
    where = f"{path}: protocol {protocol.label!r}"
    if protocol.other not in labels:
        key = f"{where}: key {protocol.other_key!r}"
        raise UnknownName("family", protocol.other, labels, key)
    if set(protocol.families or labels) == {protocol.other}:
        raise MatrixError(f"{where}: there is no family but {protocol.other!r} to train on")
