"""All points of all tasks as they are in a file, and what they are to learners: standardised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.tasks.columns import standardised
from benchmarks.tasks.dates import Moments, origin_of
from benchmarks.tasks.soundness import check_resolution, moments


@dataclass(frozen=True)
class Points:
    """All points of all tasks, as they are in the file; every array has the axis `rows`."""

    task: np.ndarray  # the number of each point's task
    names: np.ndarray  # what each point's task is called
    group: np.ndarray  # the name of each point's group
    inputs: Mapping[str, np.ndarray]  # numbers; objects, which are categories; or moments
    target: np.ndarray  # numbers; or objects, which are classes
    target_name: str
    unit: str
    grouped_by: str  # what error messages call the place where groups are named
    dropped: int  # how many rows were left out as something was missing
    row: np.ndarray  # where each point is in the file, from 0
    notes: tuple[str, ...]  # what was read otherwise than it is written
    reread: bool  # whether the file once gave other points than now
    orders: Mapping[str, str] = field(default_factory=dict)  # of the days in moments, see `Moments`
    others: Mapping[str, np.ndarray] = field(default_factory=dict)  # further targets
    units: tuple[str, ...] = ()  # of all targets, where there are several
    ways: int | None = None  # how many classes a task has; None for as many as there are
    logs: tuple[str, ...] = ()  # the names of inputs and targets that are decimal logarithms
    within_tasks: bool = False  # whether learners see targets by their own task


@dataclass(frozen=True)
class Feature:
    """An input or a target that learners see; times `scale` plus `offset` it is in own units."""

    name: str
    values: np.ndarray
    offset: float = 0.0
    scale: float = 1.0
    ends: tuple[float, float] = (0.0, 1.0)


def features_of(path: str, points: Points, train: np.ndarray) -> list[Feature]:
    """The inputs, in the order of their columns.

    Raises:
        DataError: one is of more than one magnitude.
    """
    features: list[Feature] = []
    for column, values in points.inputs.items():
        if values.dtype == object:
            features += _categories(column, values, train)
        elif values.dtype.kind in "mM":
            origin = origin_of(Moments(values, points.orders.get(column, "")), train)
            numbers = origin.numbers(values)
            features.append(standard(path, origin.name(column), numbers, points.row, train))
        else:
            features.append(standard(path, column, values, points.row, train))
    return features


def standard(
    path: str, name: str, values: np.ndarray, row: np.ndarray, train: np.ndarray
) -> Feature:
    """Numbers, by the mean and the standard deviation of the training split.

    Raises:
        DataError: they are of more than one magnitude.
    """
    offset, scale = moments(path, name, values[train])
    found = standardised(path, name, values, row, offset, scale)
    check_resolution(path, name, found[train], values[train], row[train])
    ends = float(values[train].min()), float(values[train].max())
    return Feature(name, found, offset, scale, ends)


def _categories(column: str, values: np.ndarray, train: np.ndarray) -> list[Feature]:
    """A 0/1 feature for each value that the training split has."""
    known = sorted(set(values[train]))
    return [Feature(f"{column}={value}", (values == value).astype(float)) for value in known]


def named(targets: Sequence[Feature], units: tuple[str, ...]) -> dict[str, Any]:
    """What a problem says of its targets."""
    if len(targets) == 1:
        return {"target_scale": targets[0].scale, "target_offset": targets[0].offset}
    return {
        "outputs": len(targets),
        "metric": "nmse",
        "unit": "",
        "target": ", ".join(it.name for it in targets),
        "targets": tuple(it.name for it in targets),
        "units": units,
        "target_scales": tuple(it.scale for it in targets),
        "target_offsets": tuple(it.offset for it in targets),
    }


def classes_of(target: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """The names of the classes, sorted, and the number of each row's."""
    names, label = np.unique(target.astype(str), return_inverse=True)
    return tuple(map(str, names)), label
