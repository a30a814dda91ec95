"""What the tables for people contain, before it becomes Markdown or LaTeX."""

from collections.abc import Iterator

from benchmarks.harness.protocols import landmarks
from benchmarks.report.layout import Entry, Section, Sheet, marked
from benchmarks.report.matching import matching_remarks, unmatched
from benchmarks.report.pair_sheets import PAIRS_NOTE, pair_remarks, pair_sheets
from benchmarks.report.pairs import has_pairs
from benchmarks.report.protocol_sheets import protocol_sheets, protocols_note
from benchmarks.report.statistics import Coverage
from benchmarks.report.summary import ADAPTED, Comparison, Entrant, Group, Statistic
from benchmarks.report.words import (
    DAGGER_NOTE,
    DIVERGED_NOTE,
    DOUBLE_DAGGER_NOTE,
    UNMATCHED,
    UNMATCHED_NOTE,
    bounds,
    direction,
    metric_name,
    plural,
    score,
    seeds_warning,
    setting,
    tasks_scored,
    with_diverged,
)

STATISTICS: dict[Statistic, str] = {"mean": "Mean", "iqm": "Interquartile mean of the"}
SPENDING_TITLES = {
    "tasks": "training tasks",
    "points": "labelled points",
    "inner_gradients": "inner gradients",
    "outer_gradients": "outer gradients",
    "environment_steps": "environment steps",
    "parameters": "parameters",
}


def sections(comparisons: tuple[Comparison, ...], against: str | None = None) -> Iterator[Section]:
    """Scores of every family × protocol × shots, then what the learners spent there.

    Paired differences are to the learner `against`, or to the one that `baseline_of` finds.
    """
    for comparison in comparisons:
        for group in comparison.groups:
            yield Section(
                f"{comparison.title}, {setting(comparison, group.shots)}",
                (
                    *_score_sheets(comparison, group),
                    *protocol_sheets(comparison, group),
                    *pair_sheets(comparison, group, against),
                ),
                (
                    *_left_out(comparison, group),
                    *_impossible(comparison),
                    *pair_remarks(comparison, group, against),
                ),
            )
        yield Section(
            f"{comparison.title}: spending",
            (_spending_sheet(comparison),),
            (*matching_remarks(comparison), *troubles(comparison)),
        )


def reading_guide(comparisons: tuple[Comparison, ...], against: str | None = None) -> str:
    """How the score tables are to be read."""
    tasks = tasks_scored(comparisons)
    sentences = [
        f"Each cell is an average over seeds and {tasks} with its 95 % nested bootstrap interval "
        f"(seeds are resampled, then tasks; all learners meet the same {tasks}).",
        "Bold: the best of its column, and every learner whose paired difference to it has an "
        "interval that includes 0, so that the two are not told apart.",
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
    if any(it.privileged for it in entrants):
        sentences.append(DAGGER_NOTE)
    if any(it.transductive for it in entrants):
        sentences.append(DOUBLE_DAGGER_NOTE)
    if has_pairs(comparisons, against):
        sentences.append(PAIRS_NOTE)
    if any(unmatched(comparison) for comparison in comparisons):
        sentences.append(UNMATCHED_NOTE)
    sentences += [protocols_note(comparisons), seeds_warning(comparisons)]
    return " ".join(filter(None, sentences))


def troubles(comparison: Comparison) -> Iterator[str]:
    """Every trial that is not there, with its reason."""
    yield from _impossible(comparison)
    for entrant in comparison.entrants:
        for trouble in entrant.troubles:
            yield f"⚠ {entrant.name}, {trouble}"


def _impossible(comparison: Comparison) -> Iterator[str]:
    for entrant in comparison.entrants:
        if entrant.cannot:
            yield f"{entrant.name} cannot take part: {entrant.cannot}."


def _score_sheets(comparison: Comparison, group: Group) -> Iterator[Sheet]:
    if comparison.kind == "retention":
        return
    if comparison.metric in group.metrics:
        for statistic in STATISTICS:
            yield _score_sheet(comparison, group, comparison.metric, statistic)
    if comparison.metric == "rmse" and "nmse" in group.metrics:
        yield _score_sheet(comparison, group, "nmse", "mean")


def _score_sheet(comparison: Comparison, group: Group, metric: str, statistic: Statistic) -> Sheet:
    name = metric_name(metric, comparison.problem) if metric != "nmse" else "NMSE"
    if metric == "nmse":
        name += " (MSE divided by the variance of the task's targets)"
    shown = landmarks(group.steps)
    return Sheet(
        f"{STATISTICS[statistic]} {name} after adaptation steps; {direction(metric)}.",
        ("learner", *(plural(steps, "step") for steps in shown), "seeds", "tasks"),
        tuple(
            (
                Entry(entrant.name),
                *(_score(entrant, group, steps, metric, statistic) for steps in shown),
                *_counts(entrant, group, metric),
            )
            for entrant in comparison.entrants
        ),
    )


def _score(entrant: Entrant, group: Group, steps: int, metric: str, statistic: Statistic) -> Entry:
    cell = group.cells.get((entrant.label, steps, metric))
    if cell is None:
        return Entry(entrant.coverage if not entrant.done else "–")
    interval = getattr(cell, statistic)
    ranking = group.rankings.get((steps, metric, statistic))
    bold = ranking is not None and entrant.label in ranking.leaders
    detail = with_diverged(bounds(interval, metric), cell.diverged)
    entry = Entry(score(interval.value, metric), bold, detail)
    return marked(entry, Coverage(cell.seeds, entrant.planned))


def _counts(entrant: Entrant, group: Group, metric: str) -> tuple[Entry, Entry]:
    cells = [c for s in group.steps if (c := group.cells.get((entrant.label, s, metric)))]
    if not cells:
        planned = f"0 of {entrant.planned}" if entrant.planned else "–"
        return Entry(planned), Entry("0" if entrant.planned else "–")
    seeds = min(cell.seeds for cell in cells)
    text = str(seeds) if seeds == entrant.planned else f"⚠ {seeds} of {entrant.planned} seeds"
    return Entry(text), Entry(f"{min(cell.tasks for cell in cells):,}")


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


def _spending_sheet(comparison: Comparison) -> Sheet:
    titles, apart = dict(SPENDING_TITLES), unmatched(comparison)
    if any(ADAPTED in entrant.spending for entrant in comparison.entrants):
        titles[ADAPTED] = "of them adapted"
    return Sheet(
        "What one trial spent on meta-training, the median over seeds. A gradient of one task's "
        "loss counts as one; parameters are all the numbers that the learner has learned.",
        ("learner", *titles.values()),
        tuple(
            (
                Entry(f"{entrant.name} {UNMATCHED}" if entrant.label in apart else entrant.name),
                *(
                    marked(Entry(f"{entrant.spending[name]:,.0f}"), entrant.seeds)
                    if name in entrant.spending
                    else Entry("–")
                    for name in titles
                ),
            )
            for entrant in comparison.entrants
        ),
    )
