"""Where to read more of why a trial failed than its reason says."""

OUTPUT = "output.txt"
"""What a trial's learner has printed, with the traceback of what it raised."""


def with_place(reason: str, trial: str) -> str:
    """The reason, and which file of the results folder has the rest."""
    return f"{reason} (trials/{trial}/{OUTPUT})"
