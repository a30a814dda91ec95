"""What changed from one folder's results to another's, cell by cell, each with its interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from benchmarks.harness.evaluation.taming import tame
from benchmarks.harness.store.results import Results
from benchmarks.report.scores.arrays import by_learner, with_folds
from benchmarks.report.scores.metrics import Metrics, higher_is_better
from benchmarks.report.statistics import (
    Grounds,
    Interval,
    Scores,
    estimate,
    paired_difference,
    unpaired_difference,
)
from benchmarks.report.statistics.clusters import Clusters

KEYS = ["family", "protocol", "shots", "steps", "learner"]
Verdict = Literal["same", "better", "worse", "not told apart", "no verdict"]
Cells = dict[tuple[str, int], Scores]
"""By learner and steps."""


@dataclass(frozen=True)
class Change:
    """One cell that both folders have. `difference` is the second's mean less the first's.

    Attributes:
        paired: whether both scored the same test tasks, so that differences are per task.
        same: whether all scores are equal, to the last digit.
        grounds: the fewer seeds and groups of test tasks of the two.
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
    grounds: Grounds

    @property
    def verdict(self) -> Verdict:
        """What the interval says of the second, no more."""
        if self.same:
            return "same"
        if not self.grounds.verdict:
            return "no verdict"
        if not self.difference.excludes_zero:
            return "not told apart"
        better = (self.difference.value > 0) == (higher_is_better(self.metric))
        return "better" if better else "worse"


def changes(first: Results, second: Results) -> list[Change]:
    """Every cell that both have, in the problem's own metric, in the order of the first.

    Raises:
        StoreError: the scores of a trial are incomplete or not finite.
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
    known = same_tasks(first, second, family, protocol)
    for learner, steps in common:
        key = learner, steps
        ours, theirs = (
            _grouped_alike(before[key], after[key]) if known else (before[key], after[key])
        )
        paired = known and _alike(ours.clusters, theirs.clusters)
        old, new = (estimate(it, within=Metrics().within(metric)) for it in (ours, theirs))
        difference = paired_difference(new, old) if paired else unpaired_difference(new, old)
        yield Change(
            family=family,
            protocol=protocol,
            shots=shots,
            steps=steps,
            learner=learner,
            metric=metric,
            paired=paired,
            first=old.interval,
            second=new.interval,
            difference=difference.interval,
            same=np.array_equal(before[key].values, after[key].values),
            grounds=difference.grounds,
        )


def _grouped_alike(first: Scores, second: Scores) -> tuple[Scores, Scores]:
    """The same tasks, grouped as one folder says where the other is too old to say."""
    if first.values.shape[1] == second.values.shape[1]:
        if first.groups is None:
            first = replace(first, groups=second.groups)
        elif second.groups is None:
            second = replace(second, groups=first.groups)
    return first, second


def _alike(first: Clusters, second: Clusters) -> bool:
    return np.array_equal(first.group, second.group) and np.array_equal(first.fold, second.fold)


def _cells(results: Results, family: str, protocol: str, shots: int, metric: str) -> Cells:
    scores = results.scores
    done = results.trials.loc[results.trials["status"] == "done", "trial"]
    mine = scores[
        (scores["family"] == family)
        & (scores["protocol"] == protocol)
        & (scores["shots"] == shots)
        & scores["trial"].isin(done)
    ]
    mine = with_folds(tame(mine), results.trials)
    mine = mine[mine["metric"] == metric]
    if mine.empty:
        return {}
    places = {label: place for place, label in enumerate(results.order)}
    return dict(
        sorted(by_learner(mine).items(), key=lambda it: (it[0][1], places.get(it[0][0], -1)))
    )
