"""Scores at the number of steps that validation tasks chose: each trial at its own."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.harness.disk.columns import PREDICTIVE

CHOSEN = -1
"""What stands for "the number of steps that validation chose" where numbers of steps stand."""
OF_ONE = "rmse of "
"""What the error in one of several targets is called, and then the target."""
EVERYWHERE = ("mse", "rmse", "nmse", "accuracy")
"""Metrics that trials have after every number of steps."""

Chosen = Mapping[str, tuple[int, ...]]
"""By learner, how many steps each of its trials takes."""


def steps_chosen(trials: pd.DataFrame, shots: int) -> dict[str, int | None]:
    """By trial that is done, the number of steps that validation chose; None where it did not."""
    if "chosen_steps" not in trials:
        return {}
    done = trials[trials["status"] == "done"]
    return {
        str(trial): told.get(str(shots)) if isinstance(told, Mapping) else None
        for trial, told in zip(done["trial"], done["chosen_steps"], strict=True)
    }


def at_chosen(rows: pd.DataFrame, trials: pd.DataFrame, shots: int) -> tuple[pd.DataFrame, Chosen]:
    """The scores of one number of shots where validation says to stop, their `steps` `CHOSEN`.

    Nothing where there is but one number of steps, or where one of the trials has chosen none: some
    at the steps they chose and others at the most could not be compared.
    """
    steps = steps_chosen(trials, shots)
    if not steps or None in steps.values() or rows["steps"].nunique() < 2:
        return rows.iloc[:0], {}
    wanted = rows["trial"].astype("category").cat
    codes = wanted.codes.to_numpy()
    at = np.array([steps.get(str(trial), -1) for trial in wanted.categories])
    stops = {int(it) for it in at[np.unique(codes)]}
    known = [
        it
        for it in rows["metric"].unique()
        if str(it) in EVERYWHERE
        or str(it).startswith(OF_ONE)
        or (it in PREDICTIVE and stops <= {*rows.loc[rows["metric"] == it, "steps"].unique()})
    ]
    mine = (rows["steps"].to_numpy() == at[codes]) & rows["metric"].isin(known).to_numpy()
    named: dict[str, list[int]] = {}
    for trial, learner in zip(trials["trial"], trials["learner"], strict=True):
        if (number := steps.get(str(trial))) is not None:
            named.setdefault(str(learner), []).append(number)
    chosen = np.full(np.count_nonzero(mine), CHOSEN, rows["steps"].to_numpy().dtype)
    found = rows[mine].assign(steps=chosen)
    return found, {learner: tuple(numbers) for learner, numbers in named.items()}
