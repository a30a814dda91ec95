"""What changed from one folder's results to another's, cell by cell, each with its interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from benchmarks.core import seed_of
from benchmarks.harness.store import Results
from benchmarks.report.statistics import (
    Estimate,
    Interval,
    Scores,
    bootstrap,
    paired_difference,
)
from benchmarks.report.summary import HIGHER_IS_BETTER

KEYS = ["family", "protocol", "shots", "steps", "learner"]
Verdict = Literal["same", "better", "worse", "not told apart"]
Cells = dict[tuple[str, int], Scores]
"""By learner and steps."""


@dataclass(frozen=True)
class Change:
    """One cell that both folders have. `difference` is the second's mean less the first's.

    Attributes:
        paired: whether both scored the same test tasks, so that differences are per task.
        same: whether all scores are equal, to the last digit.
    """

    family: str
    protocol: str
    shots: int
    steps: int
    learner: str
    metric: str
    paired: bool
    first: Interval
    second: Interval
    difference: Interval
    same: bool

    @property
    def verdict(self) -> Verdict:
        """What the interval says of the second, no more."""
        if self.same:
            return "same"
        if self.difference.low <= 0 <= self.difference.high:
            return "not told apart"
        better = (self.difference.value > 0) == (self.metric in HIGHER_IS_BETTER)
        return "better" if better else "worse"


def changes(first: Results, second: Results) -> list[Change]:
    """Every cell that both have, in the problem's own metric, in the order of the first.

    Raises:
        ValueError: a trial has other test tasks than the rest of its folder.
    """
    return [
        change
        for group in _common_groups(first, second)
        for change in _changes(first, second, *group)
    ]


def same_tasks(first: Results, second: Results, family: str, protocol: str) -> bool:
    """Whether the specs say that both folders drew the same test tasks.

    Test tasks follow from the family with all its fields, the split, and how many tasks and query
    points there are; where a spec is not known, the tasks count as different.
    """
    known = [_drawn_from(results, family, protocol) for results in (first, second)]
    return known[0] is not None and known[0] == known[1]


def metric_of(results: Results, family: str) -> str:
    problems = results.trials.loc[results.trials["family"] == family, "problem"]
    found = [it["metric"] for it in problems if isinstance(it, Mapping) and it.get("metric")]
    return str(found[0]) if found else "mse"


def _drawn_from(results: Results, family: str, protocol: str) -> object:
    trials = results.trials
    mine = trials[(trials["family"] == family) & (trials["protocol"] == protocol)]
    for spec in mine["spec"]:
        if spec:
            rules = {k: v for k, v in spec["protocol"].items() if k not in ("shots", "steps")}
            return spec["family"], rules
    return None


def _common_groups(first: Results, second: Results) -> Iterator[tuple[str, str, int]]:
    groups = ["family", "protocol", "shots"]
    there = set(second.scores[groups].drop_duplicates().itertuples(index=False, name=None))
    for group in first.scores[groups].drop_duplicates().itertuples(index=False, name=None):
        if group in there:
            yield str(group[0]), str(group[1]), int(group[2])


def _changes(
    first: Results, second: Results, family: str, protocol: str, shots: int
) -> Iterator[Change]:
    metric = metric_of(first, family)
    if metric != metric_of(second, family):
        return
    before, after = (_cells(it, family, protocol, shots, metric) for it in (first, second))
    common = [key for key in before if key in after]
    tasks = {before[key].values.shape[1] for key in common} | {
        after[key].values.shape[1] for key in common
    }
    paired = len(tasks) == 1 and same_tasks(first, second, family, protocol)
    seed = seed_of("bootstrap", family, protocol, shots)
    old = _means({key: before[key] for key in common}, seed)
    other = seed if paired else seed_of("bootstrap of the second", family, protocol, shots)
    new = _means({key: after[key] for key in common}, other)
    for learner, steps in common:
        key = learner, steps
        yield Change(
            family=family,
            protocol=protocol,
            shots=shots,
            steps=steps,
            learner=learner,
            metric=metric,
            paired=paired,
            first=old[key].interval,
            second=new[key].interval,
            difference=paired_difference(new[key], old[key]).interval,
            same=np.array_equal(before[key].values, after[key].values),
        )


def _means(cells: Cells, seed: int) -> dict[tuple[str, int], Estimate]:
    """The same seed gives the same resamples, so that a difference of draws is a paired one."""
    generator = np.random.default_rng(seed)
    return {key: summary.mean for key, summary in bootstrap(cells, generator).items()}


def _cells(results: Results, family: str, protocol: str, shots: int, metric: str) -> Cells:
    scores = results.scores
    done = results.trials.loc[results.trials["status"] == "done", "trial"]
    mine = scores[
        (scores["family"] == family)
        & (scores["protocol"] == protocol)
        & (scores["shots"] == shots)
        & (scores["metric"] == metric)
        & scores["trial"].isin(done)
    ]
    places = {label: place for place, label in enumerate(results.order)}
    found = {
        (str(learner), int(str(steps))): _scores(part)
        for (learner, steps), part in mine.groupby(["learner", "steps"], sort=True)
    }
    return dict(sorted(found.items(), key=lambda it: (it[0][1], places.get(it[0][0], -1))))


def _scores(rows: pd.DataFrame) -> Scores:
    wide = rows.pivot(index="seed", columns="task", values="value").sort_index()
    return Scores(wide.to_numpy(dtype=float), tuple(int(str(seed)) for seed in wide.index))
