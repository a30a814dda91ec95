"""Test tasks by name: which were the hardest, and what was held out."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.draws import over_draws
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import plural, score, setting
from benchmarks.report.tables.layout import Entry, Section, Sheet

PLACE = 60
WORST = 10
LISTED = 20


def names_of(results: Results, comparison: Comparison, shots: int) -> Mapping[int, str]:
    """What the test tasks are called, by their number; empty where nobody says."""
    mine = _met(results, comparison)
    mine = mine[(mine["shots"] == shots) & (mine["name"] != "")]
    return dict(zip(mine["task"].tolist(), mine["name"].tolist(), strict=True))


def sections(results: Results) -> Iterator[Section]:
    """For every comparison whose tasks have names the worst of them, and what was held out."""
    comparisons = summarise(results)
    for comparison in comparisons:
        sheets = [_worst(results, comparison, group) for group in comparison.groups]
        if there := tuple(sheet for sheet in sheets if sheet is not None):
            yield Section(f"{comparison.title}: the hardest tasks", there)
    rows = [row for comparison in comparisons for row in _held_out(results, comparison)]
    if rows:
        caption = "What no learner was trained on: groups or classes of the other splits."
        columns = ("of", "for", "of them", "which")
        yield Section("What was held out", (Sheet(caption, columns, tuple(rows), words=(0, 1, 3)),))


def _worst(results: Results, comparison: Comparison, group: Group) -> Sheet | None:
    names = names_of(results, comparison, group.shots)
    if not names:
        return None
    fair = [it.label for it in comparison.entrants if not it.privileged]
    metric, steps = comparison.metric, group.steps[-1]
    scores = results.scores
    mine = scores[
        (scores["family"] == comparison.family)
        & (scores["protocol"] == comparison.protocol)
        & (scores["shots"] == group.shots)
        & (scores["metric"] == metric)
        & (scores["steps"] == steps)
        & scores["learner"].isin(fair)
    ]
    if mine.empty:
        return None
    means = over_draws(mine).groupby(["task", "learner"], observed=True)["value"].mean().unstack()
    higher = higher_is_better(metric)
    ranked = means.mean(axis=1).sort_values(ascending=higher, kind="stable")[:WORST]
    of = dict(zip(mine["task"].tolist(), mine["group"].astype(str).tolist(), strict=True))
    shown = {it.label: it.name for it in comparison.entrants}
    rows = []
    for task, value in ranked.items():
        number = int(str(task))
        row = means.loc[[number]].iloc[0].dropna()
        best = str(row.idxmax() if higher else row.idxmin())
        rows.append(
            (
                Entry(names[number]),
                Entry(of[number] if of[number] != names[number] else "–"),
                Entry(score(float(value), metric)),
                Entry(shown[best]),
                Entry(score(float(row[best]), metric)),
            )
        )
    named = comparison.metrics.called(metric)
    which = "lowest" if higher else "highest"
    caption = (
        f"The {len(rows)} of {len(means):,} tasks with the {which} mean {named} over learners, "
        f"{setting(comparison, group.shots)}, after {plural(steps, 'step')}; and the best of them."
    )
    columns = ("task", "group", "mean over learners", "best there", "its mean")
    return Sheet(caption, columns, tuple(rows), words=(0, 1, 3))


def _held_out(results: Results, comparison: Comparison) -> Iterator[tuple[Entry, ...]]:
    trials = results.trials
    if "held_out" not in trials:
        return
    mine = trials[
        (trials["family"] == comparison.family)
        & (trials["protocol"] == comparison.protocol)
        & (trials["status"] == "done")
    ]
    folds = mine["fold"].nunique() if "fold" in mine else 1
    if folds > 1:
        groups = sorted({*_met(results, comparison)["group"]})
        yield _row(comparison, f"the test, in {folds} folds", len(groups), groups)
        return
    told: Mapping[str, Any] = next(filter(None, mine["held_out"]), {})
    for split in ("validation", "test"):
        if split in told:
            yield _row(comparison, split, told[split]["count"], told[split]["names"])


def _row(comparison: Comparison, what: str, number: int, names: list[str]) -> tuple[Entry, ...]:
    more = "" if number <= LISTED else f" and {number - LISTED:,} more"
    listed = ", ".join(names[:LISTED]) + more
    return Entry(comparison.title), Entry(what), Entry(f"{number:,}"), Entry(listed)


def _met(results: Results, comparison: Comparison) -> pd.DataFrame:
    tasks = results.tasks
    return tasks[
        (tasks["family"] == comparison.family) & (tasks["protocol"] == comparison.protocol)
    ]
