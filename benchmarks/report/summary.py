"""From per-task scores to cells with intervals: what every table, figure and sentence reads."""

import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.core import seed_of
from benchmarks.core.errors import StoreError
from benchmarks.harness.diverging import tame
from benchmarks.harness.folder import ENDED
from benchmarks.harness.protocols import summarised
from benchmarks.harness.store import Results
from benchmarks.report.statistics import (
    Coverage,
    Estimate,
    Interval,
    Scores,
    Summary,
    bootstrap,
    paired_difference,
)

GAINS = ("jumpstart", "area", "vs_scratch", "before", "backward", "then", "forward")
"""What `benchmarks.harness.gains` makes of errors, and with `accuracy_` before it of accuracies."""
ACCURACIES = frozenset({"accuracy", *(f"accuracy_{name}" for name in GAINS)})
METRICS = ("mse", "rmse", "nmse", *sorted(ACCURACIES), *GAINS, "steps_to_threshold")
HIGHER_IS_BETTER = ACCURACIES | {"jumpstart", "backward", "forward"}
SPENDING = (
    "tasks",
    "points",
    "inner_gradients",
    "outer_gradients",
    "environment_steps",
    "parameters",
)
ADAPTED = "adapted_parameters"
"""How many numbers adaptation may change for one task; not recorded in former versions."""
COSTS = ("seconds", "cpu_seconds", "evaluate_seconds", "peak_memory_mb")

Statistic = Literal["mean", "iqm"]


@dataclass(frozen=True)
class Cell:
    """One learner at one number of shots and steps, in one metric."""

    mean: Interval
    iqm: Interval
    seeds: int
    tasks: int
    diverged: int = 0
    """How many of the scores it is made of diverged, and count as what is stored of those."""


