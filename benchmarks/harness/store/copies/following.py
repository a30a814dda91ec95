"""Scores that follow from others, and so need not be stored: found, left out, worked out again.

`rmse` is the root of `mse`, and `nll` follows from it where a learner is equally sure everywhere.
Others are scores held against something that is the same for all learners: `nmse` is `mse` divided
by what the targets of a task vary by, others are against a reference on the same task. That is kept
once (`references`), whatever the metric is called: what it is held against is found in the scores.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.harness.disk.columns import PREDICTIVE, REFERENCE_TYPES
from benchmarks.harness.disk.tables import empty

MSE, RMSE, NLL, WIDTH = "mse", "rmse", "nll", "width_90"
WITHIN_90 = 1.6448536269514722
PLACE = ["family", "protocol"]
CELL = ["trial", "shots", "steps", "task", "draw"]
ANY = -1
"""What a reference says of its seed and steps where it is one for all."""
EXACT = 1e-4
"""So close, or by so large a share of it, is a score that follows; published ones are rounded."""
MOST_STRAYS = 0.25
"""Scores that do not follow stay stored; of a metric with more of them, all do."""
Derived = dict[str, list[str]]


class Form(NamedTuple):
    """A score against a reference; `key` says on what that depends."""

    name: str
    key: tuple[str, ...]

    def score(self, own: np.ndarray, reference: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            if self.name == "share":
                return own / reference
            return np.log10(own / reference) if self.name == "log10" else own - reference

    def reference(self, own: np.ndarray, score: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            if self.name == "share":
                return own / score
            return own / 10**score if self.name == "log10" else own - score


OF_TASK = (*PLACE, "shots", "task", "draw")
FORMS = (
    Form("share", OF_TASK),
    Form("log10", (*OF_TASK, "seed", "steps")),
    Form("difference", (*OF_TASK, "seed", "steps")),
)


def needs_reference(metric: str) -> bool:
    return metric not in (RMSE, NLL)


def left_out(
    scores: pd.DataFrame, own: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame, Derived]:
    """The scores without those that follow, the references, and what is to be derived, by trial.

    `own` is the metric of each trial's problem.
    """
    derived: Derived = {}
    gone = np.zeros(len(scores), bool)
    references = [empty(REFERENCE_TYPES)]

    def leave(rows: pd.DataFrame, value: np.ndarray, around: float = 0.0) -> bool:
        """Leave out what is that close of the rows of a metric, if it is most of them."""
        stored = rows["value"].to_numpy(float)
        with np.errstate(all="ignore"):
            close = np.abs(value - stored) <= EXACT * (around + np.abs(stored))
        close &= rows["diverged"].eq(rows["lost"]).to_numpy()
        close &= (stored != 0) | (around == 0)  # a difference of nothing is none, not nearly so
        if close.mean() < 1 - MOST_STRAYS:
            return False
        gone[rows["row"].to_numpy()[close]] = True
        for trial in rows["trial"].unique():
            derived.setdefault(str(trial), []).append(str(rows["metric"].iloc[0]))
        return True

    numbered = scores.assign(row=np.arange(len(scores)))
    for metric in (RMSE, NLL):
        given = _given(numbered, metric)
        for _, rows in _beside(numbered[numbered["metric"] == metric], given).groupby(
            "trial", observed=True
        ):
            leave(rows, rows["given"].to_numpy(float), float(metric == NLL))
    for _, place in numbered.groupby(PLACE, observed=True):
        base = own.get(str(place["trial"].iloc[0]), "")
        for metric in sorted(set(place["metric"]) - {base, MSE, RMSE, *PREDICTIVE}):
            rows = place[place["metric"] == metric]
            for form, of in ((form, of) for form in FORMS for of in dict.fromkeys((MSE, base))):
                there = _beside(rows, place[place["metric"] == of])
                if len(there) < len(rows):
                    continue
                found = _references(there, form)
                value = _scores(there, form, found)
                around = float(form.name != "share")
                if 2 * len(found) <= len(rows) and leave(there, value, around):
                    references.append(found.assign(metric=metric, of=of, how=form.name))
                    break
    known = pd.concat(references, ignore_index=True)[list(REFERENCE_TYPES)].astype(REFERENCE_TYPES)
    return scores[~gone], known, {trial: sorted(it) for trial, it in derived.items()}


def followed(
    scores: pd.DataFrame, references: pd.DataFrame, derived: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """The scores with those that were left out."""
    if not derived:
        return scores
    metrics = {it for mine in derived.values() for it in mine}
    words = sorted({*scores["metric"].cat.categories, *metrics})
    scores = scores.assign(metric=scores["metric"].cat.set_categories(words))
    for metric in (RMSE, NLL):
        if metric in metrics:
            trials = [trial for trial, mine in derived.items() if metric in mine]
            given = _given(scores[scores["trial"].isin(trials)], metric)
            scores = _added(scores, given, metric)
    for (name, of, how), known in references.groupby(["metric", "of", "how"], sort=True):
        form = next((it for it in FORMS if it.name == how), None)
        if form is None:  # of a later version
            continue
        trials = [trial for trial, mine in derived.items() if name in mine]
        rows = scores[(scores["metric"] == of) & scores["trial"].isin(trials)]
        value = _scores(rows.assign(given=rows["value"]), form, known)
        there = ~np.isnan(value)
        scores = _added(scores, rows[there].assign(value=value[there]), str(name))
    return scores.assign(metric=scores["metric"].cat.remove_unused_categories())


def _given(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """What follows without a reference, as rows of the metric that it follows from."""
    mse = scores[scores["metric"] == MSE]
    if metric == RMSE:
        return mse.assign(value=np.sqrt(mse["value"].to_numpy(float)))
    both = _beside(mse, scores[scores["metric"] == WIDTH])
    with np.errstate(all="ignore"):
        std = both["given"].to_numpy(float) / (2 * WITHIN_90)
        value = both["value"] / (2 * std**2) + np.log(std) + math.log(2 * math.pi) / 2
    return both.assign(value=value).drop(columns=["given", "lost"])


def _beside(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The rows whose cell others have, with what those have as `given` and `lost`."""
    names = {"value": "given", "diverged": "lost"}
    return rows.merge(others[[*CELL, *names]].rename(columns=names), on=CELL)


