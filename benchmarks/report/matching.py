"""Whether the learners of a comparison had the same to learn from."""

from collections.abc import Iterator, Mapping

from benchmarks.report.summary import Comparison
from benchmarks.report.words import UNMATCHED, listing

MATCHED = {"tasks": "training tasks", "points": "labelled points"}
"""What learners should have drawn equally much of."""
CLOSE = 1e-3
"""A relative difference below this comes of the random numbers of points in tasks."""


def unmatched(comparison: Comparison) -> frozenset[str]:
    """Learners that drew other numbers of tasks or points than more than half of the others did.

    Only among those that draw training tasks and are not privileged; the rest are not marked.
    Where no number is that of more than half, nobody is marked; see `matching_remarks`.
    """
    found: set[str] = set()
    for name in MATCHED:
        drawn = _drawn(comparison, name)
        usual = _usual(drawn)
        if usual is not None:
            found |= {label for label, n in drawn.items() if not _close(n, usual)}
    return frozenset(found)


def matching_remarks(comparison: Comparison) -> Iterator[str]:
    """In words: who drew more or less than most, and who drew nothing."""
    names = {it.label: it.name for it in comparison.entrants}
    for name, thing in MATCHED.items():
        drawn = _drawn(comparison, name)
        usual = _usual(drawn)
        if usual is None and drawn:
            low, high = min(drawn.values()), max(drawn.values())
            yield (
                f"The learners drew different numbers of {thing}, from {low:,.0f} to {high:,.0f}, "
                "and no number is that of most."
            )
        elif usual is not None:
            others = [
                f"{names[label]} drew {n:,.0f}"
                for label, n in drawn.items()
                if not _close(n, usual)
            ]
            if others:
                yield (
                    f"{UNMATCHED} Most learners drew {usual:,.0f} {thing}, but "
                    f"{listing(others)}: their scores are not of equal budgets."
                )
    idle = [it.name for it in comparison.entrants if it.spending.get("tasks") == 0]
    if idle:
        draw, they = ("draws", "it is") if len(idle) == 1 else ("draw", "they are")
        yield f"{listing(idle)} {draw} no training tasks: {they} there to measure the others by."


def _drawn(comparison: Comparison, name: str) -> Mapping[str, float]:
    return {
        it.label: it.spending[name]
        for it in comparison.entrants
        if it.spending.get("tasks") and name in it.spending and not it.privileged
    }


def _usual(drawn: Mapping[str, float]) -> float | None:
    """The number that more than half of the learners drew; None where there is none."""
    for candidate in drawn.values():
        if 2 * sum(_close(n, candidate) for n in drawn.values()) > len(drawn):
            return candidate
    return None


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= CLOSE * max(one, other)