@dataclass(frozen=True)
class Ranking:
    """Who is best in one column, and by how much the others are behind, nearest first.

    A difference is the other's value minus the best's, paired per task. Learners with trials
    missing are left out, as what failed might have been their worst, and so are privileged ones.
    """

    best: str
    behind: Mapping[str, Interval]

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Those whose difference to the best has an interval that includes 0."""
        return tuple(name for name, by in self.behind.items() if by.low <= 0 <= by.high)

    @property
    def leaders(self) -> frozenset[str]:
        return frozenset({self.best, *self.unresolved})


@dataclass(frozen=True)
class End:
    """What one learner came to at the most steps, in one metric: task by task, and on average."""

    scores: Scores
    mean: Estimate


@dataclass(frozen=True)
class Group:
    """All cells of one number of shots, and by learner and metric what the most steps came to.

    Of very many steps, only some have cells.
    """

    shots: int
    steps: tuple[int, ...]
    metrics: tuple[str, ...]
    cells: Mapping[tuple[str, int, str], Cell]
    rankings: Mapping[tuple[int, str, Statistic], Ranking]
    left_out: int
    left_out_train: int
    ends: Mapping[tuple[str, str], End] = field(default_factory=dict)


@dataclass(frozen=True)
class Entrant:
    """One learner in one comparison: how many of its trials are there, and what they spent."""

    label: str
    privileged: bool
    planned: int
    done: int
    troubles: tuple[str, ...]
    failed: bool
    spending: Mapping[str, float]
    transductive: bool = False
    cannot: str = ""
    """Why some of its trials are impossible; those were not planned."""

    @property
    def name(self) -> str:
        marks = "†" * self.privileged + "‡" * self.transductive
        return f"{self.label} {marks}" if marks else self.label

    @property
    def seeds(self) -> Coverage:
        return Coverage(self.done, self.planned)

    @property
    def complete(self) -> bool:
        return self.seeds.complete

    @property
    def coverage(self) -> str:
        """What to say of missing trials; empty where all are there."""
        if self.complete:
            return "cannot" if self.cannot and not self.done else ""
        if not self.done:
            return "failed" if self.failed else "not run"
        return f"⚠ {self.seeds} seeds"


@dataclass(frozen=True)
class Comparison:
    """One family under one protocol: the learners that met there, in the order of the matrix.

    Attributes:
        split: what tasks the scores are of, `test` or `validation`.
        dropped_rows: how many rows of the data could not be used.
        rules: the protocol's table in the matrix; empty where it is not known.
    """

    family: str
    protocol: str
    split: str
    dropped_rows: int
    problem: Mapping[str, Any]
    entrants: tuple[Entrant, ...]
    groups: tuple[Group, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return str(self.rules.get("kind", "few_shot"))

    @property
    def other(self) -> str:
        """The second family: tested on instead, or trained on next; empty where there is none."""
        (on, *_) = self.rules.get("on") or [""]
        return str(self.rules.get("then") or on)

    @property
    def reference(self) -> str:
        """Who else was tested, for scores to be held against."""
        return str(self.rules.get("reference", {}).get("name", ""))

    def gain(self, name: str) -> str:
        """The metric that `benchmarks.harness.gains` calls so, for this kind of problem."""
        return name if self.ways is None else f"accuracy_{name}"

    @property
    def metric(self) -> str:
        return str(self.problem.get("metric", "mse"))

    @property
    def ways(self) -> int | None:
        """How many classes a task has; None in regression."""
        return int(self.problem["outputs"]) if self.metric == "accuracy" else None

    @property
    def title(self) -> str:
        where = self.family if self.protocol == "few_shot" else f"{self.family}, {self.protocol}"
        return where if self.split == "test" else f"{where} ({self.split} tasks)"


_known: list[tuple[weakref.ref[Results], tuple[Comparison, ...]]] = []


def summarise(results: Results) -> tuple[Comparison, ...]:
    """Every family × protocol of the results, in alphabetical order.

    The bootstrap is seeded by (family, protocol, shots), so neither the order of rows nor the
    presence of other learners changes an interval. What it makes is remembered for as long as the
    results are there: tables, figures and index of one folder share one bootstrap.

    Raises:
        StoreError: a trial misses scores that others have, or has some twice.
    """
    _known[:] = [it for it in _known if it[0]() is not None]
    for reference, comparisons in _known:
        if reference() is results:
            return comparisons
    done = results.trials.loc[results.trials["status"] == "done", "trial"]
    scores = tame(results.scores[results.scores["trial"].isin(done)])
    comparisons = tuple(
        _compare(results, str(family), str(protocol), trials, scores)
        for (family, protocol), trials in results.trials.groupby(["family", "protocol"], sort=True)
    )
    _known.append((weakref.ref(results), comparisons))
    return comparisons


def resampling(family: str, protocol: str, shots: int) -> np.random.Generator:
    """What all resamples of one table follow from, so that they are the same for all statistics."""
    return np.random.default_rng(seed_of("bootstrap", family, protocol, shots))


def _compare(
    results: Results, family: str, protocol: str, trials: pd.DataFrame, scores: pd.DataFrame
) -> Comparison:
    trials = trials.sort_values(["seed", "trial"])
    known = list(results.order) + sorted(set(trials["learner"]) - set(results.order))
    entrants = tuple(
        _entrant(label, trials[trials["learner"] == label])
        for label in known
        if (trials["learner"] == label).any()
    )
    mine = scores[(scores["family"] == family) & (scores["protocol"] == protocol)]
    groups = tuple(
        _group(family, protocol, int(str(shots)), rows, entrants, trials)
        for shots, rows in mine.groupby("shots", sort=True)
    )
    problems = [
        problem for problem in trials["problem"] if isinstance(problem, Mapping) and problem
    ]
    return Comparison(
        family,
        protocol,
        split=str(trials["split"].iloc[0]),
        dropped_rows=int(trials["dropped_rows"].max()),
        problem=problems[0] if problems else {},
        entrants=entrants,
        groups=groups,
        rules=results.protocols.get(protocol, {}),
    )


def _entrant(label: str, trials: pd.DataFrame) -> Entrant:
    done = trials[trials["status"] == "done"]
    failed = trials[trials["status"] == "failed"]
    cannot = trials[trials["status"] == "cannot"]
    troubles = tuple(
        f"seed {seed}: {reason if status == 'failed' else 'not run'}"
        for seed, status, reason in zip(
            trials["seed"].tolist(),
            trials["status"].tolist(),
            trials["reason"].tolist(),
            strict=True,
        )
        if status not in ENDED
    )
    spending = {
        name: float(np.median(numbers))
        for name in (*SPENDING, ADAPTED, *COSTS)
        if name in done
        and (numbers := pd.to_numeric(done[name]).dropna().to_numpy(dtype=float)).size
    }
    return Entrant(
        label=label,
        privileged=bool(trials["privileged"].any()),
        planned=len(trials) - len(cannot),
        done=len(done),
        troubles=troubles,
        failed=bool(len(failed)),
        spending=spending,
        transductive=bool(trials["transductive"].any()),
        cannot=str(cannot["reason"].iloc[0]) if len(cannot) else "",
    )


def _group(
    family: str,
    protocol: str,
    shots: int,
    rows: pd.DataFrame,
    entrants: tuple[Entrant, ...],
    trials: pd.DataFrame,
) -> Group:
    cells: dict[tuple[str, int, str], Cell] = {}
    rankings: dict[tuple[int, str, Statistic], Ranking] = {}
    rows = rows[rows["steps"].isin(summarised(sorted(int(it) for it in rows["steps"].unique())))]
    ends: dict[tuple[str, str], End] = {}
    most = int(rows["steps"].max())
    eligible = [it.label for it in entrants if it.complete and not it.privileged]
    metrics = sorted(set(rows["metric"]), key=lambda m: ((*METRICS, m).index(m), m))
    for metric in metrics:
        mine = rows[rows["metric"] == metric]
        tasks = np.unique(mine["task"])
        scores = {
            (str(learner), int(str(steps))): _scores(part, tasks)
            for (learner, steps), part in mine.groupby(["learner", "steps"], sort=True)
        }
        gone = mine.groupby(["learner", "steps"])["diverged"].sum()
        summaries = bootstrap(scores, resampling(family, protocol, shots))
        for (learner, steps), it in summaries.items():
            cell = Cell(
                it.mean.interval, it.iqm.interval, it.seeds, it.tasks, int(gone[learner, steps])
            )
            cells[learner, steps, metric] = cell
            if steps == most:
                ends[learner, metric] = End(scores[learner, steps], it.mean)
        for steps in {steps for _, steps in summaries}:
            column = {
                label: summaries[label, steps] for label in eligible if (label, steps) in summaries
            }
            if column:
                rankings[steps, metric, "mean"] = _rank(column, metric, "mean")
                rankings[steps, metric, "iqm"] = _rank(column, metric, "iqm")
    return Group(
        shots=shots,
        steps=tuple(sorted({int(steps) for steps in rows["steps"].unique()})),
        metrics=tuple(metrics),
        cells=cells,
        rankings=rankings,
        left_out=_most(trials["left_out"], shots),
        left_out_train=_most(trials["left_out_train"], shots),
        ends=ends,
    )


def _most(counts: Iterable[Mapping[str, int]], shots: int) -> int:
    return max(int(by_shots.get(str(shots), 0)) for by_shots in counts)


def _scores(rows: pd.DataFrame, tasks: np.ndarray) -> Scores:
    """The scores of one learner at one step count as (seeds, tasks)."""
    rows = rows.sort_values(["seed", "task"])
    seeds = []
    for (seed, trial), part in rows.groupby(["seed", "trial"], sort=True):
        seeds.append(int(str(seed)))
        shots, steps = part["shots"].iloc[0], part["steps"].iloc[0]
        where = f"trial {trial}: the scores at {shots} shots, {steps} steps"
        if not np.array_equal(part["task"].to_numpy(), tasks):
            raise StoreError(
                f"{where} are of {part['task'].nunique()} tasks in {len(part)} rows, where one row "
                f"for each of {len(tasks)} tasks was expected; delete this trial and run it again"
            )
    values = rows["value"].to_numpy(dtype=float).reshape(len(seeds), len(tasks))
    return Scores(values, tuple(seeds))


def _rank(column: Mapping[str, Summary], metric: str, statistic: Statistic) -> Ranking:
    estimates = {name: getattr(summary, statistic) for name, summary in column.items()}
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    ranked = sorted(estimates, key=lambda name: sign * estimates[name].value)
    best = ranked[0]
    behind = {
        name: paired_difference(estimates[name], estimates[best]).interval for name in ranked[1:]
    }
    return Ranking(best, behind)
