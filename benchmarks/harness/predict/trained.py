"""Which trainings of a learner a results folder has kept."""

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.core.errors import StoreError, UnknownName, UserError
from benchmarks.core.text import count
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import Checkpoint, load_checkpoint


def load_trained(
    trials: pd.DataFrame,
    directory: Path,
    registry: Registry,
    label: str,
    *,
    seed: int | None = None,
    family: str | None = None,
    protocol: str | None = None,
) -> tuple[list[Checkpoint], list[str]]:
    """All trainings of a learner, or those of one seed; and a word on those that are not there.

    Args:
        trials: as `Results.trials` has them.
        directory: the results folder.
        registry: has the learner's class.
        label: the learner's, as tables have it.
        seed: the only one, if given.
        family: what it was trained on, where there are several.
        protocol: whose trials; the first that has some, if left out.

    Raises:
        UnknownName: there is no such learner, seed, family or protocol.
        UserError: there are several families and none is named.
        StoreError: no training is there: they failed, or were not published.
    """
    rows = _of(trials, "learner", label, directory)
    if family is None and rows["family"].nunique() > 1:
        several = ", ".join(map(repr, rows["family"].unique()))
        raise UserError(f"{directory}: {label!r} was trained on {several}; name a family")
    if family is not None:
        rows = _of(rows, "family", family, directory)
    rows = _of(rows, "protocol", protocol or rows["protocol"].iloc[0], directory)
    if seed is not None:
        rows = _of(rows, "seed", seed, directory)
    places = {str(it): directory / "trials" / str(it) for it in rows["trial"]}
    there = [place for place in places.values() if (place / "learner.pt").is_file()]
    if not there:
        reasons = [it for it in rows["reason"] if isinstance(it, str)]
        why = reasons[0] if reasons else "run the matrix to train it"
        raise StoreError(f"{directory}: has no trained learner {label!r} ({why})")
    words = []
    if len(there) < len(places):
        lost = count(len(places) - len(there), "training")
        words.append(f"{directory}: {lost} of {label!r} not there; the other {len(there)} are used")
    return [load_checkpoint(it, registry) for it in there], words


def _of(rows: pd.DataFrame, column: str, wanted: Any, directory: Path) -> pd.DataFrame:
    found = rows[rows[column] == wanted]
    if found.empty:
        known = sorted(map(str, rows[column].unique()))
        raise UnknownName(column, str(wanted), known, str(directory))
    return found
