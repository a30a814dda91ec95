"""Who won and at what cost, in a table at a glance and in a sentence."""

from collections.abc import Iterator

from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.markup import code, escape
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.stops import heading
from benchmarks.report.scores.wording import (
    bounds,
    hindrance,
    listing,
    number,
    score,
    setting,
    tentative,
)
from benchmarks.report.statistics import FEW_GROUPS, Interval
from benchmarks.report.tables.layout import Entry, Section, Sheet

MANY = 4
COLUMNS = ("on", "best", "its mean", "next", "behind by", "told apart")


def verdicts(comparisons: tuple[Comparison, ...]) -> Section:
    """One row a comparison and number of shots: the best where it counts, and how surely."""
    rows = tuple(
        _row(comparison, group) for comparison in comparisons for group in comparison.groups
    )
    return Section(
        "Who won",
        (
            Sheet(
                "The best mean, with its interval, at the step that validation chose (after the "
                "most, where it chose none), and by how much the next is behind: a paired "
                "difference. Told apart means that the interval of that difference excludes 0; "
                f"with one seed, or fewer than {FEW_GROUPS} groups of test tasks, there is no "
                "verdict.",
                COLUMNS,
                rows,
                words=(0, 1, 3, 5),
            ),
        ),
        tuple(_unranked(comparisons)),
    )


def _unranked(comparisons: tuple[Comparison, ...]) -> Iterator[str]:
    """Who could not win."""
    entrants = [it for comparison in comparisons for it in comparison.entrants]
    for why, names in (
        ("seeing what the others may not", [it.name for it in entrants if it.privileged]),
        ("missing trials", [it.name for it in entrants if not it.complete]),
    ):
        if names:
            yield f"Not ranked for {why}: {listing(dict.fromkeys(names))}."


def _row(comparison: Comparison, group: Group) -> tuple[Entry, ...]:
    metric = comparison.metric
    steps = group.decisive(metric)
    named = comparison.metrics.called(metric)
    shots = setting(comparison, group.shots)
    where = f"{named}, {comparison.title}, {shots}, {heading(steps)}"
    ranking = group.rankings.get((steps, metric, "mean"))
    if ranking is None:
        return Entry(where), *(Entry("–") for _ in COLUMNS[1:])
    names = {it.label: it.name for it in comparison.entrants}
    cell, seeds = group.cells[ranking.best, steps, metric], ranking.grounds.seeds
    no_verdict = hindrance(comparison, group, metric)
    won = (
        Entry(where),
        Entry(names[ranking.best], bold=not no_verdict),
        Entry(
            score(cell.mean.value, metric), detail=tentative(bounds(cell.mean, metric), cell.seeds)
        ),
    )
    if not ranking.behind:
        return *won, *(Entry("–") for _ in COLUMNS[3:])
    following, difference = next(iter(ranking.behind.items()))
    if higher_is_better(metric):
        difference = Interval(-difference.value, -difference.high, -difference.low)
    return (
        *won,
        Entry(names[following]),
        Entry(
            score(difference.value, metric),
            detail=tentative(bounds(difference, metric), seeds),
        ),
        Entry(
            f"no verdict; {no_verdict}"
            if no_verdict
            else _told_apart([names[label] for label in ranking.unresolved])
        ),
    )


def _told_apart(unresolved: list[str]) -> str:
    if not unresolved:
        return "yes, from all"
    if len(unresolved) > MANY:
        return f"no, not from {len(unresolved)} learners"
    return f"no, not from {listing(unresolved)}"


def costs(comparisons: tuple[Comparison, ...]) -> Iterator[str]:
    """For every comparison: what those with the best means have spent on meta-training."""
    for comparison in comparisons:
        shown = {it.label: it for it in _foremost(comparison)}
        told = [f"{code(it.name)} {text}" for it in shown.values() if (text := _spent(it))]
        if told:
            yield (
                f"Meta-training on {escape(comparison.title)}, the median over seeds: "
                f"{'; '.join(told)}."
            )


def _foremost(comparison: Comparison) -> Iterator[Entrant]:
    """Whom the findings name, best first, and of the others the one that trained cheapest."""
    entrants = {it.label: it for it in comparison.entrants}
    named: list[str] = []
    for group in comparison.groups:
        ranking = group.rankings.get((group.decisive(comparison.metric), comparison.metric, "mean"))
        if ranking is not None:
            named += [ranking.best, *list(ranking.behind)[:1]]
    yield from (entrants[label] for label in named)
    others = [
        it
        for it in comparison.entrants
        if it.label not in named and not it.privileged and it.spending.get("tasks", 0) > 0
    ]
    yield from sorted(others, key=lambda it: it.spending.get("cpu_seconds", float("inf")))[:1]


def _spent(entrant: Entrant) -> str:
    spending = entrant.spending
    if "tasks" not in spending:
        return ""
    if not spending["tasks"]:
        return "drew no training tasks"
    text = f"drew {spending['tasks']:,.0f} tasks"
    if "points" in spending:
        text += f" of {spending['points']:,.0f} labelled points"
    if "cpu_seconds" in spending:
        text += f" and took {number(spending['cpu_seconds'])} seconds of one processor"
    return text
