"""The laws of a task family. Each is broken by raising; `check_family` runs them all."""

import builtins
import dataclasses
import io
import math
from collections.abc import Callable
from typing import Any, NoReturn
from unittest import mock

import numpy as np
import torch

from benchmarks.core import Problem, Split, TaskBatch, TaskFamily, generator_of
from benchmarks.core.errors import ContractError, DataError
from benchmarks.testing.checks import (
    Check,
    demand,
    leaving_global_state_alone,
    run_laws,
    same_bits,
)
from benchmarks.testing.class_laws import CLASS_LAWS
from benchmarks.testing.family_cases import MANY, SPLITS, Case

MOST_TASKS = 500  # of a finite split, to be looked at one by one


def tensors(batch: TaskBatch) -> tuple[Any, ...]:
    support, query = batch.support, batch.query
    return support.x, support.y, dict(support.privileged), query.x, query.y, query.mask


def construction_only_stores(case: Case) -> None:
    """Construction opens no file, learns nothing, and does the same twice."""

    def refuse(file: object, *_: object, **__: object) -> NoReturn:
        raise ContractError(f"construction opens {file!r}")

    with (
        leaving_global_state_alone("construction"),
        mock.patch.object(builtins, "open", refuse),
        mock.patch.object(io, "open", refuse),
    ):
        one, two = case.make(), case.make()
    demand(dataclasses.is_dataclass(one), f"{type(one).__name__} is not a dataclass")
    demand(one == two, "two constructions with the same fields are not equal")
    fields = {f.name for f in dataclasses.fields(one)}  # type: ignore[arg-type]
    extra = sorted(set(vars(one)) - fields)
    demand(not extra, f"construction already sets {', '.join(extra)}")


def has_an_identity(case: Case) -> None:
    """Name, version and fingerprint say which tasks it draws, the same for every instance."""
    one, two = case.make(), case.make()
    demand(bool(one.name) and isinstance(one.name, str), f"name is {one.name!r}")
    demand(isinstance(one.version, int), f"version is {one.version!r}, not a whole number")
    demand(isinstance(one.fingerprint, str), f"fingerprint is {one.fingerprint!r}, not text")
    demand(one.fingerprint == two.fingerprint, "two instances have different fingerprints")
    demand(one.problem == two.problem, "two instances have different problems")


def problem_fits(case: Case) -> None:
    """The problem names, scales and offsets every feature, with a positive target scale."""
    problem: Problem = case.family.problem
    for name in ("inputs", "input_scale", "input_offset"):
        n = len(getattr(problem, name))
        expected = problem.features if problem.image is None else 1
        demand(n == expected, f"{name} has {n} entries for {problem.features} features")
    if problem.image is not None:
        pixels = math.prod(problem.image)
        demand(pixels == problem.features, f"{pixels} pixels make {problem.features} features")
    demand(problem.target_scale > 0, f"target_scale is {problem.target_scale}")


def shapes_fit(case: Case) -> None:
    """Batches are float32, with exactly k support points and 1 to `queries` query points."""
    problem = case.family.problem
    for what, n, k, batch in case.batches:
        support, query = batch.support, batch.query
        width, shown = query.x.shape[1], problem.support_points(k)
        most = max(6, problem.outputs) if problem.kind == "classification" else 6
        demand(1 <= width <= most, f"{what}: {width} query points, where 6 were asked for")
        for name, tensor, shape, dtype in (
            ("support x", support.x, (n, shown, problem.features), torch.float32),
            ("support y", support.y, (n, shown, problem.outputs), torch.float32),
            ("query x", query.x, (n, width, problem.features), torch.float32),
            ("query y", query.y, (n, width, problem.outputs), torch.float32),
            ("query mask", query.mask, (n, width), torch.bool),
            *(
                (f"privileged {key}", value, (n, *value.shape[1:]), value.dtype)
                for key, value in support.privileged.items()
            ),
        ):
            demand(
                tuple(tensor.shape) == shape and tensor.dtype == dtype,
                f"{what}: expected {name} of shape {shape} and {dtype}, "
                f"got {tuple(tensor.shape)} and {tensor.dtype}",
            )


