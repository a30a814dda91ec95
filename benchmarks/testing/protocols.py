"""The laws of a protocol, tried on a trial that trains nobody and makes the scores up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core import Kind, Problem, TaskBatch, generator_of
from benchmarks.core.declaration import Declaration
from benchmarks.core.errors import ContractError
from benchmarks.core.protocol import Change, Outcome, Place, Protocol
from benchmarks.testing.checks import Check, demand, run_laws, same_bits
from benchmarks.testing.toy import Toy, ToyClasses

TASKS: Mapping[Place, int] = {"own": 5, "other": 3}
KINDS: Mapping[Kind, Problem] = {
    "regression": Toy().problem,
    "classification": ToyClasses().problem,
}


@dataclass(frozen=True)
class Made:
    """Scores for each number of shots, of shape (steps, tasks); every seventh diverged."""

    by_shots: Mapping[int, Float[Tensor, "steps tasks"]]

    def levels(self, shots: int) -> Float[Tensor, "steps tasks"]:
        return self.by_shots[shots]

    def diverged(self, shots: int) -> Bool[Tensor, "steps tasks"]:
        level = self.by_shots[shots]
        return torch.arange(level.numel()).view(level.shape) % 7 == 6


@dataclass
class StandIn:
    """A trial as a protocol sees it; `asked` is what it was asked for, in order.

    Attributes:
        scores: what each test or reference finds; made up where there are none left.
    """

    protocol: Protocol
    problem: Problem
    scores: list[Made] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def train(self) -> None:
        self._ask("train")

    def carry_on(self) -> None:
        self._ask("carry on", after="train")
        demand("other" in self.protocol.trains_on, "carries on, which `trains_on` does not say")

    def choose(self) -> None:
        self._ask("choose", after="train")

    def test(self, on: Place = "own", *, change: Change | None = None, whole: bool = True) -> Made:
        self._ask(f"test on {on}", after="train")
        demand(on in self.protocol.tests_on, f"tests on {on}, which `tests_on` does not say")
        self.changes += [] if change is None else [change]
        return self._next(on)

    def reference(self, on: Place = "own") -> Made:
        self._ask(f"reference on {on}")
        demand(self.protocol.compared_with is not None, "asks for a reference, and names none")
        demand(on in self.protocol.tests_on, f"asks for a reference on {on}, which it never tests")
        return self._next(on)

    def _ask(self, what: str, after: str = "") -> None:
        demand(not after or after in self.asked, f"asks to {what} before it asks to {after}")
        self.asked.append(what)

    def _next(self, on: Place) -> Made:
        if self.scores:
            return self.scores.pop(0)
        chance = generator_of("made up", len(self.asked))
        shape = len(self.protocol.steps), TASKS[on]
        return Made(
            {
                k: torch.rand(shape, generator=chance, dtype=torch.float64)
                for k in self.protocol.shots
            }
        )


@dataclass
class Case:
    make: Callable[[], Protocol]

    def outcomes(self) -> list[tuple[StandIn, Outcome]]:
        trials = [StandIn(self.make(), problem) for problem in KINDS.values()]
        return [(trial, trial.protocol.run(trial)) for trial in trials]


def keys_are_kept(case: Case) -> None:
    """Written down and read again it is the same, and its label is no part of its identity."""
    one = case.make()
    demand(one.kind == type(one).name, f"kind is {one.kind!r}, not {type(one).name!r}")
    again = type(one).model_validate(one.model_dump(mode="json"))
    demand(again == one, "what is read again from its own keys is not equal")
    other = one.model_copy(update={"label": "another"})
    demand(other.identity() == one.identity(), "the label is part of its identity")
    for name in one.names:
        demand(name not in one.identity(), f"the key {name!r} is in `names` and in its identity")


def asks_for_what_it_says(case: Case) -> None:
    """It trains first, and asks for the families, trainings and references that it declares."""
    for trial, _ in case.outcomes():
        protocol = trial.protocol
        demand(trial.asked.count("train") == 1, "does not train once")
        demand(trial.asked.count("choose") == 1, "does not choose the number of steps once")
        carries_on = "other" in protocol.trains_on
        demand(("carry on" in trial.asked) == carries_on, "`trains_on` is not what it trains on")
        for place in protocol.tests_on:
            demand(f"test on {place}" in trial.asked, f"never tests on {place}")
        needs = {*protocol.tests_on, *protocol.trains_on} - {"own"}
        demand(not needs or protocol.other is not None, "`other` names no second family")


def gains_are_declared(case: Case) -> None:
    """All declared metrics come out at every k, finite and of the shape of their test."""
    for trial, outcome in case.outcomes():
        protocol = trial.protocol
        demand(isinstance(outcome.scores, Made), "the scores shown are none that a test found")
        said = {it.name for it in protocol.declares.metrics}
        for k in protocol.shots:
            found = {it.metric for it in outcome.gains if it.shots == k}
            demand(found <= said, f"tells {', '.join(sorted(found - said))}, which is not declared")
            optional = said - found if protocol.other is None else set()
            demand(said <= found | optional, f"never tells {', '.join(sorted(said - found))}")
        for it in outcome.gains:
            shape = len(it.steps), it.of.levels(it.shots).shape[1]
            for what, values in (("values", it.values), ("diverged", it.diverged)):
                got = tuple(values.shape)
                demand(got == shape, f"{it.metric}: {what} of shape {got}, not {shape}")
            demand(bool(it.values.isfinite().all()), f"{it.metric} is not finite")
            demand(set(it.steps) <= set(protocol.steps), f"{it.metric}: steps it never tested")


def shows_what_it_declares(case: Case) -> None:
    """Tables, figures and findings are of metrics that are declared, each declared once."""
    it: Declaration = case.make().declares
    names = [metric.name for metric in it.metrics]
    demand(len(set(names)) == len(names), "a metric is declared twice")
    shown = {column.metric for table in it.tables for column in table.columns} - {""}
    shown |= {name for plane in it.planes for name in (plane.x, plane.y)}
    shown |= {each.metric for each in it.across} | {each.metric for each in it.findings}
    shown |= {*it.ranked}
    unknown = sorted(shown - set(names))
    demand(not unknown, f"shows {', '.join(unknown)}, which is not declared")


def same_scores_same_gains(case: Case) -> None:
    """The same scores give the same numbers, bit for bit."""
    for (_, one), (_, other) in zip(case.outcomes(), case.outcomes(), strict=True):
        for a, b in zip(one.gains, other.gains, strict=True):
            demand(same_bits(a.values, b.values), f"{a.metric} is another one the second time")


def changes_only_the_support(case: Case) -> None:
    """What it does to test tasks leaves query points, shapes and the given tasks as they were."""
    for trial, _ in case.outcomes():
        family = Toy() if trial.problem.kind == "regression" else ToyClasses()
        for change in trial.changes:
            batch = family.sample(6, "test", generator_of("tasks"), shots=3, queries=6)
            before = _copied(batch)
            one, other = (change(batch, trial.problem, generator_of("chance")) for _ in range(2))
            demand(same_bits(_tensors(batch), _tensors(before)), "changes the tasks it was given")
            demand(same_bits(_tensors(one), _tensors(other)), "the same chance makes other tasks")
            demand(same_bits(one.query.y, batch.query.y), "changes the query points")
            demand(one.support.y.shape == batch.support.y.shape, "changes the number of points")
            demand(bool(one.support.y.isfinite().all()), "makes targets that are not finite")
            if trial.problem.kind == "classification":
                counts = one.support.y.sum(1), batch.support.y.sum(1)
                demand(same_bits(*counts), "changes how many points a class has")


def _tensors(batch: TaskBatch) -> tuple[Any, ...]:
    return batch.support.x, batch.support.y, batch.query.x, batch.query.y, batch.query.mask


def _copied(batch: TaskBatch) -> TaskBatch:
    support, query = batch.support, batch.query
    support = replace(support, x=support.x.clone(), y=support.y.clone())
    return replace(batch, support=support, query=replace(query, y=query.y.clone()))


LAWS = (
    keys_are_kept,
    asks_for_what_it_says,
    gains_are_declared,
    shows_what_it_declares,
    same_scores_same_gains,
    changes_only_the_support,
)


def check_protocol(make: Callable[[], Protocol]) -> list[Check]:
    """Try every law on a protocol; `make` gives it with some keys.

    Raises:
        ContractError: it cannot be made.
    """
    try:
        make()
    except Exception as error:
        raise ContractError(f"cannot be made ({error})") from error
    return run_laws(LAWS, Case(make))
