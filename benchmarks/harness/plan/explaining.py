"""What every key of a learner, family or protocol is for, from the class itself: one source."""

import dataclasses
import inspect
import json
import re
import textwrap
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin, get_type_hints

import annotated_types
from pydantic import BaseModel

from benchmarks.core.errors import UnknownName
from benchmarks.core.protocol import Protocol
from benchmarks.core.search import Depending, LogUniform, OneOf, Uniform, Whole, attribute, told
from benchmarks.harness.plan.matrix import FamilyHead, LearnerHead, Top
from benchmarks.harness.plan.registry import Kind, Registry

REQUIRED = "required"
OF_ACCURACIES = {
    **dict.fromkeys(("score", "log10 ratio", "difference"), "; of accuracies, higher"),
    "steps": "",
}
WIDTH = 88


@dataclass(frozen=True)
class Key:
    """One key of a matrix file: its name, what it may be, its default as TOML, its meaning."""

    name: str
    range: str
    default: str
    meaning: str
    searched: str = ""
    """Where `reml tune` looks for it; nowhere, if empty."""


@dataclass(frozen=True)
class Entry:
    """Something a matrix can name, with all its keys."""

    kind: str
    name: str
    about: str
    keys: tuple[Key, ...]
    common: tuple[Key, ...] = ()
    """Keys that every entry of its kind takes."""
    metrics: tuple[tuple[str, str], ...] = ()
    """What a protocol tells beside the scores, and what that is."""


HEADS: Mapping[Kind, type[BaseModel]] = {"learner": LearnerHead, "family": FamilyHead}
KINDS: tuple[Kind, ...] = ("learner", "family", "protocol")
MATRIX = "matrix"
KINDS_OF_SPACE = (LogUniform, OneOf, Uniform, Whole)


def explain(registry: Registry, name: str, only: Kind | None = None) -> Entry:
    """The learner, family or protocol of this name; the first of these, unless one is asked for.

    Raises:
        UnknownName: nothing is called so.
        UserError: it cannot be imported.
    """
    for kind in (only,) if only else KINDS:
        if name in registry.names(kind):
            found = registry.outline(kind, name)
            keys = keys_of(found.cls, found.preset)
            if issubclass(found.cls, Protocol):
                return Entry(kind, name, _about(found.cls), keys, metrics=_metrics(found.cls))
            common = tuple(key for key in keys_of(HEADS[kind]) if key.name != "name")
            return Entry(kind, name, _about(found.cls), keys, common)
    if name == MATRIX:
        return Entry("file", MATRIX, _about(Top), keys_of(Top))
    known = [*(it for kind in KINDS for it in registry.names(kind)), MATRIX]
    raise UnknownName("learner, family or protocol", name, known)


def helped(registry: Registry, name: str, key: str | None = None) -> str:
    """All that has this name, as `render` has it; of one key, what has such a key.

    Raises:
        UnknownName: nothing is called so, or has such a key.
    """
    kinds = [kind for kind in KINDS if name in registry.names(kind)]
    entries = [explain(registry, name, kind) for kind in kinds] or [explain(registry, name)]
    able = [it for it in entries if key in {one.name for one in (*it.keys, *it.common)}]
    return "\n\n".join(render(it, key) for it in (able or entries[:1] if key else entries))


def keys_of(cls: type, preset: Mapping[str, Any] | None = None) -> tuple[Key, ...]:
    """The keys of a dataclass or of a pydantic model, in the order of the class."""
    hints = get_type_hints(cls, include_extras=True)
    if issubclass(cls, Protocol):
        hints["kind"] = Literal[cls.name]
    meanings, space = _meanings(cls), _space(cls, preset or {})
    return tuple(
        Key(name, _range(hints[name]), default, meanings.get(name, ""), space.get(name, ""))
        for name, default in _defaults(cls, preset or {}).items()
    )


def render(entry: Entry, only: str | None = None) -> str:
    """The entry as a terminal shows it; one key of it alone where `only` names one.

    Raises:
        UnknownName: it has no such key.
    """
    everything = (*entry.keys, *entry.common)
    if only is not None:
        chosen = [key for key in everything if key.name == only]
        if not chosen:
            raise UnknownName("key", only, [key.name for key in everything], entry.name)
        return "\n".join(_lines(chosen[0])).strip("\n")
    lines = [f"{entry.name} ({entry.kind}): {entry.about}"]
    lines += [line for key in entry.keys for line in _lines(key)]
    if entry.common:
        lines += ["", f"Keys of every {entry.kind}"]
        lines += [line for key in entry.common for line in _lines(key)]
    if entry.metrics:
        lines += ["", "What is told of each task, beside its score"]
    for name, meaning in entry.metrics:
        lines += ["", f"  {name}", *(f"      {line}" for line in textwrap.wrap(meaning, WIDTH))]
    return "\n".join(lines)


