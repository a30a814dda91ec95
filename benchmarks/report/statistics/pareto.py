"""The Pareto front: who scores best among those that spent no more."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the points that no other one dominates, by rising spending.

    A point is a spending and a loss, lower being better of both. Another one dominates it that has
    no more of either and less of one.
    """
    order = sorted(range(len(points)), key=lambda place: points[place])
    front: list[int] = []
    for place in order:
        if not front or points[place][1] < points[front[-1]][1]:
            front.append(place)
    return front
