"""The tables of paired differences: one for people, one for machines."""

import math
from collections.abc import Iterator

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.pairs import Row, baseline_of, paired
from benchmarks.report.scores.stops import after, told
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import bounds, number, plural, score, tentative
from benchmarks.report.statistics import Interval
from benchmarks.report.tables.catalogue import Place
from benchmarks.report.tables.layout import Entry, Sheet, marked

PLACE = 30
FILE = "pairs.csv"
COLUMNS = (
    *("family", "protocol", "shots", "steps", "metric", "learner", "against"),
    *("difference", "difference_low", "difference_high", "p", "p_holm"),
    *("improvement", "improvement_low", "improvement_high", "detectable"),
    *("gap", "gap_low", "gap_high", "seeds", "planned"),
)
PAIRS_NOTE = (
    "Paired differences are per task and seed. p is 1 less the level at which their interval would "
    "just reach 0, by Holm's correction for all learners of the table. Probability of improvement: "
    "that the learner is better on a random task, both trained with a random seed. Detectable: the "
    "difference that these seeds and tasks would have told from 0 with 80 % power at the 5 % "
    "level. Optimality gap: how much of the way from a constant guess (1) to no error at all (0) "
    "is left, no task counting for more than 1; NMSE in regression."
)
NOTHING = Interval(float("nan"), float("nan"), float("nan"))


def sheets(at: Place) -> Iterator[Sheet]:
    yield from pair_sheets(at.comparison, at.group, at.against)


def remarks(at: Place) -> Iterator[str]:
    yield from pair_remarks(at.comparison, at.group, at.against)


def pair_sheets(
    comparison: Comparison, group: Group, against: str | None = None
) -> Iterator[Sheet]:
    """The paired differences of one number of shots where verdicts are, if there are any."""
    found = paired(comparison, group, against)
    if found is None:
        return
    metric = comparison.metric
    gaps = any(row.gap for row in found.rows)
    compared = sum(row.pair is not None for row in found.rows)
    sign = "above" if higher_is_better(metric) else "below"
    verdict = group.grounds(metric).verdict
    about = (
        f"p for {plural(compared, 'comparison')}."
        if verdict
        else ("Neither p nor what could be detected: there can be no verdict.")
    )
    yield Sheet(
        f"Paired differences {after(group.decisive(metric))}: each learner's mean "
        f"{_name(metric)} minus that of {found.baseline.name}; {sign} 0 it is the better one. "
        f"{about}",
        (
            *("learner", f"minus {found.baseline.label}", "p (Holm)", "probability of improvement"),
            "detectable",
            *(["optimality gap"] if gaps else []),
        ),
        tuple(
            (
                Entry(row.entrant.name),
                *_pair_entries(row, metric),
                *([_gap_entry(row)] if gaps else []),
            )
            for row in found.rows
        ),
    )


def pair_remarks(comparison: Comparison, group: Group, against: str | None) -> Iterator[str]:
    """Why nobody is compared with the learner that was named."""
    if against is not None and baseline_of(comparison, group, against) is None:
        why = next(
            (it.coverage for it in comparison.entrants if it.label == against), "not in this table"
        )
        yield f"Nothing is compared with {against}: {why or 'there is nobody else to compare'}."


def frame(results: Results, against: str | None = None) -> pd.DataFrame:
    return make_pairs(summarise(results), against)


def make_pairs(comparisons: tuple[Comparison, ...], against: str | None = None) -> pd.DataFrame:
    """One row a family × protocol × shots × learner where verdicts are, learners in matrix order.

    Where a learner is not compared (it is the baseline, privileged, or has trials missing) there
    are no numbers of the pair. The `gap` is of the trials that are there.
    """
    table = [
        (
            *(
                comparison.family,
                comparison.protocol,
                group.shots,
                told(group.decisive(comparison.metric)),
            ),
            *(comparison.metric, row.entrant.label, found.baseline.label),
            *(row.pair.difference if row.pair else NOTHING),
            *((row.pair.p, row.pair.p_holm) if row.pair else NOTHING[:2]),
            *(row.pair.improvement if row.pair else NOTHING),
            row.pair.detectable if row.pair else NOTHING.value,
            *(row.gap or NOTHING),
            *row.entrant.seeds,
        )
        for comparison in comparisons
        for group in comparison.groups
        for found in [paired(comparison, group, against)]
        if found is not None
        for row in found.rows
    ]
    return pd.DataFrame(table, columns=list(COLUMNS))


def _pair_entries(row: Row, metric: str) -> tuple[Entry, ...]:
    if row.pair is None:
        missing = row.entrant.coverage
        if not row.entrant.complete:
            missing = f"⚠ {missing.removeprefix('⚠ ')}"
        return (Entry(missing or "–"), *[Entry("–")] * 3)
    pair = row.pair
    return (
        Entry(
            score(pair.difference.value, metric),
            detail=tentative(bounds(pair.difference, metric), row.entrant.done),
        ),
        Entry(_p(pair.p_holm)),
        _share(pair.improvement, row.entrant.done),
        Entry("–" if math.isnan(pair.detectable) else score(pair.detectable, metric)),
    )


def _gap_entry(row: Row) -> Entry:
    if row.gap is None:
        return Entry("–")
    low, high = (number(end, row.gap.value) for end in row.gap[1:])
    detail = tentative(f"[{low}, {high}]" if row.gap.known else "", row.entrant.done)
    return marked(Entry(number(row.gap.value), detail=detail), row.entrant.seeds)


def _share(interval: Interval, seeds: int) -> Entry:
    value, low, high = (f"{number:.2f}" for number in interval)
    return Entry(value, detail=tentative(f"[{low}, {high}]" if interval.known else "", seeds))


def _p(value: float) -> str:
    if math.isnan(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _name(metric: str) -> str:
    return metric if higher_is_better(metric) else metric.upper()
