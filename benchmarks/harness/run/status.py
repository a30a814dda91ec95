"""What `reml status` says of a results folder."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.core.budget import COUNTERS
from benchmarks.core.text import count
from benchmarks.harness.run.progress import clock
from benchmarks.harness.store.results import Results

STATUSES = ("done", "failed", "missing", "cannot")
MISSING_SHOWN = 10


def status_text(results: Results) -> str:
    """Counts, reasons of failures, what is missing, and what each learner has spent in all."""
    return "\n".join(_lines(results))


def _lines(results: Results) -> Iterator[str]:
    trials = results.trials
    numbers = {status: int((trials["status"] == status).sum()) for status in STATUSES}
    counts = [f"{n} {status}" for status, n in numbers.items() if n or status != "cannot"]
    yield f"{results.name}: {count(len(trials), 'trial')}: {', '.join(counts)}"
    for status in ("failed", "cannot"):
        ended = trials[trials["status"] == status]
        for trial, reason in zip(ended["trial"], ended["reason"], strict=True):
            yield f"{status}   {trial}: {reason}"
    missing = list(trials.loc[trials["status"] == "missing", "trial"])
    for trial in missing[:MISSING_SHOWN]:
        yield f"missing  {trial}"
    if len(missing) > MISSING_SHOWN:
        yield f"missing  ... and {len(missing) - MISSING_SHOWN} more"
    done = trials[trials["status"] == "done"]
    for learner in results.order:
        mine = done[done["learner"] == learner]
        if len(mine):
            yield f"spent    {learner}: {_spending(mine)}"


def _spending(trials: pd.DataFrame) -> str:
    parts = [count(len(trials), "trial"), count(int(trials["tasks"].sum()), "task")]
    for counter in COUNTERS:
        if total := trials[counter].sum():
            parts.append(f"{total:,.0f} {counter.replace('_', ' ')}")
    parts.append(clock(float((trials["seconds"] + trials["evaluate_seconds"]).sum())))
    parts.append(f"at most {trials['peak_memory_mb'].max():,.0f} MB")
    return ", ".join(parts)
