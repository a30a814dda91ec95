"""New tasks predicted by the learner of a results folder that is named, or that is best."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import Checkpoint
from benchmarks.harness.predict.new_task import Prediction, points_shown, predict
from benchmarks.harness.predict.trained import load_trained
from benchmarks.harness.store.results import Results
from benchmarks.report.findings.choosing import candidates, nearest_shots

MOST_CALLED = 6


class Place(NamedTuple):
    """Results, the folder they are in, and what has the classes of their learners."""

    results: Results
    directory: Path
    registry: Registry


class Who(NamedTuple):
    """Which trainings: the best learner of the only family, unless something is named."""

    learner: str | None = None
    seed: int | None = None
    family: str | None = None


class Rows(NamedTuple):
    """Files; see `predict`."""

    support: Path
    query: Path | None = None
    sheet: str | None = None


def trained(
    place: Place, who: Who, rows: Rows | None = None
) -> tuple[str, list[Checkpoint], list[str], list[str]]:
    """The label of the learner, its trainings, why it is that one, and which are not there.

    Args:
        place: the results.
        who: which learner. If none is named, the best for as many shots as `rows` have, or for the
            fewest.
        rows: of the new tasks.

    Raises:
        UserError: as `candidates`, `load_trained` and `predict`.
    """
    words: list[str] = []
    protocol = None
    if who.learner is None:
        advice = candidates(place.results, place.directory, who.family)
        found = advice[0]
        if rows is not None and len({it.use for it in advice}) > 1:
            (one, *_), _ = _load(place, Who(found.use, who.seed, found.family), found.protocol)
            found = nearest_shots(advice, points_shown(one, *rows))
        who, protocol = Who(found.use, who.seed, found.family), found.protocol
        words.append(f"{found.use}, as {found.where}: {found.recommendation}")
    assert who.learner is not None
    checkpoints, lost = _load(place, who, protocol)
    return who.learner, checkpoints, words, lost


def _load(place: Place, who: Who, protocol: str | None) -> tuple[list[Checkpoint], list[str]]:
    assert who.learner is not None
    return load_trained(
        place.results.trials,
        place.directory,
        place.registry,
        who.learner,
        seed=who.seed,
        family=who.family,
        protocol=protocol,
    )


def predictions(place: Place, who: Who, rows: Rows, steps: int | None = None) -> Prediction:
    """What `predict` returns, its remarks headed by who predicts.

    Raises:
        UserError: as `trained` and `predict`.
    """
    label, checkpoints, said, lost = trained(place, who, rows)
    found = predict(checkpoints, *rows[:2], steps, rows.sheet)
    several = len(checkpoints) > 1
    called = ", ".join(it.called for it in checkpoints[:MOST_CALLED])
    called += f" and {len(checkpoints) - MOST_CALLED} more" * (len(checkpoints) > MOST_CALLED)
    by = f"predicted by {label}, " + (
        f"the mean of {len(checkpoints)} trainings: {called}" if several else called
    )
    return found._replace(warnings=[*lost, *found.warnings], remarks=[*said, by, *found.remarks])
