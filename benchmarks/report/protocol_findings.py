"""What is found under single protocols, in sentences no stronger than the intervals."""

from collections.abc import Iterator

from benchmarks.report.markdown import code, escape
from benchmarks.report.summary import HIGHER_IS_BETTER, Comparison, Group
from benchmarks.report.words import listing, plural, setting

TOLD = {
    "vs_scratch": ("are better there than from scratch", "are worse there than from scratch"),
    "backward": ("are better at {0} after carrying on with {1}", "forget some of {0}"),
    "forward": (
        "are ahead of scratch on {1} before training on it",
        "are behind scratch on {1} before training on it",
    ),
}


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
    for name, (better, worse) in TOLD.items():
        metric = comparison.gain(name)
        if metric not in group.metrics:
            continue
        sign = 1 if metric in HIGHER_IS_BETTER else -1
        sides: dict[int, list[str]] = {1: [], -1: [], 0: []}
        for entrant in comparison.entrants:
            cell = group.cells.get((entrant.label, steps, metric))
            if cell is not None and not entrant.coverage:
                it = cell.mean
                side = sign if it.low > 0 else -sign if it.high < 0 else 0
                sides[side].append(code(entrant.name))
        families = escape(comparison.family), escape(comparison.other)
        where = f"{escape(comparison.title)}, {setting(comparison, group.shots)}"
        told = [
            f"{what.format(*families)}: {listing(sides[side])}"
            for side, what in ((1, better), (-1, worse))
            if sides[side]
        ]
        if sides[0]:
            told.append(f"their intervals do not say: {listing(sides[0])}")
        if told:
            at = plural(steps, "step")
            yield f"On {where}, after {at}, by the interval of the mean, {'; '.join(told)}."
