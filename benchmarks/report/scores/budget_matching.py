"""Whether the learners of a comparison had the same to learn from."""

from collections.abc import Iterator, Mapping

from benchmarks.report.scores.cells import Comparison
from benchmarks.report.scores.wording import UNMATCHED, listing

MATCHED = {"tasks": "training tasks", "points": "labelled points"}
"""What learners should have drawn equally much of."""
CLOSE = {"tasks": 1e-3, "points": 0.02}
"""A relative difference below this comes of last batches, and of shots that are drawn at random."""


def unmatched(comparison: Comparison) -> frozenset[str]:
    """Learners that drew other numbers of tasks or of points, more or fewer, than most others did.

    Only among those that draw training tasks and are not privileged; the rest are not marked. Most
    is the largest group that drew the same; where several are as large, all are marked.
    """
    found: set[str] = set()
    for name in MATCHED:
        usual, *others = _groups(comparison, name) or [{}]
        if others and len(usual) == len(others[0]):
            found |= usual.keys()
        found |= {label for group in others for label in group}
    return frozenset(found)


def matching_remarks(comparison: Comparison) -> Iterator[str]:
    """In words: who drew more or less than most, and who drew nothing."""
    names = {it.label: it.name for it in comparison.entrants}
    for name, thing in MATCHED.items():
        usual, *others = _groups(comparison, name) or [{}]
        if not others:
            continue
        drawn = {label: n for group in (usual, *others) for label, n in group.items()}
        if len(usual) == len(others[0]):
            low, high = min(drawn.values()), max(drawn.values())
            yield (
                f"{UNMATCHED} The learners drew different numbers of {thing}, from {low:,.0f} to "
                f"{high:,.0f}, and no number is that of most: their scores are not of equal "
                "budgets."
            )
            continue
        apart = {label for group in others for label in group}
        told = [f"{names[it]} drew {drawn[it]:,.0f}" for it in names if it in apart]
        who = "Most learners" if 2 * len(usual) > len(drawn) else f"{len(usual)} learners"
        yield (
            f"{UNMATCHED} {who} drew {next(iter(usual.values())):,.0f} {thing}, but "
            f"{listing(told)}: their scores are not of equal budgets."
        )
    idle = [it.name for it in comparison.entrants if it.spending.get("tasks") == 0]
    if idle:
        draw, they = ("draws", "it is") if len(idle) == 1 else ("draw", "they are")
        yield f"{listing(idle)} {draw} no training tasks: {they} there to measure the others by."


def _groups(comparison: Comparison, name: str) -> list[dict[str, float]]:
    """Learners that drew the same, with their numbers; the largest group first."""
    groups: list[dict[str, float]] = []
    for it in comparison.entrants:
        if not it.spending.get("tasks") or name not in it.spending or it.privileged:
            continue
        n = it.spending[name]
        same = next((group for group in groups if _close(n, group, CLOSE[name])), None)
        if same is None:
            groups.append(same := {})
        same[it.label] = n
    return sorted(groups, key=len, reverse=True)


def _close(n: float, group: Mapping[str, float], tolerance: float) -> bool:
    first = next(iter(group.values()))
    return abs(n - first) <= tolerance * max(n, first)
