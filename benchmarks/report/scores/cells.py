"""From per-task scores to cells with intervals: what every table, figure and sentence reads."""

import math
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmarks.core.landmarks import summarised
from benchmarks.harness.disk.columns import PREDICTIVE
from benchmarks.harness.evaluation.taming import tame
from benchmarks.harness.store.folder import ENDED
from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.scores.arrays import Tasks, with_folds
from benchmarks.report.scores.chosen import CHOSEN, OF_ONE, Chosen, at_chosen, steps_chosen
from benchmarks.report.scores.collapse import MARK, Collapse, collapses
from benchmarks.report.scores.roles import Role, role_of
from benchmarks.report.statistics import (
    Coverage,
    Estimate,
    Grounds,
    Interval,
    Scores,
    Summary,
    paired_difference,
    summary,
)

GAINS = ("jumpstart", "area", "vs_scratch", "before", "backward", "then", "forward")
"""What `benchmarks.harness.evaluation.gains` makes of errors; with `accuracy_`, of accuracies."""
ACCURACIES = frozenset({"accuracy", *(f"accuracy_{name}" for name in GAINS)})
METRICS = (
    *("mse", "rmse", "nmse", *sorted(ACCURACIES), *GAINS, "steps_to_threshold"),
    *PREDICTIVE,
)
HIGHER_IS_BETTER = ACCURACIES | {"jumpstart", "backward", "forward"}
ERRORS = frozenset(
    {"mse", "rmse", "nmse", "before", "then", "area", "steps_to_threshold", "crps", "width_90"}
)
SHARES = frozenset({"accuracy", "accuracy_before", "accuracy_then", "coverage_90"})
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
    groups: int
    diverged: int = 0
    """How many of the scores it is made of diverged, and count as what is stored of those."""

    @property
    def grounds(self) -> Grounds:
        return Grounds(self.seeds, self.groups)


@dataclass(frozen=True)
class Ranking:
    """Who is best in one column, and by how much the others are behind, nearest first.

    A difference is the other's value minus the best's, paired per task. Learners with trials
    missing are left out, as what failed might have been their worst, and so are privileged ones.
    """

    best: str
    behind: Mapping[str, Interval]
    grounds: Grounds

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Those who are not told apart from the best: all, where there can be no verdict."""
        return tuple(
            name
            for name, by in self.behind.items()
            if not (self.grounds.verdict and by.excludes_zero)
        )

    @property
    def alike(self) -> frozenset[str]:
        """Those whom a verdict does not tell apart from the best; nobody without a verdict."""
        return frozenset(self.unresolved if self.grounds.verdict else ())


@dataclass(frozen=True)
class End:
    """What one learner came to where verdicts are, in one metric: task by task, and on average."""

    scores: Scores
    mean: Estimate


@dataclass(frozen=True)
class Group:
    """All cells of one number of shots, and by learner and metric what the decisive steps came to.

    Of very many steps, only some have cells. Where validation has chosen for every trial when to
    stop, there are cells of that, too, under `CHOSEN`, and `chosen` is what it chose.
    """

    shots: int
    steps: tuple[int, ...]
    metrics: tuple[str, ...]
    cells: Mapping[tuple[str, int, str], Cell]
    rankings: Mapping[tuple[int, str, Statistic], Ranking]
    left_out: int
    left_out_train: int
    ends: Mapping[tuple[str, str], End] = field(default_factory=dict)
    chosen: Chosen = field(default_factory=dict)

    def decisive(self, metric: str) -> int:
        """After how many steps verdicts are: those that validation chose, else the most."""
        there = any((at, name) == (CHOSEN, metric) for _, at, name in self.cells)
        return CHOSEN if there else self.steps[-1]

    def grounds(self, metric: str) -> Grounds:
        """The fewest seeds and groups of test tasks behind what can be ranked by this metric."""
        found = [it.grounds for (_, named, _), it in self.rankings.items() if named == metric]
        found = found or [
            cell.grounds for (*_, named), cell in self.cells.items() if named == metric
        ]
        return Grounds(*map(min, zip(*found, strict=True))) if found else Grounds(0, 0)

    def tasks(self, metric: str) -> int:
        return max((it.tasks for (*_, name), it in self.cells.items() if name == metric), default=0)


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
    role: Role = "baseline"
    learner: str = ""
    """The learner or preset that the matrix names."""
    collapsed: tuple[Collapse, ...] = ()
    """Seeds whose training came to nothing, as far as it is known."""
    spread: str = ""
    """Who says how sure its predictions are: "own", "residual", or nobody."""

    @property
    def is_control(self) -> bool:
        return self.role == "control"

    @property
    def name(self) -> str:
        marks = "†" * self.privileged + "‡" * self.transductive + MARK * bool(self.collapsed)
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
        grouped_by: what a group of test tasks is called; empty where it is not known.
    """

    family: str
    protocol: str
    split: str
    dropped_rows: int
    problem: Mapping[str, Any]
    entrants: tuple[Entrant, ...]
    groups: tuple[Group, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)
    grouped_by: str = ""

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
        """The metric that `benchmarks.harness.evaluation.gains` calls so, for this problem."""
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

    Neither the order of rows nor the presence of other learners changes an interval. What is made
    is remembered for as long as the results are there: tables, figures and index of one folder
    share it.

    Raises:
        StoreError: a trial misses scores that others have, or has some twice; or a task is in two
            groups.
    """
    _known[:] = [it for it in _known if it[0]() is not None]
    for reference, comparisons in _known:
        if reference() is results:
            return comparisons
    done = results.trials.loc[results.trials["status"] == "done", "trial"]
    there = results.scores["trial"].isin(done)
    scores = tame(results.scores if there.all() else results.scores[there])
    scores = with_folds(scores, results.trials)
    comparisons = tuple(
        _compare(results, str(family), str(protocol), trials, scores)
        for (family, protocol), trials in results.trials.groupby(["family", "protocol"], sort=True)
    )
    _known.append((weakref.ref(results), comparisons))
    return comparisons


def within(metric: str) -> tuple[float, float]:
    """The values that a metric's mean can have."""
    if metric in SHARES:
        return 0.0, 1.0
    error = metric in ERRORS or metric.startswith(OF_ONE)
    return (0.0 if error else -math.inf), math.inf


