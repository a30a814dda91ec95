"""What an engine would be asked for, in words; nothing is asked for yet, and no engine imported."""

from collections.abc import Iterator
from math import ceil, isinf

from benchmarks.core.text import clock, count
from benchmarks.harness.engines.names import LOCAL, SLURM, kind_of
from benchmarks.harness.engines.settings import Resources, Settings
from benchmarks.harness.outlook.forecast import Forecast, Share
from benchmarks.units import told_bytes, told_seconds


def engine_lines(name: str | None, settings: Settings, found: Forecast, jobs: int) -> Iterator[str]:
    """How many jobs an engine gets, what each of them asks for, and where that may be too little.

    Args:
        name: as `--engine` takes it; as the settings say where nobody does.
        settings: what trials are given.
        found: what is left to do.
        jobs: trials at a time on this machine.

    Raises:
        UnknownName: there is no such engine.
    """
    given = "--engine" if name else settings.source
    name = name or settings.table.name or LOCAL
    kind = kind_of(name, given)
    left = [it for it in found.shares if it.left]
    if not left:
        return
    if kind == LOCAL:
        yield f"engine local: {min(jobs, found.left):,} at a time here, on one thread each"
        return
    bundle = settings.table.bundle if kind == SLURM else 1
    number = sum(ceil(it.left / bundle) for it in left)
    queue = f", at most {settings.table.queue:,} in the queue at a time" * (kind == SLURM)
    yield f"engine {name}: {count(number, 'job')}{queue}; each asks for"
    asked: dict[str, list[str]] = {}
    for it in left:
        asked.setdefault(_told(settings.of(it.learner)), []).append(it.learner)
    for told, labels in asked.items():
        yield f"  {told}: {', '.join(dict.fromkeys(labels))}"
    for it in left:
        yield from _short(it, settings.of(it.learner), bundle, kind)


def _told(resources: Resources) -> str:
    parts = [count(resources.processors, "processor")]
    if isinstance(resources.memory, float) and not isinf(resources.memory):
        parts.append(told_bytes(resources.memory))
    if resources.gpus:
        parts.append(f"{resources.gpus:g} GPU{'' if resources.gpus == 1 else 's'}")
    if isinstance(resources.time, float) and not isinf(resources.time):
        parts.append(f"at most {told_seconds(resources.time)}")
    named = {"partition": resources.partition, "account": resources.account, **resources.extra}
    parts += [f"{key} {it}" for key, it in named.items() if it is not None]
    return ", ".join(parts)


def _short(share: Share, resources: Resources, bundle: int, kind: str) -> Iterator[str]:
    """Where a job is likely to be ended for what it takes."""
    who = f"{share.learner} on {share.family}"
    seconds = share.seconds / share.left * bundle
    if kind == SLURM and isinstance(resources.time, float) and seconds > resources.time:
        yield (
            f"note: {who}: a job may take {clock(seconds)}, and ends after "
            f"{told_seconds(resources.time)}"
        )
    if isinstance(resources.memory, float) and share.memory * 1e6 > resources.memory:
        yield (
            f"note: {who}: a trial held up to {share.memory:,.0f} MB, and gets "
            f"{told_bytes(resources.memory)}"
        )
