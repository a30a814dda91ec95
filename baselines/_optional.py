"""Packages that only some learners need, and what to type where one of them is missing."""

from importlib.util import find_spec

from benchmarks.core.errors import MissingDependency


def demand(package: str, learner: str, install: str) -> None:
    """A package is there, to be imported when it is needed.

    Raises:
        MissingDependency: it is not.
    """
    try:
        there = find_spec(package) is not None
    except ValueError:  # it was imported, and has no origin; or somebody forbade it
        there = False
    if not there:
        raise MissingDependency(
            f"there is no {package}, which {learner} needs; type: pip install {install}"
        )
