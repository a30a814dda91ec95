"""Groups in folds: each is a test group in one of them."""

from collections.abc import Collection, Iterator
from typing import Literal

from benchmarks.core import seed_of
from benchmarks.core.errors import DataError

Folds = int | Literal["leave-one-group-out"]


def folds_of(
    groups: Collection[str], number: Folds, validation_fraction: float, seed: int, where: str
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The test groups and the validation groups of each fold; the others are for training.

    Which groups go together depends on their names and the seed alone. Those that validate are the
    next ones round the circle, so that all do about equally often.

    Raises:
        DataError: there are too few groups.
    """
    order = sorted(groups, key=lambda group: seed_of("fold", seed, group))
    parts = len(order) if number == "leave-one-group-out" else number
    largest = -(-len(order) // parts)
    if len(order) < parts or len(order) < largest + 2:
        raise DataError(
            f"{where} holds {len(order)}, too few for {parts} folds: each has a group to test on, "
            "one to validate on and one to train on"
        )
    wanted = max(1, round(validation_fraction * len(order)))
    for place in range(parts):
        test = order[place::parts]
        others = [it for it in order[place + 1 :] + order[:place] if it not in test]
        yield tuple(test), tuple(others[: min(wanted, len(others) - 1)])
