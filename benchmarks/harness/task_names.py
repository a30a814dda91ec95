"""Which test tasks there were: what each is called, and which group it is of."""

from collections.abc import Sequence

import pandas as pd

from benchmarks.core import TaskBatch
from benchmarks.harness.frames import Columns

TASK_TYPES = {"shots": "int64", "task": "int64", "name": "str", "group": "str"}
PLACE = {"family": "str", "protocol": "str"}
"""What the test tasks depend on, besides the shots; whoever is tested meets the same."""


def add_tasks(table: Columns, batch: TaskBatch, shots: int) -> Sequence[str]:
    """Write down what the tasks are called; returns the group of each, "" where it has none."""
    nothing = [""] * len(batch)
    groups = batch.groups or nothing
    if batch.names or batch.groups:
        table.add(shots=shots, task=range(len(batch)), name=batch.names or nothing, group=groups)
    return groups


def groups_of(tasks: pd.DataFrame, shots: int, n_tasks: int) -> Sequence[str]:
    """The group of each task at this k, in the order of the tasks."""
    mine = tasks[tasks["shots"] == shots].sort_values("task")
    return [""] * n_tasks if mine.empty else mine["group"].tolist()
