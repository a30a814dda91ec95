"""Which rows to adapt on are of the same task as which rows to predict."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.core.errors import DataError
from benchmarks.core.text import count, line
from benchmarks.harness.predict.reading import Rows

MOST_NAMED = 5


@dataclass(frozen=True)
class Matched:
    """Tasks, and what of the files is of none.

    Attributes:
        names: what each task is called; "" where nothing names it.
        support: of each row to adapt on, the number of its task; −1 where it is of none.
        query: likewise of each row to predict.
        words: on tasks that are but in one of the files.
    """

    names: tuple[str, ...]
    support: np.ndarray
    query: np.ndarray
    words: tuple[str, ...] = ()


def matched(support: Rows, query: Rows) -> Matched:
    """Match rows by the columns that name tasks; where no file has them, all are of one.

    Raises:
        DataError: it cannot be told which task is asked, or no task is in both.
    """
    keys = [str(name) for name in support.keys if name in query.keys]
    _demand_told(support, query, keys)
    _demand_told(query, support, keys)
    if not keys:
        named = support if len(support.keys.columns) else query
        name = ", ".join(named.keys.iloc[0]) if len(named.keys.columns) else ""
        return Matched((name,), np.zeros(len(support), int), np.zeros(len(query), int))
    both = pd.concat([support.keys[keys], query.keys[keys]], ignore_index=True)
    number = both.groupby(keys, sort=False).ngroup().to_numpy()
    first = np.unique(number, return_index=True)[1]
    called = [", ".join(both.iloc[at]) for at in first]
    shown, asked = number[: len(support)], number[len(support) :]
    known, wanted = set(shown.tolist()), set(asked.tolist())
    common = sorted(known & wanted)
    words = [
        *_alone(called, wanted - known, query, support, "to adapt on: they are not predicted"),
        *_alone(called, known - wanted, support, query, "to predict"),
    ]
    if not common:
        raise DataError(
            f"{query.path}: no {_joined(keys)} of it is in {support.path}, which has "
            f"{_some(called, known)}; expected rows of the same to adapt on"
        )
    place = np.full(len(called), -1)
    place[common] = range(len(common))
    return Matched(tuple(called[it] for it in common), place[shown], place[asked], tuple(words))


def _demand_told(one: Rows, other: Rows, keys: Sequence[str]) -> None:
    """The columns that only one file has tell no tasks apart that the common ones do not."""
    more = [str(name) for name in one.keys if name not in keys]
    if not more:
        return
    whole = one.keys[[*keys, *more]].drop_duplicates()
    if len(whole) == (len(one.keys[[*keys]].drop_duplicates()) if keys else 1):
        return
    called = [", ".join(row) for row in whole[more].drop_duplicates().itertuples(index=False)]
    raise DataError(
        f"{other.path}: no column {_joined(more)}, and {one.path} holds several tasks by it "
        f"({_some(called, set(range(len(called))))}); expected it, to tell which row is of which"
    )


def _alone(
    called: Sequence[str], numbers: set[int], here: Rows, there: Rows, what: str
) -> list[str]:
    if not numbers:
        return []
    where = f"{there.path} has no row" if there.path != here.path else "there is no row"
    return [
        f"{here.path}: {count(len(numbers), 'task')} of which {where} {what}: "
        f"{_some(called, numbers)}"
    ]


def _some(called: Sequence[str], numbers: set[int]) -> str:
    some = [line(called[it], 60) for it in sorted(numbers)[:MOST_NAMED]]
    return "; ".join(some) + f" and {len(numbers) - MOST_NAMED:,} more" * (
        len(numbers) > MOST_NAMED
    )


def _joined(names: Sequence[str]) -> str:
    return " or ".join(repr(it) for it in names)
