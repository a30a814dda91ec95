"""Which test tasks there were: what each is called, and which group it is of."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from benchmarks.core import Split, TaskBatch, TaskFamily
from benchmarks.harness.evaluation.frames import Columns

SPLITS: tuple[Split, ...] = ("validation", "test")
MOST_NAMES = 50


def add_tasks(table: Columns, batch: TaskBatch, shots: int) -> None:
    """Write down what the tasks are called and of which group they are, if anybody says."""
    if batch.names or batch.groups:
        nothing = [""] * len(batch)
        table.add(
            shots=shots,
            task=range(len(batch)),
            name=batch.names or nothing,
            group=batch.groups or nothing,
        )


def held_out(family: TaskFamily) -> dict[str, Any]:
    """How many groups or classes are for validation and for the test, and the first of them."""
    found: dict[str, Any] = {}
    for split in SPLITS:
        names: Sequence[str] = ()
        if hasattr(family, "classes") and not getattr(family, "shared_classes", False):
            names = family.classes[split]
        elif hasattr(family, "groups"):
            names = family.groups(split)
        if names:
            found[split] = {"count": len(names), "names": [str(it) for it in names[:MOST_NAMES]]}
    return found


def numbers_of(rows: int, draws: int) -> dict[str, Tensor]:
    """Which task each row of a batch is, and which draw of its points: draw after draw."""
    tasks = torch.arange(rows // draws)
    return {"task": tasks.repeat(draws), "draw": torch.arange(draws).repeat_interleave(len(tasks))}


def rows_of(tasks: pd.DataFrame, shots: int, rows: int, draws: int) -> dict[str, Any]:
    """Task, draw and group of each row of a batch, the groups being those written down."""
    mine = tasks[tasks["shots"] == shots].sort_values("task")
    groups = mine["group"].tolist() or [""] * (rows // draws)
    return {**numbers_of(rows, draws), "group": groups * draws}
