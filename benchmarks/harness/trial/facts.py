"""What a trial looks up about its family and its learner."""

from collections.abc import Mapping
from typing import Any, Literal

import torch

from benchmarks.core import MetaLearner, State, TaskFamily, generator_of
from benchmarks.core.errors import DataError
from benchmarks.core.protocol import Place
from benchmarks.harness.evaluation.predictions import says_how_sure
from benchmarks.harness.evaluation.task_names import held_out
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Entry
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_family


def unchanged(entry: Entry, registry: Registry, identity: Mapping[str, Any]) -> TaskFamily:
    """The family of the entry, on the data that the trial's identity stands for.

    Raises:
        DataError: they have changed since.
    """
    family = make_family(entry, registry)
    if family.fingerprint != identity["fingerprint"]:
        path = entry.fields.get("path", entry.label)
        raise DataError(f"{path}: has changed since the run began; run the matrix again")
    return family


def told_of(spec: TrialSpec, families: Mapping[Place, TaskFamily]) -> dict[str, Any]:
    """What the record of a trial says of its families' data."""
    protocol = spec.protocol
    tested = [families[place] for place in protocol.tests_on]
    left_out = {k: sum(it.left_out(protocol.split, k) for it in tested) for k in protocol.shots}
    left_out_train = {}
    if spec.other is None:
        left_out_train = {k: families["own"].left_out("train", k) for k in protocol.shots}
    return {
        "left_out": {str(k): number for k, number in left_out.items()},
        "left_out_train": {str(k): number for k, number in left_out_train.items()},
        "dropped_rows": sum(getattr(it, "dropped_rows", 0) for it in tested),
        "held_out": held_out(tested[0]),
        "grouped_by": getattr(tested[0], "grouped_by", ""),
    }


def spread_of(
    learner: MetaLearner, family: TaskFamily, steps: int, device: str
) -> Literal["own", "residual"]:
    """Whether predictors, after so many steps, say themselves how sure they are."""
    probe = family.sample(1, "train", generator_of("probe"), shots=1, queries=1)
    shown = probe.showing(learner.needs).to(device).support
    return "own" if says_how_sure(learner, shown, steps, family.problem) else "residual"


def count_numbers(state: State) -> int:
    """The numbers in all tensors of a learner's state."""
    total = 0
    pending: list[Any] = [state]
    while pending:
        value = pending.pop()
        if isinstance(value, torch.Tensor):
            total += value.numel()
        elif isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
    return total
