"""The tables of scores after adaptation steps, and how all tables are to be read."""

from collections.abc import Iterator

from benchmarks.core.landmarks import landmarks
from benchmarks.report.scores.budget_matching import unmatched
from benchmarks.report.scores.cells import Comparison, Group, Statistic
from benchmarks.report.scores.chosen import CHOSEN, OF_ONE
from benchmarks.report.scores.collapse import COLLAPSE_NOTE, told
from benchmarks.report.scores.pairs import has_pairs
from benchmarks.report.scores.roles import phrase
from benchmarks.report.scores.stops import CHOSEN_NOTE, heading, stop_remarks
from benchmarks.report.scores.wording import (
    DAGGER_NOTE,
    DIVERGED_NOTE,
    DOUBLE_DAGGER_NOTE,
    UNMATCHED_NOTE,
    direction,
    drawn_from,
    hindrance,
    plural,
    seeds_warning,
    tasks_scored,
)
from benchmarks.report.tables.catalogue import Place
from benchmarks.report.tables.entries import BOLD_NOTE, counted, scored
from benchmarks.report.tables.layout import Entry, Sheet
from benchmarks.report.tables.pairs import PAIRS_NOTE
from benchmarks.report.tables.protocols import protocols_note

PLACE = 10
TUNED_NOTE = (
    "Tuned: the settings are the best of so many on validation tasks, searched alike for every "
    "learner that declares what may be searched, with the same number of trials and the same "
    "budget; test tasks had no part in it."
)
STATISTICS: dict[Statistic, str] = {"mean": "Mean", "iqm": "Interquartile mean of the"}


def sheets(at: Place) -> Iterator[Sheet]:
    """The means after adaptation steps; of a protocol whose own table says them, none."""
    comparison, group = at.comparison, at.group
    if not comparison.metrics.declared.scores:
        return
    if comparison.metric in group.metrics:
        for statistic in STATISTICS:
            yield _score_sheet(comparison, group, comparison.metric, statistic)
    if comparison.metric == "rmse" and "nmse" in group.metrics:
        yield _score_sheet(comparison, group, "nmse", "mean")
    for metric in group.metrics:
        if metric.startswith(OF_ONE):
            yield _score_sheet(comparison, group, metric, "mean")


def remarks(at: Place) -> Iterator[str]:
    yield from _grouped(at.comparison, at.group)
    yield from stop_remarks(at.comparison, at.group)
    yield from _left_out(at.comparison, at.group)
    yield from impossible(at.comparison)
    yield from _collapsed(at.comparison)


def reading_guide(comparisons: tuple[Comparison, ...], against: str | None = None) -> str:
    """How the score tables are to be read."""
    tasks = tasks_scored(comparisons)
    sentences = [
        f"Each cell is an average over seeds and {tasks} with its 95 % interval, which counts "
        f"what differs from seed to seed and from task to task or, where {tasks} come in groups, "
        f"from group to group (docs/statistics.md); all learners meet the same {tasks}.",
        BOLD_NOTE,
    ]
    if any(comparison.ways for comparison in comparisons):
        sentences.append(
            "5-way 1-shot means: a task has five classes, and one support point of each."
        )
    entrants = [it for comparison in comparisons for it in comparison.entrants]
    if any(0 < it.done < it.planned for it in entrants):
        sentences.append(
            "⚠: trials are missing, the average is over those that are there (2 of 3 seeds, say), "
            "and the learner is left out of the comparison."
        )
    groups = [group for comparison in comparisons for group in comparison.groups]
    if any(cell.diverged for group in groups for cell in group.cells.values()):
        sentences.append(DIVERGED_NOTE)
    if any(group.chosen for group in groups):
        sentences.append(CHOSEN_NOTE)
    if any(it.privileged for it in entrants):
        sentences.append(DAGGER_NOTE)
    if any(it.transductive for it in entrants):
        sentences.append(DOUBLE_DAGGER_NOTE)
    if any(it.tuned for it in entrants):
        sentences.append(TUNED_NOTE)
    if any(it.collapsed for it in entrants):
        sentences.append(COLLAPSE_NOTE)
    if has_pairs(comparisons, against):
        sentences.append(PAIRS_NOTE)
    if any(unmatched(comparison) for comparison in comparisons):
        sentences.append(UNMATCHED_NOTE)
    sentences += [protocols_note(comparisons), seeds_warning(comparisons)]
    return " ".join(filter(None, sentences))


def impossible(comparison: Comparison) -> Iterator[str]:
    """Who cannot take part, and why."""
    for entrant in comparison.entrants:
        if entrant.cannot:
            yield f"{entrant.name} cannot take part: {entrant.cannot}."


def _collapsed(comparison: Comparison) -> Iterator[str]:
    """Whose training came to nothing, with which seeds."""
    for it in comparison.entrants:
        if it.collapsed:
            yield (
                f"{it.name}: training came to nothing with {len(it.collapsed)} of "
                f"{plural(it.done, 'seed')}; a constant guess loses 1 on validation tasks, and "
                f"there it ends with {', '.join(map(told, it.collapsed))}."
            )


def _score_sheet(comparison: Comparison, group: Group, metric: str, statistic: Statistic) -> Sheet:
    name = comparison.metrics.called(metric) if metric != "nmse" else "NMSE"
    if metric == "nmse":
        name += " (MSE divided by the variance of the task's targets)"
    shown = [*landmarks(group.steps), *([CHOSEN] if group.decisive(metric) == CHOSEN else [])]
    tuned = any(it.tuned for it in comparison.entrants)
    return Sheet(
        f"{STATISTICS[statistic]} {name} after adaptation steps; {direction(metric)}.",
        ("learner", *(["settings"] if tuned else []), *map(heading, shown), "seeds", "tasks"),
        tuple(
            (
                Entry(entrant.name),
                *([Entry(phrase(entrant.tuned) or "as given")] if tuned else []),
                *(scored(entrant, group, steps, metric, statistic) for steps in shown),
                *counted(
                    comparison,
                    entrant,
                    [
                        cell
                        for steps in group.steps
                        if (cell := group.cells.get((entrant.label, steps, metric)))
                    ],
                ),
            )
            for entrant in comparison.entrants
        ),
        (0, 1) if tuned else (0,),
    )


def _grouped(comparison: Comparison, group: Group) -> Iterator[str]:
    """What groups the test tasks come in, and why there is no verdict."""
    told = [drawn_from(comparison, group), hindrance(comparison, group, comparison.metric)]
    for said in filter(None, told):
        yield f"{said[0].upper()}{said[1:]}."


def _left_out(comparison: Comparison, group: Group) -> Iterator[str]:
    """What of the data took no part."""
    what, points = ("task", "points") if comparison.ways is None else ("class", "examples")
    for split, n in ((comparison.split, group.left_out), ("training", group.left_out_train)):
        if n:
            yield (
                f"{plural(n, f'{split} {what}')} {_is(n)} left out for having fewer than "
                f"{group.shots + 1} {points}: {group.shots} to adapt on and one to be scored on."
            )
    if n := comparison.dropped_rows:
        yield f"{plural(n, 'row')} of the data {_is(n)} left out for having an empty cell."


def _is(n: int) -> str:
    return "is" if n == 1 else "are"
