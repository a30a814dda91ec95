"""One tree of errors: everything this project raises on purpose is a `RemlError`."""

import difflib
from collections.abc import Iterable
from pathlib import Path

LONGEST, MOST_SHOWN, MOST_COMPARED = 100, 20, 5_000
"""Of names in hints: characters of one, how many are listed, and how many are compared."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for a name that does not exist: the nearest that does, or the first few."""
    known = sorted(known)
    near = difflib.get_close_matches(
        name[:LONGEST], [it for it in known[:MOST_COMPARED] if len(it) <= LONGEST], n=1, cutoff=0.5
    )
    if near:
        return f"did you mean {near[0]!r}?"
    shown = [it[:LONGEST] if it.isprintable() else repr(it[:LONGEST]) for it in known[:MOST_SHOWN]]
    more = f" and {len(known) - MOST_SHOWN:,} more" if len(known) > MOST_SHOWN else ""
    return f"known: {', '.join(shown)}{more}"


class RemlError(Exception):
    """Base of all errors raised on purpose."""


class UserError(RemlError):
    """Something the user typed or supplied is wrong; the command line exits with 2."""


class MatrixError(UserError):
    """A matrix file is missing, malformed, or asks for something impossible."""


class UnknownName(MatrixError):
    """A key, learner, family or protocol that does not exist; names the nearest that does."""

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        where = f"{where}: " if where else ""
        name = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
        super().__init__(f"{where}unknown {kind} {name!r}; {nearest(name, known)}")


class DataError(UserError):
    """The data cannot be used as asked: a missing column, text for numbers, too few rows."""


class PluginError(UserError):
    """A plugin file or an entry point cannot be imported, or holds no learner."""


class StoreError(UserError):
    """A results folder cannot be written, or holds the results of another matrix."""


class NotKept(StoreError):
    """A file or a folder cannot be written or removed; what is known can still be shown."""


class Damaged(StoreError):
    """A file that this project wrote is not what was written, or is gone."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")


class MissingDependency(UserError):
    """A package that pip alone cannot install is missing; the message says what to type."""


class ContractError(RemlError):
    """A learner or family breaks a law of the contract."""


class BudgetSpent(RemlError):
    """More training tasks were asked for than the budget allows."""


class Diverged(RemlError):
    """A loss or a prediction is not finite."""


class Cannot(RemlError):
    """What a trial asks is impossible for this learner: stored as that, and as no failure."""


class CannotContinue(Cannot):
    """`partial_fit` has no way to carry on from where the learner is, with this family."""
