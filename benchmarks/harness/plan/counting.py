"""How many trials a matrix asks for, known before any is made."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.core.errors import MatrixError
from benchmarks.core.protocol import Protocol
from benchmarks.core.text import count

MOST_TRIALS = 20_000
MOST_TRIES = 100_000


def demand_few(
    path: Path,
    seeds: int | list[int],
    protocols: Sequence[Protocol],
    families: Sequence[str],
    grids: Sequence[tuple[int, Sequence[str]]],
) -> None:
    """A slip of the pen takes no memory: at most `MOST_TRIALS` are asked for.

    Args:
        path: The matrix file.
        seeds: How many, or which.
        protocols: What each family is met under, where it is.
        families: Their labels.
        grids: Of each learner the number of points, and the labels of the families it is for.

    Raises:
        MatrixError: there are more.
    """
    if isinstance(seeds, int) and seeds > MOST_TRIALS:
        raise MatrixError(
            f"{path}: key 'seeds': {seeds:,} seeds are more than the {MOST_TRIALS:,} trials a "
            f"matrix may have; expected a list [{seeds}]?"
        )
    n_seeds = seeds if isinstance(seeds, int) else len(seeds)
    points, rounds = _rounds(protocols, families, grids)
    if (trials := max(n_seeds * rounds, points)) > MOST_TRIALS:
        trials, points = min(trials, 10**15), min(points, 10**15)  # that many or more
        raise MatrixError(
            f"{path}: asks for {trials:,} trials: {count(n_seeds, 'seed')}, and "
            f"{count(points, 'learner')} with all points of their grids; expected at most "
            f"{MOST_TRIALS:,} trials"
        )


def demand_few_tries(
    path: Path,
    tries: int,
    protocols: Sequence[Protocol],
    families: Sequence[str],
    grids: Sequence[tuple[int, Sequence[str]]],
) -> None:
    """As `demand_few`, of a search for settings with so many trainings for each of the rest.

    Raises:
        MatrixError: there are more than `MOST_TRIES`.
    """
    _, rounds = _rounds(protocols, families, grids)
    if tries * rounds > MOST_TRIES:
        raise MatrixError(
            f"{path}: [tuning]: asks for {tries * rounds:,} trainings: {tries:,} for each learner, "
            f"family and protocol; expected at most {MOST_TRIES:,}"
        )


def _rounds(
    protocols: Sequence[Protocol],
    families: Sequence[str],
    grids: Sequence[tuple[int, Sequence[str]]],
) -> tuple[int, int]:
    """How many learners there are, and how often one meets a family under a protocol."""
    met = {
        family: sum(
            (it.families is None or family in it.families) and it.other != family
            for it in protocols
        )
        for family in families
    }
    everywhere = sum(met.values())
    points = rounds = 0
    for mine, meant in grids:
        points += mine
        own = everywhere if meant is families else sum(met.get(it, 0) for it in set(meant))
        rounds += mine * own
    return points, rounds
