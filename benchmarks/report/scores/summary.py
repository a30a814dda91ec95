"""From per-task scores to cells with intervals: what every table, figure and sentence reads."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from benchmarks.core.landmarks import summarised
from benchmarks.harness.evaluation.taming import tame
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ENDED
from benchmarks.harness.store.results import Results, Settings
from benchmarks.report.scores.arrays import by_learner, with_folds
from benchmarks.report.scores.cells import (
    ADAPTED,
    COSTS,
    SPENDING,
    Cell,
    Comparison,
    End,
    Entrant,
    Group,
    Ranking,
    Statistic,
)
from benchmarks.report.scores.chosen import CHOSEN, Chosen, at_chosen, steps_chosen
from benchmarks.report.scores.collapse import collapses
from benchmarks.report.scores.metrics import Metrics, declared_by
from benchmarks.report.scores.roles import role_of, search_spending
from benchmarks.report.statistics import (
    Estimate,
    Grounds,
    Summary,
    intervals,
    paired_difference,
    summary,
)

SUMMARY = "summary"
STATISTICS: tuple[Statistic, ...] = ("mean", "iqm")
UNUSED = ("family", "protocol", "privileged", "draw")
"""Columns of scores that are of no use once the rows of a comparison are known."""


def summarise(results: Results) -> tuple[Comparison, ...]:
    """Every family × protocol of the results, in alphabetical order.

    Neither the order of rows nor the presence of other learners changes an interval. It is made
    once: tables, figures, findings and documents of the same results share it.

    Raises:
        StoreError: a trial misses scores that others have, or has some twice; or a task is in two
            groups.
    """
    if SUMMARY not in results.made:
        results.made[SUMMARY] = _summarised(results)
    found: tuple[Comparison, ...] = results.made[SUMMARY]
    return found


def _summarised(results: Results) -> tuple[Comparison, ...]:
    done = results.trials.loc[results.trials["status"] == "done", "trial"]
    there = results.scores["trial"].isin(done)
    scores = tame(results.scores if there.all() else results.scores[there])
    scores = with_folds(scores, results.trials)
    registry = Registry()
    return tuple(
        _compare(results, str(family), str(protocol), trials, scores, registry)
        for (family, protocol), trials in results.trials.groupby(["family", "protocol"], sort=True)
    )


def _compare(
    results: Results,
    family: str,
    protocol: str,
    trials: pd.DataFrame,
    scores: pd.DataFrame,
    registry: Registry,
) -> Comparison:
    trials = trials.sort_values(["seed", "trial"])
    known = list(results.order) + sorted(set(trials["learner"]) - set(results.order))
    parts = {str(label): part for label, part in trials.groupby("learner")}
    entrants = tuple(
        _entrant(
            label,
            parts[label],
            results.settings.get(label, Settings(label, {})),
            search_spending(results.tuning, family, label),
        )
        for label in known
        if label in parts
    )
    mine = (scores["family"] == family) & (scores["protocol"] == protocol)
    problems = [
        problem for problem in trials["problem"] if isinstance(problem, Mapping) and problem
    ]
    problem = problems[0] if problems else {}
    rules = results.protocols.get(protocol, {})
    metrics = Metrics(problem, declared_by(rules, registry))
    scores = scores.drop(columns=[it for it in UNUSED if it in scores])  # millions of rows follow
    groups = tuple(
        _group(int(shots), scores, mine & (scores["shots"] == shots), entrants, trials, metrics)
        for shots in sorted(scores["shots"][mine].unique())
    )
    return Comparison(
        family,
        protocol,
        split=str(trials["split"].iloc[0]),
        dropped_rows=int(trials["dropped_rows"].max()),
        problem=problem,
        entrants=entrants,
        groups=groups,
        rules=rules,
        grouped_by=next(filter(None, trials.get("grouped_by", pd.Series(dtype=str))), ""),
        declared=metrics.declared,
    )


def _entrant(
    label: str, trials: pd.DataFrame, settings: Settings, search: Mapping[str, float]
) -> Entrant:
    told = (trials[it].tolist() for it in ("seed", "status", "reason"))
    rows = list(zip(*told, strict=True))
    planned: dict[int, bool] = {}  # whether all of a seed is done
    for seed, status, _ in rows:
        if status != "cannot":
            planned[seed] = planned.get(seed, True) and status == "done"
    troubles = tuple(
        f"seed {seed}: {reason if status == 'failed' else 'not run'}"
        for seed, status, reason in rows
        if status not in ENDED
    )
    done = trials[[status == "done" for _, status, _ in rows]]
    spending = {}
    for name in (*SPENDING, ADAPTED, *COSTS):
        if name in done:
            numbers = done[name].to_numpy(dtype=float)
            if len(numbers := numbers[~np.isnan(numbers)]):
                spending[name] = float(np.median(numbers))
    return Entrant(
        label=label,
        privileged=bool(trials["privileged"].any()),
        planned=len(planned),
        done=sum(planned.values()),
        troubles=troubles,
        failed=any(status == "failed" for _, status, _ in rows),
        spending={**spending, **search},
        transductive=bool(trials["transductive"].any()),
        cannot=next((str(reason) for _, status, reason in rows if status == "cannot"), ""),
        role=role_of(settings),
        learner=settings.name,
        collapsed=collapses(trials),
        spread=next(filter(None, done.get("spread", pd.Series(dtype=str))), ""),
        tuned=int(trials["tuned"].max()) if "tuned" in trials else 0,
    )


def _group(
    shots: int,
    scores: pd.DataFrame,
    here: "pd.Series[bool]",
    entrants: tuple[Entrant, ...],
    trials: pd.DataFrame,
    meanings: Metrics,
) -> Group:
    cells: dict[tuple[str, int, str], Cell] = {}
    rankings: dict[tuple[int, str, Statistic], Ranking] = {}
    ends: dict[tuple[str, str], End] = {}
    kept = summarised(sorted(int(it) for it in scores["steps"][here].unique()))
    stops = [it for it in steps_chosen(trials, shots).values() if it is not None]
    here &= scores["steps"].isin([*kept, *stops])
    chosen: Chosen = {}
    eligible = [it.label for it in entrants if it.complete and not it.privileged]
    metrics = sorted(set(scores["metric"][here].unique()), key=meanings.place)
    for metric in metrics:
        mine = scores[here & (scores["metric"] == metric)]  # of millions no more at a time
        at_stops, where = at_chosen(mine, trials, shots)
        chosen = chosen or where
        if stops:
            mine = pd.concat([mine[mine["steps"].isin(kept)], at_stops], ignore_index=True)
        last = CHOSEN if (mine["steps"] == CHOSEN).any() else kept[-1]
        found_scores = by_learner(mine)
        lost = mine[mine["diverged"].to_numpy(dtype=bool)]
        gone = lost.groupby(["learner", "steps"], observed=True).size().to_dict()
        summaries = {key: summary(it, meanings.within(metric)) for key, it in found_scores.items()}
        ranges = iter(intervals([of for it in summaries.values() for of in (it.mean, it.iqm)]))
        for (learner, steps), it in summaries.items():
            cell = Cell(
                next(ranges),
                next(ranges),
                it.seeds,
                it.tasks,
                it.mean.grounds.groups,
                int(gone.get((learner, steps), 0)),
            )
            cells[learner, steps, metric] = cell
            if steps == last:
                ends[learner, metric] = End(found_scores[learner, steps], it.mean)
        ranked = _ranked(summaries, eligible, meanings.higher_is_better(metric))
        rankings |= {(steps, metric, name): it for (steps, name), it in ranked.items()}
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


def _ranked(
    summaries: Mapping[tuple[str, int], Summary], eligible: Iterable[str], higher: bool
) -> dict[tuple[int, Statistic], Ranking]:
    """By steps and statistic, where there is somebody to rank."""
    columns: dict[tuple[int, Statistic], dict[str, Estimate]] = {
        (steps, statistic): {
            label: getattr(summaries[label, steps], statistic)
            for label in eligible
            if (label, steps) in summaries
        }
        for steps in {steps for _, steps in summaries}
        for statistic in STATISTICS
    }
    sign = -1 if higher else 1
    order = {
        key: sorted(column, key={name: sign * it.value for name, it in column.items()}.__getitem__)
        for key, column in columns.items()
        if column
    }
    behind = iter(
        intervals(
            [
                paired_difference(columns[key][name], columns[key][best])
                for key, (best, *others) in order.items()
                for name in others
            ]
        )
    )
    rankings = {}
    for key, (best, *others) in order.items():
        seeds, groups = zip(*(it.grounds for it in columns[key].values()), strict=True)
        grounds = Grounds(min(seeds), min(groups))
        rankings[key] = Ranking(best, {name: next(behind) for name in others}, grounds)
    return rankings
