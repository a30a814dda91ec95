"""The laws that only a family of classes can break."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

from jaxtyping import Int
from torch import Tensor

from benchmarks.core import Split, generator_of
from benchmarks.core.errors import ContractError, DataError
from benchmarks.testing.checks import demand
from benchmarks.testing.family_cases import MANY, SPLITS, Case

TASKS = 400
SIGMAS = 5.0  # a lawful family strays this far about once in a million looks
FEW = 30


def of_classes(law: Callable[[Case], None]) -> Callable[[Case], None]:
    """A law that holds for every family of another kind."""

    @wraps(law)
    def only_there(case: Case) -> None:
        if case.of_classes:
            law(case)

    return only_there


@of_classes
def targets_are_one_hot(case: Case) -> None:
    """Each class of a task has k support points, and as many query points as any other."""
    ways = case.family.problem.outputs
    for what, _, k, batch in case.batches:
        for name, y in (("support", batch.support.y), ("query", batch.query.y)):
            one_hot = ((y == 0) | (y == 1)).all() and (y.sum(2) == 1).all()
            demand(bool(one_hot), f"{what}: {name} targets are not one-hot")
        real = batch.query.y * batch.query.mask.unsqueeze(2)
        shown, asked = batch.support.y.sum(1), real.sum(1)
        demand(
            bool((shown == k).all()),
            f"{what}: expected {k} support points of each class, got {counts(shown)}",
        )
        most = max(1, 6 // ways)
        demand(
            bool((asked == asked[:, :1]).all())
            and 1 <= int(asked.min()) <= int(asked.max()) <= most,
            f"{what}: expected equally many query points of each class, at most {most}, got "
            f"{counts(asked)}",
        )


def counts(points: Tensor) -> str:
    """How many points the classes have in the task in which they differ most."""
    worst = int((points.amax(1) - points.amin(1)).argmax())
    return ", ".join(str(int(number)) for number in points[worst])


@of_classes
def ways_can_be_chosen(case: Case) -> None:
    """`ways` is how many classes the tasks have; more than the split has raise `DataError`."""
    family: Any = case.family
    for split in (split for split in SPLITS if case.shots(split)):
        most = len(names[split]) if (names := names_of(case)) else math.inf
        for ways in {2, family.problem.outputs, family.problem.outputs + 1}:
            if ways > most:
                continue
            stream = generator_of("kit")
            batch = family.sample(3, split, stream, shots=1, queries=2 * ways, ways=ways)
            shapes = tuple(batch.support.y.shape[1:]), batch.query.y.shape[2]
            demand(
                shapes == ((ways, ways), ways),
                f"{split}: {ways} ways and 1 shot give support targets of {shapes[0]} and "
                f"{shapes[1]} query classes",
            )
        if most == math.inf:
            continue
        try:
            family.sample(1, split, generator_of("kit"), shots=1, queries=1, ways=MANY)
        except DataError:
            continue
        raise ContractError(f"{split}: {MANY:,} ways raise no DataError")


@of_classes
def numbers_are_drawn_anew(case: Case) -> None:
    """Which class has which number says nothing, and neither does the order of points."""
    ways = case.family.problem.outputs
    for split in (split for split in SPLITS if case.shots(split)):
        shots = 2 if 2 in case.shots(split) else 1
        stream = generator_of("kit", "numbers")
        batch = case.family.sample(TASKS, split, stream, shots=shots, queries=2 * ways)
        support, query = batch.support.y.argmax(2), batch.query.y.argmax(2)
        for name, label in (("support", support), ("query", query)):
            for number in range(ways):
                chance(
                    label[:, 0] == number, 1 / ways, f"{split}: the first {name} point is {number}"
                )
            each, points = label.shape[1] // ways, label.shape[1]
            chance(
                (label[:, 1:] == label[:, :-1]).double().mean(1),
                (each - 1) / (points - 1),
                f"{split}: a {name} point is of the class of the one before",
            )
        chance(
            query[:, 0] == support[:, 0],
            1 / ways,
            f"{split}: the first query point is of the class of the first support point",
        )
        if "class" in batch.support.privileged:
            first, second = batch.support.privileged["class"][:, :2].T
            chance(first < second, 1 / 2, f"{split}: class 0 comes before class 1 among all")
            demand(len(first.unique()) > 1, f"{split}: number 0 is always the same class")


def chance(happened: Tensor, expected: float, what: str) -> None:
    """Demand that something random, one value a task, happens as often as it should."""
    share = float(happened.double().mean())
    # no number between 0 and 1 strays more than one that is either
    stray = math.sqrt(expected * (1 - expected) / len(happened))
    demand(
        abs(share - expected) <= SIGMAS * stray + 1e-9,
        f"{what} in {share:.0%} of the tasks, where {expected:.0%} was expected",
    )


@of_classes
def classes_stay_in_their_split(case: Case) -> None:
    """No class, by name or by example, is in two splits; an example has one class.

    Where all splits have the same classes, no example is in two.
    """
    home: dict[str, Split] = {}
    shared = getattr(case.family, "shared_classes", False)
    for split, names in () if shared else names_of(case).items():
        for name in names:
            demand(name not in home, f"class {name!r} is in {home.get(name)} and {split}")
            home[name] = split
    seen: dict[bytes, tuple[Split, int | None]] = {}
    for split in (split for split in SPLITS if case.shots(split)):
        known = names_of(case).get(split)
        for example, number in examples(case, split):
            if number is not None and known is not None and not 0 <= number < len(known):
                raise ContractError(f"{split} has no class {number}: it has {known}")
            other, called = seen.setdefault(example, (split, number))
            demand(other == split, f"an example is in both {other} and {split}")
            demand(called == number, f"an example of {split} is of classes {called} and {number}")


def examples(case: Case, split: Split) -> Iterator[tuple[bytes, int | None]]:
    """Examples of many classes, and the number of the class, where the family says it."""
    batch = case.family.sample(
        FEW,
        split,
        generator_of("kit", "examples", split),
        shots=1,
        queries=10 * case.family.problem.outputs,
    )
    ids = batch.support.privileged.get("class")
    if ids is not None:
        distinct = [len(task.unique()) == len(task) for task in ids]
        demand(all(distinct), f"{split}: a class is in a task twice")
    for x, y in ((batch.support.x, batch.support.y), (batch.query.x, batch.query.y)):
        label = y.argmax(2)
        whose: Int[Tensor, "tasks points"] | None = None if ids is None else ids.gather(1, label)
        for task in range(len(x)):
            for point in range(x.shape[1]):
                number = None if whose is None else int(whose[task, point])
                yield x[task, point].numpy().tobytes(), number


def names_of(case: Case) -> Mapping[Split, Sequence[str]]:
    """The names of the classes by split; empty where the family does not say."""
    return getattr(case.family, "classes", None) or {}


CLASS_LAWS = (
    targets_are_one_hot,
    ways_can_be_chosen,
    numbers_are_drawn_anew,
    classes_stay_in_their_split,
)
