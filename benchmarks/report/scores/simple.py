"""The simplest learners there are, which nothing that meta-trains should fall behind."""

from benchmarks.report.scores.cells import Entrant

SIMPLE = (
    *("mean", "line", "nearest_centroid", "logistic_regression"),
    *("features-centroid", "features", "gp"),
)
"""Learners that train on no other tasks, simplest first."""


def is_simple(entrant: Entrant) -> bool:
    return entrant.learner in SIMPLE


def is_contender(entrant: Entrant) -> bool:
    """Whether somebody wants to know if it is any good."""
    return not (is_simple(entrant) or entrant.is_control or entrant.privileged)


def expense(entrant: Entrant) -> tuple[float, int, float]:
    """What to sort by to have the cheapest first: training, then adaptation.

    Without training tasks there is no training, whatever the clock says; of these the simplest are
    first.
    """
    spending, unknown = entrant.spending, float("inf")
    trained = spending.get("cpu_seconds", spending.get("seconds", unknown))
    place = SIMPLE.index(entrant.learner) if is_simple(entrant) else len(SIMPLE)
    free = not spending.get("tasks", unknown)
    return 0.0 if free else trained, place, spending.get("evaluate_seconds", unknown)
