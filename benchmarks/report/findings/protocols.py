"""What is found under single protocols, in sentences no stronger than the intervals."""

from collections.abc import Iterator

from benchmarks.report.scores.cells import HIGHER_IS_BETTER, Comparison, Group
from benchmarks.report.scores.markup import code, escape
from benchmarks.report.scores.wording import listing, plural, setting
from benchmarks.report.statistics import Interval

TOLD = {
    "vs_scratch": (
        "better than from scratch",
        "worse than from scratch",
        "not told apart from scratch",
    ),
    "backward": (
        "better at {0} after carrying on with {1}",
        "worse at {0} after carrying on with {1}, which is forgetting",
        "not told apart at {0} from before carrying on with {1}",
    ),
    "forward": (
        "ahead of scratch on {1} before training on it",
        "behind scratch on {1} before training on it",
        "not told apart from scratch on {1} before training on it",
    ),
}
"""By metric, what to say of those whose interval is on the good side of 0, the bad one, or both."""


def headlines(comparison: Comparison, group: Group) -> Iterator[str]:
    """The metrics, beside the problem's own, of which it is told who is best."""
    wanted = {
        "transfer": (comparison.gain("area"), "steps_to_threshold"),
        "retention": (comparison.gain("then"),),
    }
    for metric in wanted.get(comparison.kind, ()):
        if metric in group.metrics:
            yield metric


def changes(comparison: Comparison, group: Group) -> Iterator[str]:
    """Who is better or worse than before, or than from scratch, by the interval of the mean."""
    steps = group.steps[-1]
    for name, phrases in TOLD.items():
        metric = comparison.gain(name)
        if metric not in group.metrics:
            continue
        sides: tuple[list[str], ...] = ([], [], [])
        for entrant in comparison.entrants:
            cell = group.cells.get((entrant.label, steps, metric))
            if cell is not None and not entrant.coverage and cell.grounds.verdict:
                side = _side(cell.mean, metric in HIGHER_IS_BETTER)
                if side is not None:
                    sides[side].append(code(entrant.name))
        families = escape(comparison.family), escape(comparison.other)
        told = [
            f"{phrase.format(*families)}: {listing(names)}"
            for phrase, names in zip(phrases, sides, strict=True)
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
