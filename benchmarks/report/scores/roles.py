"""Which learners are contenders, and which are there to measure them by."""

from typing import Literal

from benchmarks.harness.store.results import Settings

Role = Literal["reml", "control", "baseline"]
CONTROLS = ("reml-random", "reml-fixed", "scratch", "mean")
UNLEARNED = ("random", "fixed")
"""What REML's field `composer` is where nothing is learned about what to compose."""


def role_of(settings: Settings) -> Role:
    """What a learner is there for, by the learner or preset that the matrix names, not its label.

    A control is there for others to be measured against; a baseline is a contender but REML.
    """
    of_reml = settings.name == "reml" or settings.name.startswith("reml-")
    unlearned = of_reml and settings.fields.get("composer") in UNLEARNED
    if settings.name in CONTROLS or unlearned:
        return "control"
    return "reml" if of_reml else "baseline"
