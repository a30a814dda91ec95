"""Which laws of its contract a learner, a family or a protocol keeps."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.core.errors import UnknownName, UserError
from benchmarks.core.protocol import Protocol
from benchmarks.harness.plan.fields import build, field_names, parse
from benchmarks.harness.plan.registry import (
    Found,
    Kind,
    Registry,
    check_shape,
    classes_of,
    import_file,
    kind_of,
)
from benchmarks.harness.plan.spaces import flaw_of

if TYPE_CHECKING:
    from benchmarks.testing import Check

KINDS: tuple[Kind, ...] = ("learner", "family", "protocol")
ANOTHER = "another family"


def named(registry: Registry, name: str, keys: Mapping[str, Any]) -> list[tuple[Kind, Found]]:
    """All that is called so and has these keys; the first that is called so if none has.

    Raises:
        UnknownName: nothing is called so.
    """
    found: list[tuple[Kind, Found]] = [
        (kind, registry.find(kind, name)) for kind in KINDS if name in registry.names(kind)
    ]
    if not found:
        known = [it for kind in KINDS for it in registry.names(kind)]
        raise UnknownName("learner, family or protocol", name, known)
    return [it for it in found if keys.keys() <= {*_names(it[1].cls)}] or found[:1]


def in_file(target: str) -> list[tuple[Kind, Found]]:
    """What `file.py:Class` names.

    Raises:
        UserError: it names no class, or the class is neither learner, family nor protocol.
    """
    file, colon, name = target.rpartition(":")
    if not colon:
        raise UserError(f"{target}: names no class; expected {target}:Class")
    classes = {cls.__name__: cls for cls in classes_of(import_file(Path(file)))}
    if name not in classes:
        raise UnknownName("class", name, classes, file)
    kind = kind_of(classes[name]) or "learner"
    check_shape(kind, classes[name], file)
    return [(kind, Found(classes[name]))]


def checks_of(kind: Kind, found: Found, keys: Mapping[str, Any], where: str) -> "list[Check]":
    """Every law of its kind, tried on one that is made with these keys.

    A learner has its `test_fields` besides; a protocol two numbers of shots and three of steps,
    and where it needs a second family, the name of one.

    Raises:
        MatrixError: a key is unknown, wrong, or missing.
    """
    from benchmarks.testing import Check, check_family, check_learner, check_protocol

    cls: Any = found.cls
    if kind == "family":
        build(cls, found.preset, keys, where)
        return check_family(lambda: build(cls, found.preset, keys, where))
    if kind == "protocol":
        protocol = _protocol(cls, keys, where)
        return check_protocol(lambda: protocol.model_copy())
    fields = {**found.preset, **cls.test_fields, **keys}
    if keys:
        build(cls, fields, keys, where)
    checks = check_learner(lambda: build(cls, {}, fields, f"{where}: test_fields"))
    flaw = flaw_of(cls)
    law = "what is searched suits the fields, and holds their defaults"
    return [*checks, Check("search", not flaw, flaw or law)]


def _names(cls: Any) -> list[str]:
    return [*cls.model_fields] if issubclass(cls, Protocol) else field_names(cls)


def _protocol(cls: type[Protocol], keys: Mapping[str, Any], where: str) -> Protocol:
    data = {"kind": cls.name, "shots": [2, 3], "steps": [0, 1, 4], **keys}
    other = cls.other_key
    if other and other not in keys and cls.model_fields[other].is_required():
        listed = "tuple" in str(cls.model_fields[other].annotation)
        data[other] = [ANOTHER] if listed else ANOTHER
    return parse(cls, data, where)
