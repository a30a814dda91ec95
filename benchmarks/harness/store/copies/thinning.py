"""What of a table beside the scores is published: as much as figures and tables show."""

import numpy as np
import pandas as pd

from benchmarks.core.landmarks import spread_out
from benchmarks.harness.disk.columns import ALL_TASKS, DRAWN_STEPS, SUPPORT_ACCURACY, SUPPORT_MSE
from benchmarks.harness.store.copies.rounding import CLOSE, DRAWN, balanced, short

MOMENTS = 50
"""So many of what a training logs of each metric."""
PLACE = ["family", "protocol"]
PAIR = ["true", "predicted"]
PAIRS = 50
FEW_CLASSES = 20
"""So many are shown whole, and need all that there is."""
POINTS = 60
"""Of curves of more points every other is kept: a figure is no wider."""
LEFT_OUT = (
    f"training curves keep {MOMENTS} moments each, fitted curves those that are drawn (the first "
    "seed, at the fewest shots), confusion the fewest shots and of many classes the "
    "pairs confused most, and errors on support points and what "
    "compositions cost their mean over the tasks"
)


def thinned(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """A table of all trials as it is published; the same if it was already."""
    if table.empty:
        return table
    if name == "history":
        return short(_moments(table), DRAWN)
    if name == "curves":
        return short(_drawn(table), DRAWN)
    if name == "confusion":
        return _confused(_fewest_shots(table))
    if name == "diagnostics":
        return _diagnosed(table)
    return short(table, CLOSE)


def _moments(history: pd.DataFrame) -> pd.DataFrame:
    """Evenly many of each metric, the first and the last included."""
    by = history.groupby(["trial", "metric"], observed=True, sort=False)
    place, last = by.cumcount(), by["metric"].transform("size") - 1
    every = (place * (MOMENTS - 1) / last.clip(lower=1)).round()
    nearest = (every * last / (MOMENTS - 1)).round() == place
    return history[(last < MOMENTS) | nearest].reset_index(drop=True)


def _fewest_shots(table: pd.DataFrame) -> pd.DataFrame:
    fewest = table.groupby(PLACE, observed=True)["shots"].transform("min")
    return table[table["shots"] == fewest].reset_index(drop=True)


def _confused(confusion: pd.DataFrame) -> pd.DataFrame:
    """Of many classes, the pairs that all learners together confuse most: figures show the first.

    A row of each trial stays, so that it is still known how many seeds there are.
    """
    kept = [_most_confused(rows) for _, rows in confusion.groupby(PLACE, observed=True, sort=False)]
    return pd.concat(kept).sort_index().reset_index(drop=True)


def _most_confused(rows: pd.DataFrame) -> pd.DataFrame:
    by = rows.groupby(["learner", *PAIR], observed=True)
    seeds = rows.groupby("learner", observed=True)["seed"].nunique()
    share = by["count"].sum() / by["queries"].max() / seeds
    share = share[share.index.get_level_values("true") != share.index.get_level_values("predicted")]
    ranked = share.groupby(PAIR, observed=True).sum().sort_values(ascending=False, kind="stable")
    pairs = pd.MultiIndex.from_frame(rows[PAIR].astype(str))
    worst = ranked.index[:PAIRS].map(lambda pair: tuple(map(str, pair)))
    kept = rows[pairs.isin(worst) | ~rows.duplicated("trial").to_numpy()]
    few = len({*kept["true"], *kept["predicted"]}) <= FEW_CLASSES
    return rows if few else kept


def _drawn(curves: pd.DataFrame) -> pd.DataFrame:
    """What the figure shows; deviations after the last number of steps."""
    curves = _fewest_shots(curves[curves["seed"] == curves["seed"].min()])
    wanted = np.ones(len(curves), bool)
    fits = curves["kind"].isin(["prediction", "std"])
    for _, mine in curves[fits].groupby(PLACE, observed=True):
        steps = spread_out(sorted(mine["steps"].unique().tolist()), DRAWN_STEPS)
        shown = mine["steps"].isin(steps) & (mine["kind"].eq("prediction"))
        shown |= mine["steps"].eq(steps[-1])
        wanted[mine.index[~shown]] = False
    one = curves.groupby(["trial", "shots", "steps", "task", "kind", "output"], observed=True)["x"]
    many = fits & (one.transform("size") > POINTS)
    wanted &= ~(many & (one.cumcount() % 2 == 1)).to_numpy()
    order = ["kind", *PLACE, "task", "output", "steps", "trial"]
    return curves[wanted].sort_values(order, kind="stable", ignore_index=True)


def _diagnosed(diagnostics: pd.DataFrame) -> pd.DataFrame:
    """What is of each task alike for all trials stands together."""
    chose = diagnostics["trial"].isin(diagnostics.loc[diagnostics["kind"].eq("choice"), "trial"])
    on_average = diagnostics["name"].isin([SUPPORT_MSE, SUPPORT_ACCURACY])
    on_average |= diagnostics["kind"].eq("measure") & chose  # choices tell how many tasks there are
    rest, averaged = diagnostics[~on_average], diagnostics[on_average]
    key = [it for it in averaged if it not in ("task", "value")]
    groups = averaged.groupby(key, observed=True, sort=False, dropna=False)
    means = groups["value"].mean().reset_index()
    table = pd.concat([rest, means.assign(task=ALL_TASKS)[list(diagnostics)]], ignore_index=True)
    order = ["kind", "name", "trial", "shots", "steps", "task"]
    table = table.sort_values(order, kind="stable", ignore_index=True)
    cells = table.groupby(order[:-1], observed=True, sort=False).ngroup().to_numpy()
    value = short(table[["value"]])["value"].to_numpy(copy=True)
    whole = table["task"].eq(ALL_TASKS).to_numpy()
    mine = table["kind"].eq("measure").to_numpy() & ~whole
    value[mine] = balanced(table.loc[mine, "value"].to_numpy(), cells[mine], DRAWN)
    value[whole] = table.loc[whole, "value"].to_numpy()
    return table.assign(value=value)
