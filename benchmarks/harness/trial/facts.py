"""What a trial looks up about its family and its learner."""

from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.core import State, TaskFamily
from benchmarks.core.errors import DataError
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
