"""A user's table of a hundred rows, in any form, and what is made of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.core import generator_of
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.trial import run_trial
from benchmarks.tasks.table import Table

MATRIX = """
name = "forms"
seeds = 1
[budget]
tasks = 20
[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
tasks = 4
[[learner]]
name = "maml"
hidden = [4]
[[family]]
name = "table"
split_by = "g"
"""


def frame(groups=8, rows=8):
    index = np.arange(groups * rows)
    x = index * 0.37 % 3.1
    return pd.DataFrame(
        {
            "g": [f"gé{i // rows}" for i in index],
            "x": x.round(3),
            "y": (1.5 * x + index // rows - 2.25).round(3),
        }
    )


def written(data, delimiter=",", point=".", empty="", encoding="utf-8"):
    lines = [delimiter.join(data.columns)]
    for row in data.astype(object).itertuples(index=False):
        cells = [empty if it is None or it != it else it for it in row]  # NaN is not itself
        lines.append(
            delimiter.join(
                str(c).replace(".", point) if isinstance(c, float) else str(c) for c in cells
            )
        )
    return "\n".join([*lines, ""]).encode(encoding)


def matrix(folder: Path, keys: str, task='"g"', x='"x"', y='"y"', more="") -> list:
    text = f"{MATRIX}task = {task}\nx = {x}\ny = {y}\n{keys}\n{more}"
    (folder / "m.toml").write_text(text, encoding="utf-8")
    notes: list[str] = []
    return [expand(load_matrix(str(folder / "m.toml")), Registry(), notes.append), notes]


def scored(folder: Path, keys: str, **columns: str) -> Path:
    """The folder of a trial that was run on the file."""
    (spec, *_), _ = matrix(folder, keys, **columns)
    (folder / "trial").mkdir(exist_ok=True)
    record = run_trial(spec, Registry(), folder / "trial")
    assert record["status"] == "done", record.get("traceback")
    return folder / "trial"


def drawn(family: Table) -> torch.Tensor:
    batch = family.sample(4, "train", generator_of(0), shots=2, queries=4)
    return torch.cat([batch.query.x, batch.query.y, batch.query.mask.unsqueeze(2)], 2)


def usual(folder: Path) -> Table:
    (folder / "usual.csv").write_bytes(written(frame()))
    return Table(str(folder / "usual.csv"), task=("g",), x=("x",), y="y", split_by="g")


def excel(path: Path, data: pd.DataFrame, sheet="Sheet1") -> None:
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"n": ["notes"]}).to_excel(book, sheet_name="about", index=False)
        data.to_excel(book, sheet_name=sheet, index=False)


def put(folder: Path, name: str, content) -> Path:
    path = folder / name
    if isinstance(content, pd.DataFrame):
        excel(path, content, "data")
    else:
        path.write_bytes(content)
    return path
