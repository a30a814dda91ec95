"""Which settings of a learner are searched, and where: what its class declares, checked."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.core.errors import PluginError, UserError, nearest
from benchmarks.core.search import (
    Distribution,
    LogUniform,
    OneOf,
    Space,
    Uniform,
    Whole,
    attribute,
)
from benchmarks.core.text import line
from benchmarks.harness.plan.checks.effects import idle
from benchmarks.harness.plan.fields import as_plain, blamed, build, field_names, plain, refusal
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import Resolved

FEWEST = 2


def searched(family: Resolved, learner: Resolved, registry: Registry, where: str) -> Space:
    """What is searched of a learner on a family: nothing that its row or its name in it sets.

    Nor what makes no difference there, or values that the class does not take beside the row's.

    Raises:
        PluginError: what the class declares is wrong, see `declared`.
    """
    entry = learner.entry
    found = registry.find("learner", entry.name)
    where = f"{where}: learner {entry.called}"
    space = declared(learner.built, where)
    if space:
        demand_defaults(found.cls, where)
    if not entry.tune:
        return {}
    with blamed(found.cls, where):
        nothing = set(idle(learner, family.built))
        fields = plain(learner.built)
    kept: dict[str, Distribution] = {}
    for name, it in space.items():
        if name in entry.fields or name in found.preset or name in nothing:
            continue
        if isinstance(it, OneOf):
            it = OneOf(
                tuple(
                    value
                    for value in it.values
                    if _is_taken(found.cls, found.preset, {**entry.fields, name: value})
                )
            )
            if len(it.values) < FEWEST:
                continue
        if holds(it, fields[name]):
            kept[name] = it
    return kept


def declared(instance: Any, where: str = "") -> Space:
    """What the class of a learner declares; nothing of most.

    Raises:
        PluginError: it is no mapping from fields to distributions, or one does not suit its field:
            its values, the default among them, are none that the field takes.
    """
    cls = type(instance)
    fields = field_names(cls)
    name = attribute(fields)
    with blamed(cls, where):
        space = getattr(instance, name, None)
    if space is None:
        return {}
    at = f"{where}: class {cls.__name__}: {name}" if where else f"class {cls.__name__}: {name}"
    if not isinstance(space, Mapping):
        shown = line(repr(space), 80)
        raise PluginError(f"{at}: expected a mapping from fields to distributions, got {shown}")
    for key, it in space.items():
        if key not in fields:
            raise PluginError(
                f"{at}: names {key!r}, which is no field; {nearest(str(key), fields)}"
            )
        if flaw := _flaw(it) or _unfit(cls, key, it):
            raise PluginError(f"{at}: {key!r}: {flaw}")
    return dict(space)


def demand_defaults(cls: type, where: str = "") -> None:
    """The defaults of a class, where it can be made of nothing else, lie in what is searched.

    Raises:
        PluginError: one does not; or as `declared`.
    """
    try:
        instance = cls()
    except TypeError:
        return
    for key, it in declared(instance, where).items():
        default = plain(instance)[key]
        if not holds(it, default):
            name = attribute(field_names(cls))
            at = f"{where}: class {cls.__name__}: {name}: {key!r}".removeprefix(": ")
            raise PluginError(f"{at}: its default, {default!r}, is not in it")


def flaw_of(cls: type) -> str:
    """What is wrong with what a class declares to be searched; empty if nothing."""
    try:
        demand_defaults(cls)
    except PluginError as error:
        return str(error).removeprefix(": ")
    return ""


def holds(distribution: Distribution, value: Any) -> bool:
    """Whether a value, as JSON knows it, is one of those that may be tried."""
    if isinstance(distribution, OneOf):
        return as_json(value) in map(as_json, distribution.values)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    whole = not isinstance(distribution, Whole) or float(value).is_integer()
    return whole and distribution.low <= value <= distribution.high


def as_json(value: Any) -> str:
    """A value in one way, be it a tuple or a list."""
    return json.dumps(value, sort_keys=True)


def described(space: Space) -> dict[str, Any]:
    """A space as JSON knows it: part of what a search is."""
    return {key: as_plain({"kind": type(it).__name__, **asdict(it)}) for key, it in space.items()}


def _flaw(it: Any) -> str:
    """What is wrong with a distribution by itself; empty if nothing."""
    if isinstance(it, OneOf):
        try:
            different = set(map(as_json, it.values))
        except (TypeError, ValueError):
            return f"expected a tuple of values, got {line(repr(it.values), 80)}"
        if len(different) < max(FEWEST, len(it.values)):
            return f"expected two values or more, all different, got {line(repr(it.values), 80)}"
        return ""
    if not isinstance(it, Uniform | LogUniform | Whole):
        shown = line(repr(it), 80)
        return f"expected Uniform, LogUniform, Whole or OneOf of benchmarks.core, got {shown}"
    ends = it.low, it.high
    number = int if isinstance(it, Whole) else int | float
    if any(isinstance(end, bool) or not isinstance(end, number) for end in ends):
        kind = "whole numbers" if isinstance(it, Whole) else "numbers"
        return f"expected {kind} as its ends, got {line(repr(ends), 80)}"
    if not all(map(math.isfinite, ends)) or not it.low < it.high:
        return f"expected low < high, both finite, got {ends[0]!r} and {ends[1]!r}"
    log = isinstance(it, LogUniform) or (isinstance(it, Whole) and it.log)
    if log and it.low <= 0:
        return f"expected a low end above 0 for a logarithm, got {it.low!r}"
    return ""


def _unfit(cls: type, key: str, it: Distribution) -> str:
    """Why a field does not take what is in a distribution; empty where it does."""
    values = it.values if isinstance(it, OneOf) else (it.low, it.high)
    if isinstance(it, Uniform | LogUniform):
        values = (*values, it.low + (it.high - it.low) / math.pi)
    for value in values:
        if flaw := refusal(cls, key, value):
            return flaw
    return ""


def _is_taken(cls: type, preset: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    try:
        build(cls, preset, fields, "")
    except UserError:
        return False
    return True
