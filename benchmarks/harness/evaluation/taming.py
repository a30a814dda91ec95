"""Stored scores that went astray: which count as diverged, and as how much those count."""

import numpy as np
import pandas as pd

FAR = 1_000.0
"""An error of more than so many times what a constant guess costs is no score, but divergence.

A task that diverged counts as just so much; in classification, as an accuracy of 0.
"""
LARGEST = 1e150
"""What statistics can still square."""
WORST = {"accuracy": 0.0}
_ERRORS = ("mse", "rmse", "nmse")
_TASK = ["trial", "shots", "steps", "task"]


def tame(scores: pd.DataFrame) -> pd.DataFrame:
    """Stored scores, and of results of former versions those that diverged marked and cut, too.

    Those have no column `diverged`, or nothing in it. What a constant guess costs follows there
    from MSE and NMSE (or is the median MSE, where that is more: tasks may differ in their means);
    where the two are not stored, only scores beyond `LARGEST` count as diverged, and as the worst
    other one of their metric.
    """
    if "diverged" not in scores:
        scores = scores.assign(diverged=None)
    old = scores["diverged"].isna().to_numpy()
    stored = scores["value"].to_numpy(dtype=float)
    far = ~(np.abs(stored) <= LARGEST)  # nor is NaN
    if not old.any() and not far.any():
        return scores
    value = stored.copy()
    flags = scores["diverged"].eq(True).to_numpy(dtype=bool, copy=True)
    scores = scores.reset_index(drop=True)
    errors = scores[old & scores["metric"].isin(_ERRORS).to_numpy()]
    for _, rows in errors.groupby(["family", "protocol", "shots"], sort=False, observed=True):
        _tame_errors(rows, value, flags)
    lost = ~(np.abs(value) <= LARGEST)
    for metric in scores.loc[lost, "metric"].unique():
        mine = (scores["metric"] == metric).to_numpy()
        finite = value[mine & ~lost]
        worst = WORST.get(str(metric), float(finite.max()) if finite.size else FAR)
        value[mine & lost] = worst
    return scores.assign(value=value, diverged=flags | lost)


def _tame_errors(rows: pd.DataFrame, value: np.ndarray, flags: np.ndarray) -> None:
    """Cut the errors of one family, protocol and shots in place; rows are those of `value`."""
    mse = rows.loc[rows["metric"] == "mse", [*_TASK, "value"]]
    sound = mse[np.isfinite(mse["value"])]
    one = sound[sound["trial"].eq(sound["trial"].iloc[0])] if len(sound) else sound
    nmse = rows.loc[rows["metric"] == "nmse", [*_TASK, "value"]]
    both = nmse[nmse["trial"].isin(one["trial"])].merge(one, on=_TASK, suffixes=("", "_mse"))
    with np.errstate(all="ignore"):
        both["variance"] = (both["value_mse"] / both["value"]).replace([np.inf, -np.inf], np.nan)
    variances = both.groupby("task")["variance"].mean().dropna()
    if variances.empty or not variances.mean() > 0:
        return
    most = FAR * max(float(variances.mean()), float(sound["value"].median()))
    gone = mse.loc[~(mse["value"] <= most), _TASK]
    if gone.empty:
        return
    near = rows[rows["trial"].isin(gone["trial"])].reset_index()
    hit = near.merge(gone, on=_TASK)
    own = hit["task"].map(variances).fillna(variances.mean()).to_numpy(dtype=float)
    cut = {"mse": most, "rmse": np.sqrt(most), "nmse": most / own}
    places = hit["index"].to_numpy()
    value[places] = np.select([hit["metric"] == name for name in cut], list(cut.values()))
    flags[places] = True
