"""A table of towns, and the family made of it."""

import numpy as np
import pandas as pd


def frame(groups=10, tasks=3, rows=6):
    """One row for each (group, task, row); the target says where it comes from."""
    index = pd.MultiIndex.from_product([range(groups), range(tasks), range(rows)])
    table = pd.DataFrame(index.to_list(), columns=["group", "task", "row"])
    table["x"] = np.random.default_rng(0).normal(3.0, 2.0, len(table))
    table["colour"] = np.where(table["row"] % 2, "red", "blue")
    table["y"] = table["group"] * 100.0 + table["task"] * 10 + table["row"]
    return table
