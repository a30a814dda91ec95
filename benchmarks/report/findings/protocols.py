"""What is found under single protocols, in sentences no stronger than the intervals."""

from collections.abc import Iterator

from benchmarks.core.declaration import filled
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.markup import code, escape
from benchmarks.report.scores.wording import listing, plural, setting
from benchmarks.report.statistics import Interval


def headlines(comparison: Comparison, group: Group) -> Iterator[str]:
    """The metrics, beside the problem's own, of which it is told who is best."""
    for name in comparison.metrics.declared.ranked:
        if (metric := comparison.metrics.stored(name)) in group.metrics:
            yield metric


def changes(comparison: Comparison, group: Group) -> Iterator[str]:
    """Who is better or worse than before, or than from scratch, by the interval of the mean."""
    steps = group.steps[-1]
    for it in comparison.metrics.declared.findings:
        metric = comparison.metrics.stored(it.metric)
        if metric not in group.metrics:
            continue
        sides: tuple[list[str], ...] = ([], [], [])
        for entrant in comparison.entrants:
            cell = group.cells.get((entrant.label, steps, metric))
            if cell is not None and not entrant.coverage and cell.grounds.verdict:
                side = _side(cell.mean, comparison.metrics.higher_is_better(metric))
                if side is not None:
                    sides[side].append(code(entrant.name))
        families = {"first": escape(comparison.family), "second": escape(comparison.other)}
        told = [
            f"{filled(phrase, families)}: {listing(names)}"
            for phrase, names in zip((it.better, it.worse, it.open), sides, strict=True)
            if names
        ]
        if told:
            where = f"{escape(comparison.title)}, {setting(comparison, group.shots)}"
            after = f"after {plural(steps, 'step')}, by the interval of the mean"
            yield f"On {where}, {after}, {'; '.join(told)}."


def _side(it: Interval, higher: bool) -> int | None:
    """The place among the phrases; None of what is 0 by its nature, as scratch is to itself."""
    if it.low == it.high == 0:
        return None
    if it.low <= 0 <= it.high:
        return 2
    return 0 if (it.value > 0) is higher else 1