def values_are_finite(case: Case) -> None:
    """No entry of a batch is infinite or NaN."""
    for what, _, _, batch in case.batches:
        support, query = batch.support, batch.query
        for tensor in (support.x, support.y, query.x, query.y, *support.privileged.values()):
            demand(bool(tensor.isfinite().all()), f"{what}: an entry is not finite")


def masked_rows_repeat_a_point(case: Case) -> None:
    """Every task has a query point, and a masked row repeats one of the task's."""
    for what, _, _, batch in case.batches:
        query = batch.query
        demand(bool(query.mask.any(1).all()), f"{what}: a task has no query point")
        rows = torch.cat([query.x, query.y], 2)
        equal = (rows.unsqueeze(2) == rows.unsqueeze(1)).all(3)
        repeats = (equal & query.mask.unsqueeze(1)).any(2)
        demand(bool(repeats.all()), f"{what}: a masked row is none of the task's query points")


def support_and_query_are_apart(case: Case) -> None:
    """No query point of a task is one of its support points."""
    for what, _, _, batch in case.batches:
        support = torch.cat([batch.support.x, batch.support.y], 2)
        query = torch.cat([batch.query.x, batch.query.y], 2)
        shared = (support.unsqueeze(2) == query.unsqueeze(1)).all(3).any()
        demand(not shared, f"{what}: a point is in both the support and the query set")


def same_generator_same_tasks(case: Case) -> None:
    """The same generator state gives the same tasks, in every instance."""
    for split in SPLITS:
        one, two = (
            tensors(family.sample(5, split, generator_of("kit"), shots=1, queries=6))
            for family in (case.make(), case.make())
        )
        demand(same_bits(one, two), f"two {split} draws from the same seed differ")


def other_generator_other_tasks(case: Case) -> None:
    """A generator that has moved on gives other tasks."""
    for split in SPLITS:
        stream = generator_of("kit")
        one, two = (
            tensors(case.family.sample(5, split, stream, shots=1, queries=6)) for _ in range(2)
        )
        demand(not same_bits(one, two), f"two {split} draws in a row are the same")


def sampling_leaves_global_state_alone(case: Case) -> None:
    """Reading and sampling touch no global random state or default."""
    with leaving_global_state_alone("sampling"):
        case.make().sample(2, "train", generator_of("kit"), shots=1, queries=2)


def sizes_add_up(case: Case) -> None:
    """No split has more tasks, or leaves out fewer, as k grows; what is finite is all there.

    A finite split holds the same tasks at every k, used or left out. Where tasks are made of
    classes there is no end of them, until so many classes are left out that there is none.
    """
    family = case.family
    for split in SPLITS:
        sizes = [family.size(split, k) for k in (1, 2, 7, MANY)]
        left_out = [family.left_out(split, k) for k in (1, 2, 7, MANY)]
        demand(left_out == sorted(left_out), f"{split}: fewer are left out as k grows: {left_out}")
        many = [math.inf if size is None else size for size in sizes]
        demand(many == sorted(many, reverse=True), f"{split} tasks grow with k: {sizes}")
        if case.of_classes and not getattr(family, "shared_classes", False):
            demand(set(sizes) <= {None, 0}, f"{split}: expected None or 0 tasks, got {sizes}")
            continue
        finite = [size for size in sizes if size is not None]
        demand(len(finite) in (0, len(sizes)), f"{split} has an end at some k only: {sizes}")
        totals = {size + left for size, left in zip(finite, left_out, strict=False)}
        demand(len(totals) <= 1, f"{split}: used and left-out tasks add up to {sorted(totals)}")


