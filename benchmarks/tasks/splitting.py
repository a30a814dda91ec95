"""Whole groups for the splits of a file: those that are named, and shares of the others."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from benchmarks.core import Split, seed_of
from benchmarks.core.errors import DataError, nearest
from benchmarks.tasks.names import plain

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
Group = str | int
"""The name of a group; compared as text, so that 2020 and "2020" are one group."""


def split_groups(
    groups: Sequence[str],
    wanted: Mapping[Split, Sequence[Group]],
    fractions: Mapping[Split, float],
    seed: int,
    path: str,
    grouped_by: str,
) -> dict[Split, tuple[str, ...]]:
    """The groups of each split, sorted; which the shares are depends on the names and the seed.

    Args:
        groups: all that there are.
        wanted: those that are named; an unnamed split gets a share, or what is left.
        fractions: the shares.
        seed: which groups they are.
        path: of the file, for messages.
        grouped_by: what these call the place where groups are named.

    Raises:
        DataError: a group is in two splits or does not exist, or none is left for a split.
    """
    named = {split: _plain(wanted[split]) for split in SPLITS}
    for split, other in combinations(SPLITS, 2):
        for group in sorted({*named[split]} & {*named[other]}):
            raise DataError(f"{path}: group {group!r} is in both {split} and {other}")
    for split in SPLITS:
        for group in named[split]:
            if group not in groups:
                raise DataError(
                    f"{path}: {split} names {group!r}, which {grouped_by} does not hold; "
                    f"{nearest(group, groups)}"
                )
    taken = {group for names in named.values() for group in names}
    rest = sorted(
        (group for group in groups if group not in taken),
        key=lambda group: seed_of("split", seed, group),
    )
    for split, fraction in fractions.items():
        if not named[split]:
            share = max(1, round(fraction * len(groups)))
            named[split], rest = tuple(rest[:share]), rest[share:]
    named["train"] = named["train"] or tuple(rest)
    for split in SPLITS:
        if not named[split]:
            raise DataError(
                f"{path}: no group is left for the {split} split; {grouped_by} holds {len(groups)}"
            )
    return {split: tuple(sorted(named[split])) for split in SPLITS}


def _plain(groups: Sequence[Group]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain(str(group)) for group in groups))