def _references(rows: pd.DataFrame, form: Form) -> pd.DataFrame:
    """What the `given` score of each key must have been held against, as most learners have it."""
    value = form.reference(rows["given"].to_numpy(float), rows["value"].to_numpy(float))
    sound = np.isfinite(value) & ((value > 0) | (form.name == "difference"))
    mine = rows.loc[sound, list(form.key)].assign(value=value[sound])
    found = mine.groupby(list(form.key), observed=True)["value"].median().reset_index()
    return found.assign(**{it: ANY for it in ("seed", "steps") if it not in form.key})


def _scores(rows: pd.DataFrame, form: Form, known: pd.DataFrame) -> np.ndarray:
    """Of rows with a `given` score, each against its reference; NaN where there is none."""
    key = list(form.key)
    left = rows[key].astype(dict.fromkeys(PLACE, "str"))
    right = known[[*key, "value"]].astype(dict.fromkeys(PLACE, "str"))
    reference = left.merge(right, on=key, how="left")["value"].to_numpy(float)
    return form.score(rows["given"].to_numpy(float), reference)


def _added(scores: pd.DataFrame, rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """With these rows as scores of a metric, where it has none of that cell."""
    there = scores.loc[scores["metric"] == metric, CELL]
    if len(there):
        new = rows[CELL].merge(there, on=CELL, how="left", indicator=True)["_merge"] == "left_only"
        rows = rows[new.to_numpy()]
    words = pd.Categorical([metric], scores["metric"].cat.categories).repeat(len(rows))
    return pd.concat([scores, rows.assign(metric=words)], ignore_index=True)