def too_many_shots_is_an_error(case: Case) -> None:
    """A split that has no task with more than k points raises `DataError`."""
    for split in SPLITS:
        if case.family.size(split, MANY) == 0:
            try:
                case.family.sample(1, split, generator_of("kit"), shots=MANY, queries=1)
            except DataError:
                continue
            raise ContractError(f"{split}: {MANY:,} shots raise no DataError")


def finite_tasks_come_once(case: Case) -> None:
    """A finite split is drawn without replacement, and no task of it is in another split."""
    seen: dict[bytes, Split] = {}
    for split in SPLITS:
        size = case.family.size(split, 1)
        if size is None:
            continue
        n = min(size, MOST_TASKS)
        batch = case.family.sample(n, split, generator_of("kit"), shots=1, queries=MANY)
        here = set()
        for row in range(n):
            task = batch.rows(slice(row, row + 1))
            here.add(contents(task))
        demand(len(here) == n, f"{n} of {size} {split} tasks hold only {len(here)} different ones")
        for key in here:
            demand(key not in seen, f"a task is in both {seen.get(key)} and {split}")
        seen |= dict.fromkeys(here, split)


def names_go_with_tasks(case: Case) -> None:
    """Names and groups, where there are any, are text, one a task, and always the same."""
    other = case.make()  # which is asked the other way round
    for what, n, k, batch in reversed(case.batches):
        split: Split = what.split()[1]  # type: ignore[assignment]
        again = case.batch(other, split, k, n)
        for name in ("names", "groups"):
            words = getattr(batch, name)
            demand(
                len(words) in (0, n) and all(isinstance(word, str) for word in words),
                f"{what}: expected one of {name} for each of {n} tasks, or none, got {words!r}",
            )
            demand(words == getattr(again, name), f"{what}: {name} of two draws of one seed differ")


def groups_stay_in_their_split(case: Case) -> None:
    """No group is in two splits, and tasks of one name are of one group."""
    home: dict[str, Split] = {}
    for split in SPLITS:
        size = case.family.size(split, 1)
        n = MOST_TASKS if size is None else min(size, MOST_TASKS)
        if not n:
            continue
        batch = case.family.sample(n, split, generator_of("kit"), shots=1, queries=1)
        for group in batch.groups:
            other = home.setdefault(group, split)
            demand(other == split, f"group {group!r} is in both {other} and {split}")
        of: dict[str, str] = {}
        for name, group in zip(batch.names, batch.groups, strict=False):
            other_group = of.setdefault(name, group)
            demand(
                other_group == group,
                f"{split}: {name!r} is in groups {other_group!r} and {group!r}",
            )


def contents(task: TaskBatch) -> bytes:
    """All points of one task, in an order of their own."""
    query = torch.cat([task.query.x, task.query.y], 2)[task.query.mask]
    support = torch.cat([task.support.x, task.support.y], 2)[0]
    points = (torch.cat([support, query]) + 0.0).numpy()  # -0.0 is 0.0
    rows = points.view(f"V{points.itemsize * points.shape[1]}")  # as bytes, which sort fastest
    return np.unique(rows).tobytes()


LAWS = (
    construction_only_stores,
    has_an_identity,
    problem_fits,
    shapes_fit,
    values_are_finite,
    masked_rows_repeat_a_point,
    support_and_query_are_apart,
    same_generator_same_tasks,
    other_generator_other_tasks,
    sampling_leaves_global_state_alone,
    sizes_add_up,
    too_many_shots_is_an_error,
    finite_tasks_come_once,
    names_go_with_tasks,
    groups_stay_in_their_split,
    *CLASS_LAWS,
)


def check_family(make: Callable[[], TaskFamily]) -> list[Check]:
    """Run every law on the family that `make` constructs.

    Where the data are the user's, let no two tasks and no two points of a task be equal: they
    could not be told from a leak.
    """
    return run_laws(LAWS, Case(make))
