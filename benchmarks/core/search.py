"""Where the settings of a learner may lie, for `reml tune`: a distribution for each field.

A class says it in an attribute `search`, `{"lr": LogUniform(1e-4, 1e-2)}`, in which the default of
each field has to lie; in `search_space` where it has a field of that name. Who tunes by hand would
look there.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, overload


@dataclass(frozen=True)
class Uniform:
    """A number from `low` to `high`, each as likely."""

    low: float
    high: float


@dataclass(frozen=True)
class LogUniform:
    """A positive number whose logarithm is as likely to lie anywhere."""

    low: float
    high: float


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; `log` as in `LogUniform`."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of these values, in no order."""

    values: tuple[Any, ...]


Distribution = Uniform | LogUniform | Whole | OneOf
Space = Mapping[str, Distribution]


@dataclass(frozen=True)
class Depending:
    """What is searched where that depends on the fields: of an instance the space that `of` says.

    `of` looks at fields alone, so that help can ask it about those that a name presets.
    """

    of: Callable[[Any], Space]

    @overload
    def __get__(self, instance: None, owner: type) -> "Depending": ...

    @overload
    def __get__(self, instance: object, owner: type) -> Space: ...

    def __get__(self, instance: object, owner: type) -> "Depending | Space":
        return self if instance is None else self.of(instance)


def attribute(fields: Collection[str]) -> str:
    """The name of the attribute in which a class of these fields declares it."""
    return "search_space" if "search" in fields else "search"


def told(distribution: Distribution) -> str:
    """In words, for people: `log-uniform from 0.0001 to 0.01`."""
    if isinstance(distribution, OneOf):
        return f"one of {', '.join(map(_value, distribution.values))}"
    kind = {Uniform: "uniform", LogUniform: "log-uniform", Whole: "whole"}[type(distribution)]
    if isinstance(distribution, Whole) and distribution.log:
        kind = "whole, log-uniform"
    return f"{kind} from {distribution.low:g} to {distribution.high:g}"


def _value(value: Any) -> str:
    return f"[{', '.join(map(_value, value))}]" if isinstance(value, list | tuple) else f"{value}"