def _lines(key: Key) -> list[str]:
    head = f"  {key.name} = {key.default}" if key.default != REQUIRED else f"  {key.name}"
    how = f"{key.range}; {REQUIRED}" if key.default == REQUIRED else key.range
    meaning = textwrap.wrap(key.meaning, WIDTH)
    tuned = [f"      tuned: {key.searched}"] if key.searched else []
    return ["", f"{head}    [{how}]", *(f"      {line}" for line in meaning), *tuned]


def _space(cls: type, preset: Mapping[str, Any]) -> dict[str, str]:
    """What the class declares to be searched, fields being as they are preset, in words."""
    if not dataclasses.is_dataclass(cls):
        return {}
    fields = {it.name: it.default for it in dataclasses.fields(cls)} | dict(preset)
    space = getattr(cls, attribute(fields), None)
    if isinstance(space, Depending):
        space = space.of(SimpleNamespace(**fields))
    if not isinstance(space, Mapping):
        return {}
    return {name: told(it) for name, it in space.items() if isinstance(it, KINDS_OF_SPACE)}


def _metrics(cls: type[Protocol]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (it.name, f"{it.meaning} ({it.unit}; {it.better} is better{OF_ACCURACIES[it.unit]})")
        for it in cls.declares.metrics
    )


def _about(cls: type) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]


def _defaults(cls: type, preset: Mapping[str, Any]) -> dict[str, str]:
    if issubclass(cls, BaseModel):
        return {
            name: REQUIRED
            if field.is_required()
            else as_toml(field.get_default(call_default_factory=True))
            for name, field in cls.model_fields.items()
        }
    found = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if not field.init:
            continue
        if field.name in preset:
            found[field.name] = as_toml(preset[field.name])
        elif field.default is not dataclasses.MISSING:
            found[field.name] = as_toml(field.default)
        elif field.default_factory is not dataclasses.MISSING:
            found[field.name] = as_toml(field.default_factory())
        else:
            found[field.name] = REQUIRED
    return found


def as_toml(value: Any) -> str:
    """A value as one writes it in a matrix file; nothing (None) is said in words."""
    if value is None:
        return "(none)"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple | set | frozenset):
        values = sorted(value) if isinstance(value, set | frozenset) else value
        if len(values) > 12:
            first, *_, last = values
            return f"[{as_toml(first)}, ..., {as_toml(last)}]"
        return f"[{', '.join(map(as_toml, values))}]"
    return json.dumps(value, ensure_ascii=False)


def _meanings(cls: type) -> dict[str, str]:
    """What the `Attributes:` of the docstrings say; a class's own words win over its bases'."""
    found: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        found |= _attributes(ancestor.__dict__.get("__doc__") or "")
    return found


def _attributes(docstring: str) -> dict[str, str]:
    lines = inspect.cleandoc(docstring).splitlines()
    if "Attributes:" not in lines:
        return {}
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines[lines.index("Attributes:") + 1 :]:
        if line and not line.startswith(" "):
            break
        start = re.match(r"    (\w+): (.*)", line)
        if start:
            name = start[1]
            found[name] = [start[2]]
        elif name and line.strip():
            found[name].append(line.strip())
    return {key: " ".join(words) for key, words in found.items()}


NAMES = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def _range(hint: Any) -> str:
    """What a type allows, in words: "number > 0", "one of relu, tanh", "list of text"."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        base, *limits = arguments
        words = [said for limit in _flat(limits) if (said := _limit(limit))]
        return " ".join([_range(base), " and ".join(words)]).strip()
    if origin is Literal:
        return (
            "one of " + ", ".join(map(as_toml, arguments))
            if len(arguments) > 1
            else as_toml(*arguments)
        )
    if origin in (tuple, list, Sequence, frozenset, set):
        inner = [it for it in arguments if it is not Ellipsis]
        if origin is tuple and Ellipsis not in arguments and len(inner) > 1:
            return f"list of {len(inner)}: {_range(inner[0])}"
        return f"list of {_range(inner[0])}" if inner else "list"
    if arguments and type(None) in arguments:
        return _range_of_any([it for it in arguments if it is not type(None)]) + ", or left out"
    if arguments and origin is not dict:
        return _range_of_any(arguments)
    if origin is dict or hint is dict:
        return "table"
    return NAMES.get(hint, getattr(hint, "__name__", str(hint)))


def _range_of_any(hints: Sequence[Any]) -> str:
    return " or ".join(dict.fromkeys(map(_range, hints)))


def _flat(limits: Sequence[Any]) -> list[Any]:
    flat: list[Any] = []
    for limit in limits:
        grouped = isinstance(limit, annotated_types.GroupedMetadata)
        flat += list(limit) if grouped else [limit]
    return flat


def _limit(limit: Any) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    for name, sign in signs.items():
        if hasattr(limit, name):
            return f"{sign} {getattr(limit, name):g}"
    if isinstance(limit, annotated_types.MinLen):
        return f"(at least {limit.min_length})"
    return ""
