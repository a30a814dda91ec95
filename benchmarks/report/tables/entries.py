"""The cells of score tables: a mean with its interval, and what marks it."""

from benchmarks.report.scores.cells import Cell, Comparison, Entrant, Group, Statistic
from benchmarks.report.scores.wording import (
    ALIKE,
    bounds,
    score,
    tasks_of,
    tentative,
    with_diverged,
)
from benchmarks.report.statistics import Coverage
from benchmarks.report.tables.layout import Entry, marked

BOLD_NOTE = (
    f"Bold: the best number of its column. {ALIKE}: not told apart from it, as the interval of the "
    "paired difference includes 0; who has neither is told apart. Where there can be no verdict "
    "(one seed, few groups of tasks) there is no such mark, and bold is the best number alone."
)


def scored(
    entrant: Entrant, group: Group, steps: int, metric: str, statistic: Statistic = "mean"
) -> Entry:
    """One learner's score after so many steps."""
    cell = group.cells.get((entrant.label, steps, metric))
    if cell is None:
        return Entry(entrant.coverage if not entrant.done else "–")
    interval = getattr(cell, statistic)
    ranking = group.rankings.get((steps, metric, statistic))
    best = ranking is not None and entrant.label == ranking.best
    detail = with_diverged(tentative(bounds(interval, metric), cell.seeds), cell.diverged)
    if ranking is not None and entrant.label in ranking.alike:
        detail = f"{ALIKE} {detail}".strip()
    return marked(Entry(score(interval.value, metric), best, detail), _coverage(cell, entrant))


def counted(comparison: Comparison, entrant: Entrant, cells: list[Cell]) -> tuple[Entry, Entry]:
    """On how many seeds and tasks these cells of a learner rest at least."""
    if not entrant.planned:
        return Entry("–"), Entry("–")
    if not cells:
        return Entry(f"0 of {entrant.planned}"), Entry("0")
    seeds = min(cell.seeds for cell in cells)
    text = str(seeds) if seeds == entrant.planned else f"⚠ {seeds} of {entrant.planned} seeds"
    tasks, groups = min((cell.tasks, cell.groups) for cell in cells)
    return Entry(text), Entry(tasks_of(comparison, tasks, groups))


def _coverage(cell: Cell, entrant: Entrant) -> Coverage:
    return Coverage(cell.seeds, entrant.planned)
