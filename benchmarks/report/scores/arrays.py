"""Rows of the scores table as arrays of seeds × tasks, with the groups and folds of the tasks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.core.errors import StoreError
from benchmarks.report.scores.draws import over_draws
from benchmarks.report.statistics import Scores

AGAIN = "delete this trial and run it again"


@dataclass(frozen=True)
class Tasks:
    """The test tasks of one table, and where each is in an array of scores.

    Attributes:
        place: by fold and task, in ascending order.
        groups: of each place; None where the tasks are independent draws.
        folds: of each place; None where all tasks are scored by one training.
    """

    place: "pd.Series[int]"
    groups: np.ndarray | None
    folds: np.ndarray | None

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Tasks":
        """All tasks that any of the rows is of; rows have the columns of `with_folds`.

        Raises:
            StoreError: a task is in two groups.
        """
        keys = ["fold", "task", *(["group"] if "group" in rows else [])]
        known = rows[keys].drop_duplicates().sort_values(["fold", "task"], ignore_index=True)
        twice = known.duplicated(["fold", "task"])
        if twice.any():
            raise StoreError(
                f"task {known.loc[twice, 'task'].iloc[0]} is in two groups of test tasks in the "
                "scores, where one was expected; run these trials again into a new folder"
            )
        index = pd.MultiIndex.from_frame(known[["fold", "task"]])
        place = pd.Series(np.arange(len(known)), index=index)
        folds = known["fold"].to_numpy() if known["fold"].nunique() > 1 else None
        groups = None
        if "group" in known:
            named = known["group"].astype(str).to_numpy(object)
            alone = named == ""
            if not alone.all():
                named[alone] = [f"\0{i}" for i in np.flatnonzero(alone)]
                groups = np.unique(named.astype(str), return_inverse=True)[1]
        return cls(place, groups, folds)

    def scores(self, rows: pd.DataFrame) -> Scores | None:
        """The scores of one learner at one number of shots and steps; None where no seed is whole.

        A seed of which a fold is missing is left out.

        Raises:
            StoreError: a trial misses scores of its tasks or has some twice.
        """
        rows = rows.sort_values(["seed", "fold", "task"])
        found: dict[int, np.ndarray] = {}
        for seed, of_seed in rows.groupby("seed", sort=True):
            for (fold, trial), part in of_seed.groupby(["fold", "trial"], sort=True, observed=True):
                self._check(part, str(fold), str(trial))
            if len(of_seed) == len(self.place):
                found[int(str(seed))] = of_seed["value"].to_numpy(dtype=float)
        if not found:
            return None
        return Scores(np.stack([*found.values()]), tuple(found), self.groups, self.folds)

    def _check(self, part: pd.DataFrame, fold: str, trial: str) -> None:
        tasks = self.place.xs(fold).index.to_numpy()
        shots, steps = part["shots"].iloc[0], part["steps"].iloc[0]
        where = f"trial {trial}: the scores at {shots} shots, {steps} steps"
        if not np.array_equal(part["task"].to_numpy(), tasks):
            raise StoreError(
                f"{where} are of {part['task'].nunique()} tasks in {len(part)} rows, where one row "
                f"for each of {len(tasks)} tasks was expected; {AGAIN}"
            )


def by_learner(rows: pd.DataFrame) -> dict[tuple[str, int], Scores]:
    """The scores of every learner after each number of steps of which a seed is whole.

    All rows are of one metric and number of shots. They are sorted once: thousands of small tables
    would take longer than all that is computed of them.

    Raises:
        StoreError: a task is in two groups; a trial misses scores of its tasks or has some twice.
    """
    tasks = Tasks.of(rows)
    coded = {it: rows[it].astype("category").cat.codes.to_numpy() for it in ("learner", "trial")}
    fold = rows["fold"].astype("category")
    place = np.stack([fold.cat.codes.to_numpy(), rows["task"].to_numpy()])
    steps, seed = rows["steps"].to_numpy(), rows["seed"].to_numpy()
    order = np.lexsort((place[1], coded["trial"], place[0], seed, steps, coded["learner"]))
    turns = (np.diff(coded["learner"][order]) != 0) | (np.diff(steps[order]) != 0)
    known = tasks.place.index
    folds = fold.cat.categories.get_indexer(known.get_level_values("fold"))
    wanted = np.stack([folds, known.get_level_values("task").to_numpy()])
    between = np.diff(wanted[0]) != 0
    values, names = rows["value"].to_numpy(dtype=float), rows["learner"].array
    found: dict[tuple[str, int], Scores] = {}
    for at in np.split(order, np.flatnonzero(turns) + 1) if len(order) else ():
        scores = None
        if len(at) % len(known) == 0:
            by_seed = at.reshape(-1, len(known))
            seeds = seed[by_seed]
            if (
                (place[:, by_seed] == wanted[:, None]).all()
                and (seeds == seeds[:, :1]).all()
                and (np.diff(seeds[:, 0]) != 0).all()
                and (between | (np.diff(coded["trial"][by_seed]) == 0)).all()
            ):
                whole = tuple(seeds[:, 0].tolist())
                scores = Scores(values[by_seed], whole, tasks.groups, tasks.folds)
        if scores is None:  # something is missing, or too much
            scores = tasks.scores(rows.iloc[at])
        if scores is not None:
            found[str(names[at[0]]), int(steps[at[0]])] = scores
    return found


def with_folds(scores: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """The scores, draws of a task averaged, with a column `fold`: which training each is of.

    A training is one of its seed.
    """
    scores = over_draws(scores)
    named: Mapping[str, str] = {}
    if "fold" in trials:
        folds = trials["fold"].map(lambda it: "" if pd.isna(it) else str(it))
        named = dict(zip(trials["trial"].astype(str), folds, strict=True))
    trial = scores["trial"].astype("category").cat
    of_trial = [named.get(str(it), "") for it in trial.categories]
    known = sorted({*of_trial, ""})
    codes = np.array([known.index(it) for it in of_trial], np.int16)
    fold: Any = codes[trial.codes.to_numpy()] if of_trial else codes
    return scores.assign(fold=pd.Categorical.from_codes(fold, pd.Index(known)))
