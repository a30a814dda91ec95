"""What became of settings that were tried, and which are the best; as rows of a table, too."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from benchmarks.core.budget import MOMENTS
from benchmarks.core.text import line
from benchmarks.harness.disk.columns import TUNING_TYPES
from benchmarks.harness.tuning.studies import Study

DONE, GIVEN_UP, FAILED = "done", "given up", "failed"
WARM = 3
"""Nobody is given up before that many tenths of the budget are spent."""
BATCH = 4
"""Settings that are proposed without knowing of each other, and so may be tried side by side.

It is a constant, whatever the number of workers: so the same settings are proposed with any.
"""


@dataclass(frozen=True)
class Outcome:
    """What some settings were worth.

    Attributes:
        number: which settings of their study.
        state: `done`, `given up` (its loss was above the median of the others) or `failed`.
        loss: on validation tasks, where a constant guess loses 1; the mean over seeds. Of settings
            that were given up, what they had lost at best by then.
        losses: what it was after tenths of the budget.
        tasks, seconds, validation_seconds: what its trainings have spent, all together; nothing of
            settings that were tried before, as they are not trained again.
        reason: why it failed.
    """

    number: int
    settings: Mapping[str, Any]
    state: str
    loss: float = math.nan
    losses: Mapping[int, float] = field(default_factory=dict)
    tasks: int = 0
    seconds: float = 0.0
    validation_seconds: float = 0.0
    reason: str = ""

    @property
    def again(self) -> "Outcome":
        """That of the same settings when they are proposed once more."""
        return replace(self, tasks=0, seconds=0.0, validation_seconds=0.0)


def outcome_of(
    number: int, settings: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> Outcome:
    """What the trials of some settings, one for each seed, have come to."""
    spent = [record.get("spending") or {} for record in records]

    def total(name: str) -> float:
        return sum(float(it.get(name) or 0) for it in spent)

    costs = int(total("tasks")), total("seconds"), total("validation_seconds")
    for record in records:
        if record["status"] != "done":
            reason = line(str(record.get("reason") or record["status"]))
            return Outcome(number, settings, FAILED, math.nan, {}, *costs, reason)
    tried = [record["tried"] for record in records]
    curves = [dict(zip(it["moments"], it["losses"], strict=True)) for it in tried]
    shared = sorted(set.intersection(*map(set, curves)))
    losses = {it: statistics.fmean(curve[it] for curve in curves) for it in shared}
    state = GIVEN_UP if any(it["given_up"] for it in tried) else DONE
    loss = statistics.fmean(it["loss"] for it in tried)
    return Outcome(number, settings, state, loss, losses, *costs)


def bars(outcomes: Sequence[Outcome]) -> tuple[float, ...]:
    """At each tenth of the budget, the median of what settings lost then that came to their end.

    Who has lost more at best by then is given up, which is Optuna's `MedianPruner`. Infinite where
    nobody is: at first, at the end, and while fewer than `BATCH` came to an end.
    """
    ended = [it.losses for it in outcomes if it.state == DONE]
    at = [[it[moment] for it in ended if moment in it] for moment in range(1, MOMENTS + 1)]
    return tuple(
        statistics.median(losses)
        if moment >= WARM and moment < MOMENTS and len(losses) >= BATCH
        else math.inf
        for moment, losses in enumerate(at, 1)
    )


def best(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The settings that lost least; of equals the first. None where none came to their end."""
    ended = [it for it in outcomes if it.state == DONE and math.isfinite(it.loss)]
    return min(ended, key=lambda it: (it.loss, it.number), default=None)


def frame_of(
    found: Sequence[tuple[Study, Sequence[Outcome], Mapping[str, float] | None]],
) -> pd.DataFrame:
    """One row for each settings that were tried; `importance` is in that of the chosen ones."""
    rows = []
    for study, outcomes, importance in found:
        chosen = best(outcomes)
        for it in outcomes:
            rows.append(
                {
                    "study": study.id,
                    "family": study.family,
                    "protocol": study.protocol,
                    "fold": study.meeting.fold or 0,
                    "learner": study.label,
                    "number": it.number,
                    "state": it.state,
                    "loss": it.loss,
                    "chosen": it is chosen,
                    "seconds": it.seconds,
                    "validation_seconds": it.validation_seconds,
                    "tasks": it.tasks,
                    "settings": json.dumps(dict(it.settings)),
                    "losses": json.dumps({str(at): loss for at, loss in it.losses.items()}),
                    "importance": json.dumps(importance or {}) if it is chosen else "{}",
                    "reason": it.reason,
                }
            )
    return pd.DataFrame(rows, columns=list(TUNING_TYPES)).astype(TUNING_TYPES)


def outcomes_in(table: pd.DataFrame, study: str) -> list[Outcome]:
    """What a table knows of a study, from its first settings on without a gap."""
    rows = table[table["study"] == study].sort_values("number").to_dict("records")
    found = [
        Outcome(
            int(row["number"]),
            json.loads(row["settings"]),
            str(row["state"]),
            float(row["loss"]),
            {int(at): float(loss) for at, loss in json.loads(row["losses"]).items()},
            int(row["tasks"]),
            float(row["seconds"]),
            float(row["validation_seconds"]),
            str(row["reason"]),
        )
        for row in rows
    ]
    return [it for place, it in enumerate(found) if it.number == place]
