"""What a matrix will take before any of it is run: trials, trainings, time and memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from benchmarks.core.text import clock, count
from benchmarks.harness.outlook.costs import Cost, bundled_costs, costs_of, nearest_cost
from benchmarks.harness.outlook.former import Former, status_of
from benchmarks.harness.outlook.lots import Lot
from benchmarks.harness.outlook.sizes import Sizes
from benchmarks.harness.plan.matrix import Matrix

START_SECONDS = 0.5
"""What each trial takes before it trains: a process, the data."""
HELD_MB = 400.0
"""What a trial holds of which nothing is known; most of it is torch."""
LEAST_TEST = 1e-3
"""Seconds for a test task of a learner of which nothing is known."""
LOOKED_AT = 600
"""To look for the best of ten states takes as long as so many test tasks, by and large."""
GUESSED = "what its class says"
HERE = "trials of this folder"
PROBED = "a probe"
Find = Callable[[Lot], Cost | None]


class Share(NamedTuple):
    """What of a learner is left to do on one family."""

    learner: str
    family: str
    trials: int
    done: int
    left: int
    trainings: int
    shared: int
    train_seconds: float
    test_seconds: float
    memory: float
    source: str

    @property
    def seconds(self) -> float:
        return self.train_seconds + self.test_seconds


@dataclass(frozen=True)
class Forecast:
    """All of it.

    Attributes:
        shares: what is left, by learner and family.
        failed: how many trials have failed, and will be run again.
        tried, tries: settings that were tried already, and those to be tried yet; `try_seconds` is
            what those take at most, as many are given up on the way.
    """

    name: str
    shares: Sequence[Share]
    failed: int = 0
    tried: int = 0
    tries: int = 0
    try_seconds: float = 0.0

    @property
    def trials(self) -> int:
        return sum(it.trials for it in self.shares)

    @property
    def done(self) -> int:
        return sum(it.done for it in self.shares)

    @property
    def left(self) -> int:
        return sum(it.left for it in self.shares)

    @property
    def trainings(self) -> int:
        return sum(it.trainings for it in self.shares)

    @property
    def seconds(self) -> float:
        """Of one processor, all together."""
        return self.try_seconds + sum(it.seconds for it in self.shares)

    @property
    def memory(self) -> float:
        """The most that one trial may hold, in MB."""
        return max((it.memory for it in self.shares if it.left), default=0.0)

    def wall_seconds(self, jobs: int) -> float:
        """By the clock, where so many trials run at a time."""
        longest = max((it.seconds / it.left for it in self.shares if it.left), default=0.0)
        return max(self.seconds / max(1, jobs), longest)


def forecast(matrix: Matrix, lots: Sequence[Lot], former: Former, find: Find) -> Forecast:
    """Count what is left of the lots, and what that takes.

    Args:
        matrix: which.
        lots: all of its trials.
        former: what is done of them.
        find: what trials of a lot take; None where nobody knows.
    """
    taken = {
        (lot.training, seed)
        for lot in lots
        for seed in lot.seeds
        if lot.key(seed) in former.trained
    }
    found: dict[tuple[str, str], list[Share]] = {}
    failed = 0
    for lot in lots:
        statuses = [status_of(former, lot, seed) for seed in lot.seeds]
        failed += statuses.count("failed")
        left = [
            seed
            for seed, it in zip(lot.seeds, statuses, strict=True)
            if it not in ("done", "cannot")
        ]
        anew = [seed for seed in left if (lot.training, seed) not in taken]
        taken |= {(lot.training, seed) for seed in anew}
        each = seconds_of(lot, cost := find(lot))
        carried = each.then * len(left)
        trainings = len(anew) if lot.learner.effort else 0
        share = Share(
            lot.learner.entry.label,
            lot.family.entry.label,
            len(lot.seeds),
            len(lot.seeds) - len(left),
            len(left),
            trainings,
            len(left) - trainings if lot.learner.effort else 0,
            each.training * trainings + carried,
            (each.test + START_SECONDS) * len(left),
            HELD_MB if cost is None else cost.memory,
            GUESSED if cost is None else cost.source,
        )
        found.setdefault((share.learner, share.family), []).append(share)
    tries, try_seconds = _searched(matrix, lots, former, find)
    return Forecast(
        matrix.name, [_sum(it) for it in found.values()], failed, former.tried, tries, try_seconds
    )


class Seconds(NamedTuple):
    """Of one trial: training, carrying on with a second family, and all that is asked of it."""

    training: float
    then: float
    test: float


def seconds_of(lot: Lot, cost: Cost | None) -> Seconds:
    """What one trial of a lot takes."""
    rate = lot.learner.effort if cost is None else cost.task
    effort = bool(lot.learner.effort)

    def spent(tasks: int | None, seconds: float | None) -> float:
        return seconds if seconds is not None else rate * (tasks or 0)

    training = spent(lot.budget.tasks, lot.budget.seconds) if effort else 0.0
    then = spent(lot.then.tasks, lot.then.seconds) if effort and lot.then is not None else 0.0
    each = max(rate, LEAST_TEST) if cost is None else cost.test
    look = cost.look if cost is not None and cost.look else LOOKED_AT * each
    return Seconds(training, then, lot.tests * each + (look if effort and lot.looks else 0.0))


def finder(
    former: Former,
    factor: float = 1.0,
    probed: Mapping[str, Cost] | None = None,
    sizes: Sizes | None = None,
) -> Find:
    """Trials of this folder tell best, then a probe of the learner, then runs of this project.

    Args:
        former: what there is in this folder.
        factor: how many times as long this machine takes as that of this project's runs.
        probed: what probes have found, by `probe_key`.
        sizes: how many test tasks there are.
    """
    here, everywhere = costs_of(former.records, HERE, sizes), bundled_costs()
    at_home: dict[str, list[Cost]] = {}
    for cost in here:
        at_home.setdefault(cost.family, []).append(cost)

    def find(lot: Lot) -> Cost | None:
        who = lot.learner.name, lot.family.name, lot.learner.lasting
        cost = nearest_cost(at_home.get(lot.family.name, ()), *who)
        if cost is not None:
            return cost
        if probed is not None and (cost := probed.get(probe_key(lot))) is not None:
            return cost
        cost = nearest_cost(here, *who) or nearest_cost(everywhere, *who)
        return cost if cost is None or cost.source == HERE else _scaled(cost, factor)

    return find


def probe_key(lot: Lot) -> str:
    """Lots of one key take the same for each task."""
    return f"{lot.family.entry.label}\0{lot.learner.entry.label}"


def lines(found: Forecast, jobs: int, price: float | None, where: str) -> Iterator[str]:
    """The forecast in words and a table."""
    yield (
        f"{found.name}: {count(found.trials, 'trial')}, {found.done:,} done already"
        + (f", {found.failed:,} failed and to be run again" if found.failed else "")
        + f", {found.left:,} to run; in {where}"
    )
    left = [it for it in found.shares if it.left]
    if left:
        yield ""
        yield from _table(left)
        yield ""
    if found.left:
        shared = sum(it.shared for it in left)
        text = f"{count(found.trainings, 'training')} for {count(found.left, 'trial')}"
        if shared:
            take = "takes" if shared == 1 else "take"
            text += f": {count(shared, 'trial')} {take} over the training of another"
        yield text
    if found.tries:
        yield (
            f"before that {count(found.tries, 'training')} to search settings, of which many are "
            f"given up on the way: at most {clock(found.try_seconds)}"
        )
    if not found.left and not found.tries:
        yield "nothing is left to do"
        return
    wall = found.wall_seconds(jobs)
    yield (
        f"about {clock(found.seconds)} of one processor; {jobs:,} at a time, about {clock(wall)} "
        f"by the clock, and up to {min(jobs, found.left or jobs) * found.memory / 1000:,.1f} GB"
    )
    if price is not None:
        yield f"about {wall / 3600 * price:,.2f} at {price:g} an hour of such a machine"
    if any(it.source != HERE and it.source != PROBED for it in left):
        yield (
            "an estimate to within a factor of two or three: other settings, data and machines "
            "take other times; --probe tries each learner for some seconds here"
        )


def _table(shares: Sequence[Share]) -> Iterator[str]:
    head = ("learner", "family", "trials", "done", "to run", "trainings", "each", "in all", "by")
    rows: list[tuple[str, ...]] = [head]
    for it in shares:
        numbers = (f"{number:,}" for number in (it.trials, it.done, it.left, it.trainings))
        times = clock(it.seconds / it.left), clock(it.seconds)
        rows.append((it.learner, it.family, *numbers, *times, it.source))
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    for row in rows:
        cells = [
            text.ljust(width) if place in (0, 1, 8) else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _searched(matrix: Matrix, lots: Sequence[Lot], former: Former, find: Find) -> tuple[int, float]:
    """How many trainings a search for settings needs yet, and how long they take at most."""
    if matrix.tuning is None:
        return 0, 0.0
    each = matrix.tuning.trials * len(matrix.tuning.seeds)
    studies: dict[str, float] = {}
    for lot in lots:
        if lot.learner.searched and lot.training not in studies:
            cost = find(lot)
            rate = lot.learner.effort if cost is None else cost.task
            budget = matrix.tuning.budget
            studies[lot.training] = budget.seconds or rate * (budget.tasks or 0)
    whole = len(studies) * each
    left = max(0, whole - former.tried * len(matrix.tuning.seeds))
    return left, sum(studies.values()) * each * (left / whole if whole else 0.0)


def _scaled(cost: Cost, factor: float) -> Cost:
    return replace(cost, task=cost.task * factor, test=cost.test * factor, look=cost.look * factor)


def _sum(shares: Sequence[Share]) -> Share:
    first = shares[0]
    return Share(
        first.learner,
        first.family,
        sum(it.trials for it in shares),
        sum(it.done for it in shares),
        sum(it.left for it in shares),
        sum(it.trainings for it in shares),
        sum(it.shared for it in shares),
        sum(it.train_seconds for it in shares),
        sum(it.test_seconds for it in shares),
        max(it.memory for it in shares),
        ", ".join(sorted({it.source for it in shares})),
    )
