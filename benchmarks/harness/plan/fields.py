"""From what a TOML file holds to checked objects, every mistake being one sentence."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import ErrorDetails

from benchmarks.core.errors import MatrixError, PluginError, UnknownName, UserError
from benchmarks.core.text import described, line, message

Model = TypeVar("Model", bound=BaseModel)


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Check a table of a matrix file against a pydantic model.

    Raises:
        MatrixError: a key is unknown or missing, or a value isn't what it should be.
    """
    if model.model_config.get("extra") == "forbid":
        for key in data:
            if key not in model.model_fields:
                raise UnknownName("key", key, model.model_fields, where)
    try:
        return model.model_validate_json(_json(data), strict=True)
    except ValidationError as error:
        raise MatrixError(f"{where}: {_sentence(error.errors())}") from None


def field_names(cls: type) -> list[str]:
    """The hyper-parameters of a learner, or the settings of a family."""
    return [field.name for field in dataclasses.fields(cls) if field.init]


def build(cls: type, preset: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> Any:
    """Make a learner or a family from a preset and the fields a user gave.

    `fields` win over `preset`, and both are checked against the annotations of the dataclass:
    a list makes a tuple, an integer makes a float, and nothing else is converted.

    Raises:
        MatrixError: a field is unknown or missing, or its value isn't what it should be.
        PluginError: the type of a field cannot be written in a matrix file.
    """
    for key in fields:
        if key not in field_names(cls):
            raise UnknownName("key", key, field_names(cls), where)
    values = {}
    with blamed(cls, where):
        for name, value in {**preset, **fields}.items():
            try:
                values[name] = _adapter(cls, name).validate_json(_json(value), strict=True)
            except ValidationError as error:
                raise MatrixError(f"{where}: {_sentence(error.errors(), name)}") from None
            except PydanticSchemaGenerationError:
                raise PluginError(
                    f"{where}: field {name!r} of class {cls.__name__} has the type "
                    f"{get_type_hints(cls)[name]}, which no matrix file can hold"
                ) from None
        for field in dataclasses.fields(cls):
            default = (field.default, field.default_factory)
            if field.init and field.name not in values and default == (dataclasses.MISSING,) * 2:
                raise MatrixError(f"{where}: key {field.name!r} is missing")
        try:
            return cls(**values)
        except ValueError as error:
            raise MatrixError(f"{where}: {message(error)}") from None


def refusal(cls: type, name: str, value: Any) -> str:
    """What the type of a field has against a value, in a sentence; empty if nothing."""
    try:
        _adapter(cls, name).validate_json(_json(value), strict=True)
    except ValidationError as error:
        return _sentence(error.errors(), name)
    except PydanticSchemaGenerationError:
        return f"no matrix file can hold the type {get_type_hints(cls)[name]}"
    return ""


@contextmanager
def blamed(cls: type, where: str) -> Iterator[None]:
    """What a class raises while it is built and looked at is its own fault, and says so.

    Raises:
        PluginError: something was raised that is no `UserError`.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit, GeneratorExit) as error:
        raise PluginError(
            f"{where}: class {cls.__name__} cannot be used ({described(error)})"
        ) from error


@cache
def _adapter(cls: type, name: str) -> Any:
    return TypeAdapter(get_type_hints(cls, include_extras=True)[name])


def plain(instance: Any) -> dict[str, Any]:
    """All fields of a learner or family, defaults included, as JSON knows them."""
    return as_plain({name: getattr(instance, name) for name in field_names(type(instance))})


def as_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values as JSON knows them."""
    loaded: dict[str, Any] = json.loads(_json(dict(values)))
    return loaded


def _json(value: Any) -> str:
    return json.dumps(value, default=lambda other: sorted(other) if _is_set(other) else str(other))


def _is_set(value: Any) -> bool:
    return isinstance(value, set | frozenset)


def _sentence(errors: list[ErrorDetails], key: str = "") -> str:
    """What is wrong with the first wrong value; where it may be this or that, both are named."""
    first = errors[0]
    if not key and first["loc"]:
        key = str(first["loc"][0])
    if first["type"] == "missing":
        return f"key {key!r} is missing"
    same = [error for error in errors if repr(error["input"]) == repr(first["input"])]
    text = " or ".join(dict.fromkeys(_expectation(error) for error in same))
    text = text.replace(" or expected", " or")
    return f"key {key!r}: {text}, got {line(repr(first['input']), 80)}" if key else text


def _expectation(error: ErrorDetails) -> str:
    if error["type"] == "too_long":
        return f"expected at most {error['ctx']['max_length']:,} of them"
    if error["type"] == "too_short":
        return f"expected at least {error['ctx']['min_length']} of them"
    if error["type"] == "finite_number" or repr(error["input"]) == "nan":
        return "expected a finite number"
    text = error["msg"].removeprefix("Value error, ")
    for said, meant in (("Input should be", "expected"), ("String should", "expected a text to")):
        text = text.replace(said, meant)
    return text.replace("an object", "a table")
