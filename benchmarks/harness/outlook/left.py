"""How long a run may take yet, by what its trials have taken so far."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

ETA_SECONDS = 3.0
SURE = 0.02
"""A trial that is further than this says how long it will take."""


class Going(NamedTuple):
    """A trial that runs: of which learner, for how many seconds, and how much of it is done.

    `since` is how much of it was done when it began.
    """

    label: str
    elapsed: float
    fraction: float
    since: float = 0.0


def seconds_left(
    took: Mapping[str, Sequence[float]],
    waiting: Iterable[str],
    going: Sequence[Going],
    jobs: int,
) -> float | None:
    """An estimate; None while there is nothing to go by.

    A learner's trials are expected to take as long as those of it that ended or are well under
    way; a learner not seen yet, as long as the others do on average.

    Args:
        took: by learner, the seconds that its trials took.
        waiting: the learner of each trial that has not begun.
        going: those that run.
        jobs: how many run at a time.
    """
    waiting = list(waiting)
    known = {label: list(seconds) for label, seconds in took.items() if seconds}
    for it in going:
        made = it.fraction - it.since
        if made > SURE or it.elapsed > ETA_SECONDS:
            known.setdefault(it.label, []).append(it.elapsed / max(made, SURE))
    if not known:
        return None
    means = {label: sum(seconds) / len(seconds) for label, seconds in known.items()}
    overall = sum(means.values()) / len(means)
    left = sum(means.get(label, overall) for label in waiting)
    means_of = ((it, means.get(it.label, overall)) for it in going)
    left += sum(max(0.0, (1 - it.since) * mean - it.elapsed) for it, mean in means_of)
    return left / max(1, min(jobs, len(waiting) + len(going)))


def took_by(records: Iterable[Mapping[str, Any]]) -> dict[str, list[float]]:
    """By learner, the seconds that each of its trials that are done took, all told."""
    took: dict[str, list[float]] = {}
    for record in records:
        if record.get("status") == "done":
            took.setdefault(str(record["learner"]), []).append(seconds_of_trial(record))
    return took


def seconds_of_trial(record: Mapping[str, Any]) -> float:
    """What one trial took, as its record tells: what it took over, it did not spend."""
    spent = record.get("spending") or {}
    trained = record.get("trained_by") in (None, record["trial"])
    names = ("seconds", "evaluate_seconds", "validation_seconds")
    return sum(float(spent.get(it) or 0) for it in names if trained or it != "seconds")
