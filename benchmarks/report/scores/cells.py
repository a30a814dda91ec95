"""Cells with intervals, and who met whom: what every table, figure and sentence reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from benchmarks.core.declaration import USUAL, Declaration
from benchmarks.report.scores.chosen import CHOSEN, Chosen
from benchmarks.report.scores.collapse import MARK, Collapse
from benchmarks.report.scores.metrics import Metrics
from benchmarks.report.scores.roles import Role, phrase
from benchmarks.report.statistics import (
    Coverage,
    Estimate,
    Grounds,
    Interval,
    Scores,
)

SPENDING = (
    "tasks",
    "points",
    "inner_gradients",
    "outer_gradients",
    "environment_steps",
    "parameters",
)
ADAPTED = "adapted_parameters"
"""How many numbers adaptation may change for one task; not recorded in former versions."""
COSTS = ("seconds", "cpu_seconds", "evaluate_seconds", "peak_memory_mb")

Statistic = Literal["mean", "iqm"]


@dataclass(frozen=True)
class Cell:
    """One learner at one number of shots and steps, in one metric."""

    mean: Interval
    iqm: Interval
    seeds: int
    tasks: int
    groups: int
    diverged: int = 0
    """How many of the scores it is made of diverged, and count as what is stored of those."""

    @property
    def grounds(self) -> Grounds:
        return Grounds(self.seeds, self.groups)


@dataclass(frozen=True)
class Ranking:
    """Who is best in one column, and by how much the others are behind, nearest first.

    A difference is the other's value minus the best's, paired per task. Learners with trials
    missing are left out, as what failed might have been their worst, and so are privileged ones.
    """

    best: str
    behind: Mapping[str, Interval]
    grounds: Grounds

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Those who are not told apart from the best: all, where there can be no verdict."""
        return tuple(
            name
            for name, by in self.behind.items()
            if not (self.grounds.verdict and by.excludes_zero)
        )

    @property
    def alike(self) -> frozenset[str]:
        """Those whom a verdict does not tell apart from the best; nobody without a verdict."""
        return frozenset(self.unresolved if self.grounds.verdict else ())


@dataclass(frozen=True)
class End:
    """What one learner came to where verdicts are, in one metric: task by task, and on average."""

    scores: Scores
    mean: Estimate


@dataclass(frozen=True)
class Group:
    """All cells of one number of shots, and by learner and metric what the decisive steps came to.

    Of very many steps, only some have cells. Where validation has chosen for every trial when to
    stop, there are cells of that, too, under `CHOSEN`, and `chosen` is what it chose.
    """

    shots: int
    steps: tuple[int, ...]
    metrics: tuple[str, ...]
    cells: Mapping[tuple[str, int, str], Cell]
    rankings: Mapping[tuple[int, str, Statistic], Ranking]
    left_out: int
    left_out_train: int
    ends: Mapping[tuple[str, str], End] = field(default_factory=dict)
    chosen: Chosen = field(default_factory=dict)
    made: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What is made of it once: the pairs, by whom the others are compared with."""

    def decisive(self, metric: str) -> int:
        """After how many steps verdicts are: those that validation chose, else the most."""
        there = any((at, name) == (CHOSEN, metric) for _, at, name in self.cells)
        return CHOSEN if there else self.steps[-1]

    def grounds(self, metric: str) -> Grounds:
        """The fewest seeds and groups of test tasks behind what can be ranked by this metric."""
        found = [it.grounds for (_, named, _), it in self.rankings.items() if named == metric]
        found = found or [
            cell.grounds for (*_, named), cell in self.cells.items() if named == metric
        ]
        return Grounds(*map(min, zip(*found, strict=True))) if found else Grounds(0, 0)

    def tasks(self, metric: str) -> int:
        return max((it.tasks for (*_, name), it in self.cells.items() if name == metric), default=0)


@dataclass(frozen=True)
class Entrant:
    """One learner in one comparison: how many of its trials are there, and what they spent."""

    label: str
    privileged: bool
    planned: int
    done: int
    troubles: tuple[str, ...]
    failed: bool
    spending: Mapping[str, float]
    transductive: bool = False
    cannot: str = ""
    """Why some of its trials are impossible; those were not planned."""
    role: Role = "baseline"
    learner: str = ""
    """The learner or preset that the matrix names."""
    collapsed: tuple[Collapse, ...] = ()
    """Seeds whose training came to nothing, as far as it is known."""
    spread: str = ""
    """Who says how sure its predictions are: "own", "residual", or nobody."""
    tuned: int = 0
    """Of how many settings its own were the best on validation tasks; 0 where none were tried."""

    @property
    def is_control(self) -> bool:
        return self.role == "control"

    @property
    def name(self) -> str:
        marks = "†" * self.privileged + "‡" * self.transductive + MARK * bool(self.collapsed)
        return f"{self.label} {marks}" if marks else self.label

    @property
    def settled(self) -> str:
        """The name, and how it came by its settings where they were searched."""
        return f"{self.name}, {phrase(self.tuned)}" if self.tuned else self.name

    @property
    def seeds(self) -> Coverage:
        return Coverage(self.done, self.planned)

    @property
    def complete(self) -> bool:
        return self.seeds.complete

    @property
    def coverage(self) -> str:
        """What to say of missing trials; empty where all are there."""
        if self.complete:
            return "cannot" if self.cannot and not self.done else ""
        if not self.done:
            return "failed" if self.failed else "not run"
        return f"⚠ {self.seeds} seeds"


@dataclass(frozen=True)
class Comparison:
    """One family under one protocol: the learners that met there, in the order of the matrix.

    Attributes:
        split: what tasks the scores are of, `test` or `validation`.
        dropped_rows: how many rows of the data could not be used.
        rules: the protocol's table in the matrix; empty where it is not known.
        grouped_by: what a group of test tasks is called; empty where it is not known.
        declared: what the protocol tells beside scores, and how that is shown.
    """

    family: str
    protocol: str
    split: str
    dropped_rows: int
    problem: Mapping[str, Any]
    entrants: tuple[Entrant, ...]
    groups: tuple[Group, ...]
    rules: Mapping[str, Any] = field(default_factory=dict)
    grouped_by: str = ""
    declared: Declaration = field(default_factory=Declaration)

    @property
    def kind(self) -> str:
        return str(self.rules.get("kind", USUAL))

    @property
    def other(self) -> str:
        """The second family: tested on instead, or trained on next; empty where there is none."""
        (on, *_) = self.rules.get("on") or [""]
        return str(self.rules.get("then") or on)

    @property
    def reference(self) -> str:
        """Who else was tested, for scores to be held against."""
        return str(self.rules.get("reference", {}).get("name", ""))

    @cached_property
    def metrics(self) -> Metrics:
        """What is known of its metrics by their names."""
        return Metrics(self.problem, self.declared)

    @property
    def metric(self) -> str:
        return str(self.problem.get("metric", "mse"))

    @property
    def ways(self) -> int | None:
        """How many classes a task has; None in regression."""
        return int(self.problem["outputs"]) if self.metric == "accuracy" else None

    @property
    def title(self) -> str:
        where = self.family if self.protocol == USUAL else f"{self.family}, {self.protocol}"
        return where if self.split == "test" else f"{where} ({self.split} tasks)"
