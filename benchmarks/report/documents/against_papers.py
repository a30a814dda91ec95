"""Our results held against published numbers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchmarks.core.declaration import USUAL
from benchmarks.core.errors import UserError
from benchmarks.harness.plan.fields import as_plain
from benchmarks.harness.plan.registry import Kind, Registry
from benchmarks.harness.store.results import Results
from benchmarks.report.documents.published import Cell, Published, Row, in_words, published, same
from benchmarks.report.scores.cells import Cell as Scored
from benchmarks.report.scores.cells import Comparison, Entrant, Group
from benchmarks.report.scores.metrics import higher_is_better
from benchmarks.report.scores.summary import summarise
from benchmarks.report.scores.wording import plural
from benchmarks.report.statistics import Interval

KINDS: tuple[Kind, ...] = ("family", "learner")
Verdict = Literal["inside", "outside", "not comparable"]


@dataclass(frozen=True)
class Finding:
    """One of our cells beside the published number for it.

    Attributes:
        steps: after how many adaptation steps ours was scored.
        ours: None where there is no score.
        essential: what differs so much that the two cannot be compared, in words.
        deviations: what else differs.
    """

    comparison: Comparison
    entrant: Entrant
    shots: int
    steps: int
    row: Row
    cell: Cell
    ours: Interval | None
    essential: tuple[str, ...]
    deviations: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        if self.ours is None or self.essential:
            return "not comparable"
        return "outside" if self.apart else "inside"

    @property
    def apart(self) -> bool:
        theirs = self.cell.range(self.row.metric)
        ours = self.ours
        return ours is not None and (ours.high < theirs.low or theirs.high < ours.low)

    @property
    def better(self) -> bool | None:
        """Where ours is outside, whether it is the better one."""
        if self.ours is None or self.verdict != "outside":
            return None
        higher = self.ours.value > self.cell.range(self.row.metric).value
        return higher is (higher_is_better(self.row.metric))


def findings(results: Results) -> Iterator[Finding]:
    """Every number published for a family, learner, ways and shots that the results have.

    What a learner is comes from the specifications that trials keep, not from labels. Fields that
    came after a trial was run have the value that means "as before".
    """
    data = published()
    for comparison in summarise(results):
        if comparison.kind != USUAL:
            continue  # what is published is of nothing else
        specs = _specs(results, comparison)
        for row in data.row:
            for entrant in comparison.entrants:
                spec = specs.get(entrant.label)
                if spec is not None and _is_about(row, spec):
                    for group in comparison.groups:
                        for cell in row.cells:
                            if (cell.ways, cell.shots) == (comparison.ways, group.shots):
                                yield _finding(data, comparison, entrant, group, row, cell, spec)


def others(comparison: Comparison, results: Results) -> Iterator[tuple[Row, Cell]]:
    """Numbers published for the same tasks by methods that are no contenders here."""
    families = {spec["family.name"] for spec in _specs(results, comparison).values()}
    shots = {group.shots for group in comparison.groups}
    for row in published().row:
        if row.learner is None and row.family in families:
            for cell in row.cells:
                if cell.ways == comparison.ways and cell.shots in shots:
                    yield row, cell


def _specs(results: Results, comparison: Comparison) -> dict[str, dict[str, Any]]:
    """What each learner of a comparison ran with, flat: `family.name`, `learner.hidden`, ..."""
    trials = results.trials
    done = trials[
        (trials["status"] == "done")
        & (trials["family"] == comparison.family)
        & (trials["protocol"] == comparison.protocol)
    ]
    first = done.drop_duplicates("learner")
    registry = Registry()
    return {
        label: {"budget.tasks": int(tasks), **_flat(spec, registry)}
        for label, spec, tasks in zip(first["learner"], first["spec"], first["tasks"], strict=True)
        if spec
    }


def _flat(spec: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for part in ("protocol", "budget"):
        flat |= {f"{part}.{key}": value for key, value in spec[part].items()}
    for kind in KINDS:
        name = spec[kind]["name"]
        fields = _later(registry, kind, name) | spec[kind]["fields"]
        flat |= {f"{kind}.name": name} | {f"{kind}.{key}": it for key, it in fields.items()}
    return flat


def _later(registry: Registry, kind: Kind, name: str) -> dict[str, Any]:
    """Fields that came after results were published, and what they were before; none of plugins."""
    try:
        return as_plain(dict(getattr(registry.find(kind, name).cls, "later", {})))
    except UserError:
        return {}


def _is_about(row: Row, spec: Mapping[str, Any]) -> bool:
    return (row.family, row.learner) == (spec["family.name"], spec["learner.name"]) and all(
        same(spec.get(key), value) for key, value in row.select.items()
    )


def _finding(
    data: Published,
    comparison: Comparison,
    entrant: Entrant,
    group: Group,
    row: Row,
    cell: Cell,
    spec: Mapping[str, Any],
) -> Finding:
    steps = cell.steps if cell.steps in group.steps else group.steps[-1]
    essential: list[str] = []
    deviations: list[str] = []
    if cell.steps is not None and steps != cell.steps:
        essential.append(f"scored after {plural(steps, 'adaptation step')}, not {cell.steps}")
    for key, theirs in data.settings(row, cell).items():
        if not same(spec.get(key), theirs):
            mine = in_words(spec[key]) if key in spec else "not recorded"
            said = f"{data.words[key]}: {mine}, not {in_words(theirs)}"
            (essential if row.is_essential(key) else deviations).append(said)
    if not entrant.complete:
        deviations.append(f"{entrant.done} of {plural(entrant.planned, 'seed')}")
    found = group.cells.get((entrant.label, steps, row.metric))
    finding = Finding(
        comparison,
        entrant,
        group.shots,
        steps,
        row,
        cell,
        None if found is None else found.mean,
        tuple(essential),
        tuple(deviations),
    )
    if found is None or found.grounds.verdict or (found.mean.known and not finding.apart):
        return finding
    return replace(finding, essential=(*essential, _too_little(found)))


def _too_little(cell: Scored) -> str:
    """Why an interval cannot exclude a published number; that it includes one stands."""
    if cell.seeds == 1:
        return "one seed, whose interval says nothing of training again"
    return f"{plural(cell.groups, 'group')} of test tasks, too few for a verdict"
