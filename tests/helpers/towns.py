"""Tables of towns, and the family made of one."""

import numpy as np
import pandas as pd

FAMILY = """
[[family]]
name = "table"
path = "rows.csv"
task = ["place"]
x = ["x"]
y = "y"
split_by = "place"
"""
"""The TOML of a family whose file `rows` has."""


def rows(towns: int = 60, points: int = 12) -> str:
    """The text of a CSV file: another curve in each town."""
    lines = [f"{it},{x},{it * x % 7 + x / 3}\n" for it in range(towns) for x in range(points)]
    return "place,x,y\n" + "".join(lines)


def frame(groups=10, tasks=3, rows=6):
    """One row for each (group, task, row); the target says where it comes from."""
    index = pd.MultiIndex.from_product([range(groups), range(tasks), range(rows)])
    table = pd.DataFrame(index.to_list(), columns=["group", "task", "row"])
    table["x"] = np.random.default_rng(0).normal(3.0, 2.0, len(table))
    table["colour"] = np.where(table["row"] % 2, "red", "blue")
    table["y"] = table["group"] * 100.0 + table["task"] * 10 + table["row"]
    return table
