"""The tables that protocols declare of what they tell beside scores."""

from collections.abc import Iterator, Sequence

from benchmarks.core.declaration import Table
from benchmarks.core.landmarks import landmarks
from benchmarks.report.scores.cells import Comparison, Group
from benchmarks.report.scores.wording import plural, said
from benchmarks.report.tables.catalogue import Place
from benchmarks.report.tables.entries import counted, scored
from benchmarks.report.tables.layout import Entry, Sheet

PLACE = 20
Column = tuple[int, str, str]
"""A number of steps, a metric, and what stands above the column."""


def sheets(at: Place) -> Iterator[Sheet]:
    """What is told of a learner beside its scores; nothing where the protocol tells no more."""
    comparison, group = at.comparison, at.group
    for table in comparison.metrics.declared.tables:
        metrics = [comparison.metrics.stored(it.metric) for it in table.columns]
        if any(it != comparison.metric and it in group.metrics for it in metrics):
            for stops in _stops(table, group, metrics):
                yield _sheet(comparison, group, table, stops)


def remarks(at: Place) -> Iterator[str]:
    yield from ()


def protocols_note(comparisons: tuple[Comparison, ...]) -> str:
    """What a reader has to know of the protocols that are there; empty for few_shot alone."""
    references = sorted({it.reference for it in comparisons if it.reference})
    if not references:
        return ""
    names = " or ".join(f"`{name}`" for name in references)
    return (
        f"From scratch means: what {names} scores on the same tasks after the same steps, without "
        "meta-training. Paired differences are of the same task and seed."
    )


def _stops(table: Table, group: Group, metrics: Sequence[str]) -> Iterator[Sequence[int]]:
    """The numbers of steps that stand in each table of this sort."""
    *before, last = group.steps
    if table.at == "each":
        yield [it for it in landmarks(group.steps) if _has(group, it, metrics)]
    elif table.at == "few":
        yield from ([it] for it in (*(it for it in before if it <= 1), last))
    else:
        yield [last]


def _sheet(comparison: Comparison, group: Group, table: Table, stops: Sequence[int]) -> Sheet:
    last = stops[-1]
    caption = table.caption if comparison.ways is None else table.of_accuracies or table.caption
    columns: list[Column] = [
        (
            steps,
            comparison.metrics.stored(it.metric),
            said(it.title, comparison, count=plural(steps, "step")),
        )
        for steps in stops
        for it in table.columns
    ]
    return Sheet(
        said(
            caption, comparison, steps=plural(last, "adaptation step"), last=last, beyond=last + 1
        ),
        ("learner", *(title for _, _, title in columns), "seeds", "tasks"),
        tuple(
            (
                Entry(entrant.name),
                *(scored(entrant, group, steps, metric) for steps, metric, _ in columns),
                *counted(
                    comparison,
                    entrant,
                    [
                        cell
                        for steps, metric, _ in columns
                        if (cell := group.cells.get((entrant.label, steps, metric)))
                    ],
                ),
            )
            for entrant in comparison.entrants
        ),
    )


def _has(group: Group, steps: int, metrics: Sequence[str]) -> bool:
    return any(at == steps and name in metrics for _, at, name in group.cells)
