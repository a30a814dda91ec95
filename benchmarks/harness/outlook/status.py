"""What `reml status` says of a results folder."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from benchmarks.core.kinds import COUNTERS
from benchmarks.core.text import clock, count
from benchmarks.harness.disk.pulse import Running

STATUSES = ("done", "failed", "missing", "cannot")
MISSING_SHOWN = 10


@runtime_checkable
class Trials(Protocol):
    """The records of a matrix: `Overview` or `Results`."""

    @property
    def name(self) -> str: ...

    @property
    def order(self) -> Sequence[str]: ...

    @property
    def records(self) -> Sequence[Mapping[str, Any]]: ...

    @property
    def searched(self) -> Mapping[str, Any]: ...


def status_text(trials: Trials, running: Sequence[Running] = ()) -> str:
    """Counts, reasons of failures, what runs, what is missing, and what each learner has spent."""
    return "\n".join(_lines(trials, running))


def _lines(trials: Trials, running: Sequence[Running]) -> Iterator[str]:
    records = trials.records
    known = {record["trial"] for record in records}
    numbers = Counter(record["status"] for record in records)
    shown = [it for it in STATUSES if numbers[it] or it != "cannot"]
    counts = ", ".join(f"{numbers[it]} {it}" for it in shown)
    yield f"{trials.name}: {count(len(records), 'trial')}: {counts}"
    yield from _searches(trials.searched)
    for status in ("failed", "cannot"):
        for record in records:
            if record["status"] == status:
                yield f"{status}   {record['trial']}: {record.get('reason')}"
    now = time.time()
    for it in running:
        if it.trial in known or trials.searched:
            yield f"running  {it.trial}: {_going(it, now)}"
    going = {it.trial for it in running}
    missing = [record["trial"] for record in records if record["status"] == "missing"]
    missing = [trial for trial in missing if trial not in going]
    for trial in missing[:MISSING_SHOWN]:
        yield f"missing  {trial}"
    if len(missing) > MISSING_SHOWN:
        yield f"missing  ... and {len(missing) - MISSING_SHOWN} more"
    done = [record for record in records if record["status"] == "done"]
    for learner in trials.order:
        mine = [record.get("spending", {}) for record in done if record["learner"] == learner]
        if mine:
            yield f"spent    {learner}: {_spending(mine)}"


def _searches(searched: Mapping[str, Any]) -> Iterator[str]:
    """How far the search for settings is; trials are known once it is over."""
    planned = searched.get("trials", 0)
    for it in searched.get("studies", ()):
        fold = "" if it.get("fold") is None else f", fold {it['fold']}"
        who = f"tuning   {it['learner']} on {it['family']}{fold}: "
        if "why" in it:
            yield f"{who}nothing, as {it['why']}"
            continue
        said = f"{it['tried']} of {count(planned, 'trial')}"
        if it.get("loss") is not None:
            said += f", the best so far is number {it['best']}, with a loss of {it['loss']:.3g}"
        yield f"{who}{said}"


def _going(it: Running, now: float) -> str:
    """`43 % after 2 min 05 s on node7, mse 0.31`, or what has become of it."""
    since = f"{it.fraction:.0%} after {clock(max(0.0, now - it.started))}"
    where = f" on {it.host}" if it.host else ""
    return f"{since}{where}, {it.trouble(now) or it.text or 'begun'}"


def _spending(spent: Sequence[Mapping[str, Any]]) -> str:
    def values(name: str) -> Iterator[float]:
        return (float(it.get(name) or 0) for it in spent)

    parts = [count(len(spent), "trial"), count(int(sum(values("tasks"))), "task")]
    for counter in COUNTERS:
        if total := sum(values(counter)):
            parts.append(f"{total:,.0f} {counter.replace('_', ' ')}")
    parts.append(clock(sum(values("seconds")) + sum(values("evaluate_seconds"))))
    parts.append(f"at most {max(values('peak_memory_mb')):,.0f} MB")
    return ", ".join(parts)
