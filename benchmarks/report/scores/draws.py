"""Several draws of the points of one test task are one score of that task."""

import pandas as pd


def over_draws(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a task: the mean of its draws, which diverged if one of them did.

    Statistics are of tasks, so that what two draws of one task share is not taken for two tasks.
    """
    if "draw" not in scores or not (scores["draw"] > 0).any():
        return scores
    keys = [column for column in scores if column not in ("draw", "value", "diverged")]
    found = scores.groupby(keys, sort=False, observed=True, dropna=False)
    means = found.agg({"value": "mean", "diverged": "any"}).reset_index()
    return means.assign(draw=0)[list(scores)].astype(scores.dtypes.to_dict())
