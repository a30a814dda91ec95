"""Trainings that are cut off, in this process or in a child."""

import json
import os
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.cli import main
from benchmarks.harness.trial.moments import MOMENTS

HEAD = """
name = "cut"
seeds = 1

[budget]
tasks = 40

[[protocol]]
kind = "retention"
then = "two"
families = ["one"]
shots = [2]
queries = 6
tasks = 4
steps = [0, 2]
budget = {tasks = 20}

[[family]]
name = "sinusoid"
label = "one"

[[family]]
name = "sinusoid"
label = "two"
amplitude_low = 2.0
"""
LEARNERS = {
    "maml": 'name = "maml"\nhidden = [4]\nmeta_batch = 5\n',
    "reml": 'name = "reml"\nwidth = 4\npool = [2, 2, 2]\npolicy_width = 4\nbatch_tasks = 5\n',
    "deaf": 'name = "deaf"\n',
    "plain": 'name = "plain"\n',
}
Go = Callable[..., dict[str, Any]]


class Cut:
    """Interrupts a trial at the given report of its training."""

    def __init__(self, after: int | None) -> None:
        self.said: list[str] = []
        self._after = after

    def __call__(self, fraction: float, text: str) -> None:
        self.said.append(text)
        if self._after is not None and "loss" in text:
            self._after -= 1
            if not self._after:
                raise KeyboardInterrupt


def content(folder: Path) -> dict[str, Any]:
    history = pd.read_parquet(folder / "history.parquet").drop(columns="seconds")
    moments = torch.load(folder / MOMENTS, weights_only=True)
    return {
        "scores": pd.read_parquet(folder / "scores.parquet").to_csv(),
        "history": history.to_csv(),
        "state": (folder / "learner.pt").read_bytes(),
        "moments": [(it["tasks"], it["packed"].numpy().tobytes()) for it in moments],
    }


def change(key: str, value: Any) -> Callable[[Path], None]:
    def alter(path: Path) -> None:
        head, _, packed = path.read_bytes().partition(b"\n")
        header = json.loads(head)
        (header if key in header else header["of"])[key] = value
        path.write_bytes(json.dumps(header).encode() + b"\n" + packed)

    return alter


MATRIX = (
    HEAD.partition("[[protocol]]")[0]
    + """
[[protocol]]
kind = "few_shot"
shots = [2]
queries = 6
tasks = 4
steps = [0, 1]

[[family]]
name = "sinusoid"

[[learner]]
name = "plain"
"""
)


def in_child(arguments: list[str], log: Path) -> None:
    # it starts a server of its own, which need know no more than this run
    forkserver.set_forkserver_preload = forkserver._forkserver.set_forkserver_preload
    with log.open("w") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    code = main(arguments)
    sys.stdout.flush()
    os._exit(code)
