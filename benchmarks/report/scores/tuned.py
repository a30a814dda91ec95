"""What the search for settings has cost, and how a learner with the best of them is spoken of."""

from collections.abc import Mapping

import pandas as pd

SEARCH = ("tuning_tasks", "tuning_seconds")
"""What a search has spent: training tasks, and seconds of training and of validation."""


def search_spending(tuning: pd.DataFrame, family: str, learner: str) -> dict[str, float]:
    """What all searches of a learner on a family have spent; nothing where there was none."""
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
