"""After how many steps learners stop, in words."""

from collections.abc import Iterator

from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.chosen import CHOSEN
from benchmarks.report.scores.wording import listing, plural

CHOSEN_NOTE = (
    "Chosen step: each learner after the number of steps that has its best mean on validation "
    "tasks, every trial its own. Verdicts and pairs are of that column, where it is there."
)


def after(steps: int) -> str:
    """`after 10 steps`, or that each learner stops where validation says."""
    return "at the step that validation chose" if steps == CHOSEN else f"after {_steps(steps)}"


def heading(steps: int) -> str:
    """What a column is called."""
    return "chosen step" if steps == CHOSEN else _steps(steps)


def told(steps: int) -> int | str:
    """What stands in a CSV file."""
    return "chosen" if steps == CHOSEN else steps


def stop_remarks(comparison: Comparison, group: Group) -> Iterator[str]:
    """Where each learner stops; or that they stop at the most steps, as nothing was chosen."""
    if group.chosen:
        said = [
            f"{it.name} {' or '.join(map(str, sorted(set(group.chosen[it.label]))))}"
            for it in comparison.entrants
            if it.label in group.chosen
        ]
        yield f"Steps that validation tasks chose: {listing(said)}."
    elif len(group.steps) > 1 and comparison.split == "test":
        yield ("No number of steps was chosen on validation tasks: verdicts are of the most steps.")


def _steps(steps: int) -> str:
    return plural(steps, "step")