def _compare(
    results: Results, family: str, protocol: str, trials: pd.DataFrame, scores: pd.DataFrame
) -> Comparison:
    trials = trials.sort_values(["seed", "trial"])
    known = list(results.order) + sorted(set(trials["learner"]) - set(results.order))
    entrants = tuple(
        _entrant(
            label,
            trials[trials["learner"] == label],
            results.settings.get(label, Settings(label, {})),
        )
        for label in known
        if (trials["learner"] == label).any()
    )
    mine = (scores["family"] == family) & (scores["protocol"] == protocol)
    groups = tuple(
        _group(int(shots), scores, mine & (scores["shots"] == shots), entrants, trials)
        for shots in sorted(scores.loc[mine, "shots"].unique())
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
        grouped_by=next(filter(None, trials.get("grouped_by", pd.Series(dtype=str))), ""),
    )


def _entrant(label: str, trials: pd.DataFrame, settings: Settings) -> Entrant:
    done = trials[trials["status"] == "done"]
    failed = trials[trials["status"] == "failed"]
    cannot = trials[trials["status"] == "cannot"]
    planned = trials[trials["status"] != "cannot"]
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
        planned=planned["seed"].nunique(),
        done=int((planned["status"] == "done").groupby(planned["seed"]).all().sum()),
        troubles=troubles,
        failed=bool(len(failed)),
        spending=spending,
        transductive=bool(trials["transductive"].any()),
        cannot=str(cannot["reason"].iloc[0]) if len(cannot) else "",
        role=role_of(settings),
        learner=settings.name,
        collapsed=collapses(trials),
        spread=next(filter(None, done.get("spread", pd.Series(dtype=str))), ""),
    )


def _group(
    shots: int,
    scores: pd.DataFrame,
    here: "pd.Series[bool]",
    entrants: tuple[Entrant, ...],
    trials: pd.DataFrame,
) -> Group:
    cells: dict[tuple[str, int, str], Cell] = {}
    rankings: dict[tuple[int, str, Statistic], Ranking] = {}
    ends: dict[tuple[str, str], End] = {}
    kept = summarised(sorted(int(it) for it in scores.loc[here, "steps"].unique()))
    stops = [it for it in steps_chosen(trials, shots).values() if it is not None]
    here &= scores["steps"].isin([*kept, *stops])
    chosen: Chosen = {}
    eligible = [it.label for it in entrants if it.complete and not it.privileged]
    metrics = sorted(
        set(scores.loc[here, "metric"].unique()), key=lambda m: ((*METRICS, m).index(m), m)
    )
    for metric in metrics:
        mine = scores[here & (scores["metric"] == metric)]  # of millions no more at a time
        at_stops, where = at_chosen(mine, trials, shots)
        chosen = chosen or where
        if stops:
            mine = pd.concat([mine[mine["steps"].isin(kept)], at_stops], ignore_index=True)
        last = CHOSEN if (mine["steps"] == CHOSEN).any() else kept[-1]
        tasks = Tasks.of(mine)
        found_scores = {
            (str(learner), int(str(steps))): found
            for (learner, steps), part in mine.groupby(
                ["learner", "steps"], sort=True, observed=True
            )
            if (found := tasks.scores(part)) is not None
        }
        gone = mine.groupby(["learner", "steps"], observed=True)["diverged"].sum()
        summaries = {key: summary(it, within(metric)) for key, it in found_scores.items()}
        for (learner, steps), it in summaries.items():
            cell = Cell(
                it.mean.interval,
                it.iqm.interval,
                it.seeds,
                it.tasks,
                it.mean.grounds.groups,
                int(gone[learner, steps]),
            )
            cells[learner, steps, metric] = cell
            if steps == last:
                ends[learner, metric] = End(found_scores[learner, steps], it.mean)
        for steps in {steps for _, steps in summaries}:
            column = {
                label: summaries[label, steps] for label in eligible if (label, steps) in summaries
            }
            if column:
                rankings[steps, metric, "mean"] = _rank(column, metric, "mean")
                rankings[steps, metric, "iqm"] = _rank(column, metric, "iqm")
    return Group(
        shots=shots,
        steps=tuple(kept),
        metrics=tuple(metrics),
        cells=cells,
        rankings=rankings,
        left_out=_most(trials["left_out"], shots),
        left_out_train=_most(trials["left_out_train"], shots),
        ends=ends,
        chosen=chosen,
    )


def _most(counts: Iterable[Mapping[str, int]], shots: int) -> int:
    return max(int(by_shots.get(str(shots), 0)) for by_shots in counts)


def _rank(column: Mapping[str, Summary], metric: str, statistic: Statistic) -> Ranking:
    estimates = {name: getattr(summary, statistic) for name, summary in column.items()}
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    ranked = sorted(estimates, key=lambda name: sign * estimates[name].value)
    best = ranked[0]
    behind = {
        name: paired_difference(estimates[name], estimates[best]).interval for name in ranked[1:]
    }
    seeds, groups = zip(*(it.grounds for it in estimates.values()), strict=True)
    return Ranking(best, behind, Grounds(min(seeds), min(groups)))
