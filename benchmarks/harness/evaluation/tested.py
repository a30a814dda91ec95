"""What a protocol gets to see of a test, and what it makes of tests as scores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.core import Budget, BudgetedSource, MetaLearner, Problem, TaskFamily, generator_of
from benchmarks.core.errors import ContractError
from benchmarks.core.protocol import Gain, Outcome, Protocol
from benchmarks.harness.disk.columns import SCORE_TYPES
from benchmarks.harness.evaluation.evaluator import Evaluation
from benchmarks.harness.evaluation.frames import Columns


@final
@dataclass(frozen=True)
class Scored:
    """An evaluation, as the protocols see it (`Tested`)."""

    evaluation: Evaluation
    metric: str

    def levels(self, shots: int) -> Float[Tensor, "steps tasks"]:
        return torch.tensor(self._wide(shots, "value").to_numpy(dtype=float))

    def diverged(self, shots: int) -> Bool[Tensor, "steps tasks"]:
        return torch.tensor(self._wide(shots, "diverged").to_numpy(dtype=bool))

    def rows(self, shots: int) -> Mapping[str, Any]:
        """Task, draw and group of each row, in the order of `levels`."""
        mine = self._own[self._own["shots"] == shots]
        first = mine[mine["steps"] == mine["steps"].min()].sort_values(["draw", "task"])
        return {name: first[name].to_numpy() for name in ("task", "draw", "group")}

    @cached_property
    def _own(self) -> pd.DataFrame:
        scores = self.evaluation.scores
        return scores[scores["metric"] == self.metric]

    def _wide(self, shots: int, what: str) -> pd.DataFrame:
        mine = self._own[self._own["shots"] == shots]
        return mine.pivot(index="steps", columns=["draw", "task"], values=what)


def fit_reference(
    reference: MetaLearner, family: TaskFamily, seed: int, device: torch.device | str
) -> None:
    """Let the reference draw its weights, as the learner of a trial of this seed would."""
    source = BudgetedSource(family, Budget(tasks=0), generator_of("no tasks"), device=device)
    reference.fit(source, generator_of("learner", seed))


def with_gains(outcome: Outcome, protocol: Protocol, problem: Problem) -> Evaluation:
    """The scores that are shown, with the gains among them.

    Raises:
        ContractError: a gain is none that the protocol declares, has other shapes than its test, or
            is not finite.
    """
    shown = outcome.scores
    if not isinstance(shown, Scored):
        raise ContractError(f"protocol {protocol.name!r}: its scores are none that `test` returned")
    table = Columns(SCORE_TYPES)
    for gain in outcome.gains:
        for steps, values, gone, rows in _checked(gain, protocol):
            table.add(
                shots=gain.shots,
                steps=steps,
                metric=protocol.declares.stored(gain.metric, problem.kind),
                **rows,
                value=values,
                diverged=gone,
            )
    evaluation = shown.evaluation
    scores = pd.concat([evaluation.scores, table.frame()], ignore_index=True).astype(SCORE_TYPES)
    return evaluation._replace(scores=scores)


def numbered(evaluation: Evaluation, first: int) -> Evaluation:
    """The same with its tasks numbered from there on: those of different folds are others."""
    if not first:
        return evaluation
    tables = evaluation._asdict().items()
    shifted = {k: it.assign(task=it["task"] + first) for k, it in tables if "task" in it}
    return evaluation._replace(**shifted)


def _checked(
    gain: Gain, protocol: Protocol
) -> Iterator[tuple[int, Tensor, Tensor, Mapping[str, Any]]]:
    """Number of steps, values, marks and rows; see `with_gains`."""
    where = f"protocol {protocol.name!r}: metric {gain.metric!r}"
    if gain.metric not in {it.name for it in protocol.declares.metrics}:
        raise ContractError(f"{where} is not declared")
    if not isinstance(gain.of, Scored) or gain.shots not in protocol.shots:
        raise ContractError(f"{where} is of no test at {gain.shots} shots")
    rows = gain.of.rows(gain.shots)
    shape = len(gain.steps), len(rows["task"])
    for what in ("values", "diverged"):
        if (found := tuple(getattr(gain, what).shape)) != shape:
            raise ContractError(f"{where}: {what} of shape {found}; expected {shape}")
    if not bool(gain.values.isfinite().all()):
        raise ContractError(f"{where} is not finite")
    for steps, values, gone in zip(gain.steps, gain.values, gain.diverged, strict=True):
        yield steps, values, gone, rows
