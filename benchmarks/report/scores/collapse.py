"""Trainings that came to nothing: at their end no better than a constant guess.

Neither in the mean over validation tasks nor on the median one: where there are a handful of them,
one on which errors are huge makes the mean of a learner bad that is good on all others.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

NEAR = 0.95
"""A training has come to nothing where it ends above this share of what a constant guess loses."""
FEWEST = 20
"""Of fewer validation tasks nothing is said: seven states may well be unlike all others."""
MARK = "∅"
COLLAPSE_NOTE = (
    "∅ with some seed its training came to nothing: on validation tasks it ends no better than a "
    "constant guess (which seeds is said below the table)."
)


class Collapse(NamedTuple):
    """Of one seed: what the last state, and that which was tested, lose of a constant guess's."""

    seed: int
    last: float
    tested: float


def collapses(trials: pd.DataFrame) -> tuple[Collapse, ...]:
    """Those of one learner's trials that are done; of several of one seed (folds), the worst.

    Nothing of trials whose states nobody looked at: they do not train, or are of former versions.
    """
    worst: dict[int, Collapse] = {}
    if "kept" not in trials:
        return ()
    done = trials[trials["status"] == "done"]
    for seed, kept in zip(done["seed"].tolist(), done["kept"].tolist(), strict=True):
        last = kept.get("last_loss") if isinstance(kept, Mapping) else None
        if not isinstance(last, int | float) or kept.get("on", FEWEST) < FEWEST:
            continue
        if min(last, _typical(kept, last)) < NEAR:
            continue
        found = Collapse(int(seed), float(last), float(kept.get("loss", last)))
        worst[found.seed] = max(found, worst.get(found.seed, found), key=lambda it: it.last)
    return tuple(worst[seed] for seed in sorted(worst))


def _typical(kept: Mapping[str, Any], otherwise: float) -> float:
    """That of the median task, which former versions did not look at."""
    found = kept.get("last_typical_loss", otherwise)
    return float(found) if isinstance(found, int | float) else otherwise


def told(found: Collapse) -> str:
    """What of one seed is said: `seed 2 ends at 0.99 (the state tested: 0.41)`."""
    better = found.tested < NEAR
    tested = f" (the state that is tested: {found.tested:.2f})" if better else ""
    return f"seed {found.seed} at {found.last:.2f}{tested}"
