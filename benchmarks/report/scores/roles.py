"""Which part learners play in a comparison, and what the search for their settings has cost."""

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from benchmarks.harness.store.results import Settings

Role = Literal["reml", "control", "baseline"]
CONTROLS = ("reml-random", "reml-fixed", "scratch", "mean")
UNLEARNED = ("random", "fixed")
"""What REML's field `composer` is where nothing is learned about what to compose."""


def role_of(settings: Settings) -> Role:
    """What a learner is there for, by the learner or preset that the matrix names, not its label.

    A control is there for others to be measured against; a baseline is a contender but REML.
    """
    of_reml = settings.name == "reml" or settings.name.startswith("reml-")
    unlearned = of_reml and settings.fields.get("composer") in UNLEARNED
    if settings.name in CONTROLS or unlearned:
        return "control"
    return "reml" if of_reml else "baseline"


SEARCH = ("tuning_tasks", "tuning_seconds")
"""What a search has spent: training tasks, and seconds of training and of validation."""


def search_spending(tuning: pd.DataFrame, family: str, learner: str) -> dict[str, float]:
    """What all searches of a learner on a family have spent; nothing where there was none."""
    if tuning.empty:
        return {}
    mine = tuning[(tuning["family"] == family) & (tuning["learner"] == learner)]
    if mine.empty:
        return {}
    seconds = mine["seconds"].sum() + mine["validation_seconds"].sum()
    return dict(zip(SEARCH, (float(mine["tasks"].sum()), float(seconds)), strict=True))


def phrase(tuned: int) -> str:
    """`tuned (20 trials)`; empty where nothing was searched."""
    if not tuned:
        return ""
    return f"tuned ({tuned} trial{'' if tuned == 1 else 's'})"


def searched(spending: Mapping[str, float]) -> bool:
    return SEARCH[0] in spending
