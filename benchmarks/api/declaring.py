"""A matrix in Python: a dict as its TOML file is, with classes and DataFrames in it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.api.classes import Classes
from benchmarks.api.frames import Frames, is_frame
from benchmarks.core.errors import MatrixError
from benchmarks.core.text import line
from benchmarks.harness.plan.fields import as_plain
from benchmarks.harness.plan.matrix import Matrix, load_matrix, matrix_of, point_name
from benchmarks.harness.plan.registry import Kind

WHERE = Path("matrix")
"""What errors call a matrix that is in no file. Its paths are as seen from the working folder."""
HEAD = ("name", "label", "budget", "families", "keep", "grid")


def declared(matrix: Any, classes: Classes, frames: Frames) -> Matrix:
    """The matrix behind a path, a bundled name, a dict, or a `Matrix`.

    In a dict, `learner` and `family` hold names, classes, instances or tables; one, or a list of
    them. The `name` of a table may be a class, and its `path` a DataFrame.

    Raises:
        MatrixError: it is none of these, or a key of it is wrong.
    """
    if isinstance(matrix, Matrix):
        return matrix
    if isinstance(matrix, str | Path):
        return load_matrix(str(matrix), classes.registry)
    if not isinstance(matrix, Mapping):
        raise MatrixError(
            f"{WHERE}: expected a path, the name of a bundled matrix or a dict, got "
            f"{line(repr(matrix), 80)}"
        )
    data = dict(matrix)
    kinds: tuple[Kind, Kind] = ("learner", "family")
    for kind in kinds:
        if kind in data:
            tables = [table_of(it, kind, classes, frames) for it in listed(data[kind])]
            data[kind] = _labelled(tables)
    if "protocol" in data:
        data["protocol"] = listed(data["protocol"])
    return matrix_of(_as_toml(data), WHERE, classes.registry)


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def table_of(it: Any, kind: Kind, classes: Classes, frames: Frames | None = None) -> dict[str, Any]:
    """The table that a matrix file would have for it.

    Raises:
        MatrixError: it is nothing that stands for a learner or a family.
    """
    if isinstance(it, str):
        return {"name": it}
    if isinstance(it, type):
        return {"name": classes.name(kind, it)}
    if isinstance(it, Mapping):
        table = dict(it)
        if isinstance(table.get("name"), type):
            table["name"] = classes.name(kind, table["name"])
        if frames is not None and is_frame(table.get("path")):
            table["path"] = str(frames.add(table["path"]))
        return table
    if is_dataclass(it):
        return {"name": classes.name(kind, type(it)), **_changed(it)}
    raise MatrixError(
        f"{WHERE}: key {kind!r}: expected a name, a class, an instance of one or a table, got "
        f"{line(repr(it), 80)}"
    )


def _changed(instance: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not as by default."""
    found: dict[str, Any] = {}
    for it in fields(instance):
        if not it.init:
            continue
        default = it.default
        if it.default_factory is not MISSING:
            default = it.default_factory()
        value = as_plain({it.name: getattr(instance, it.name)})
        if default is MISSING or as_plain({it.name: default}) != value:
            found |= value
    return found


def _labelled(tables: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With labels for those that differ from others of their name in their fields alone."""
    times = Counter(str(it.get("label") or it.get("name")) for it in tables)
    named = []
    for it in tables:
        own = {key: value for key, value in it.items() if key not in HEAD}
        if own and not it.get("label") and times[str(it.get("name"))] > 1:
            it = {**it, "label": f"{it['name']} ({point_name(as_plain(own))})"}
        named.append(it)
    return named


def _as_toml(value: Any) -> Any:
    """As a TOML file would have it: lists, and Python's own numbers."""
    if isinstance(value, Mapping):
        return {str(key): _as_toml(it) for key, it in value.items() if it is not None}
    if isinstance(value, list | tuple | range | np.ndarray):
        return [_as_toml(it) for it in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_as_toml, value))
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value
