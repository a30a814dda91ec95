"""Which learners are contenders, and which are there to measure them by."""

CONTROLS = ("reml-random", "reml-fixed", "scratch", "mean")


def is_control(label: str) -> bool:
    """Whether a learner is there for others to be measured against."""
    return any(label == name or label.startswith(f"{name} ") for name in CONTROLS)


def is_baseline(label: str) -> bool:
    """Whether a learner is a contender other than REML."""
    return not is_control(label) and not label.startswith("reml")
