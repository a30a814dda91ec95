"""A user's file as text, and how it is read."""

import numpy as np
import pandas as pd
import torch

from benchmarks.core import generator_of

HEADER = "grp,task,x,y"
ROWS = [
    f"g{group},{task},{row / 2 - 2},{(group - 3.5) * np.sin(row + task):.3f}"
    for group in range(8)
    for task in range(3)
    for row in range(6)
]


def text(header=HEADER, rows=ROWS, end="\n"):
    return end.join([header, *rows]) + end


def frame():
    table = pd.DataFrame([row.split(",") for row in ROWS], columns=HEADER.split(","))
    return table.astype({"task": int, "x": float, "y": float})


def drawn(family):
    """All points, in the order in which the same generator draws them."""
    batch = family.sample(18, "train", generator_of(0), shots=2, queries=4)
    return torch.cat([batch.support.y, batch.query.y, batch.support.x, batch.query.x], 1)


def numbered(rows, quote=""):
    return [f"{quote}{i + 1}{quote},{row}" for i, row in enumerate(rows)]


def changed(row, to):
    return [*ROWS[:row], to, *ROWS[row + 1 :]]
