"""A report of 12 learners × 5 seeds × 101 steps × 600 tasks stays under 1 GiB and a minute."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.core.landmarks import landmarks
from benchmarks.harness.disk.columns import PREDICTIVE, TABLES
from benchmarks.harness.disk.files import write_json
from benchmarks.harness.disk.shapes import KEYS
from benchmarks.harness.disk.tables import empty, write_parquet
from benchmarks.harness.store.reading import types_of

LEARNERS, SEEDS, STEPS, TASKS, GROUPS = 12, 5, 101, 600, 40
MOST_SECONDS, MOST_KB = 60, 2**20
METRICS = ("mse", "nmse", "rmse")

MEASURED = """
import resource, subprocess, sys
run = [sys.executable, "-m", "benchmarks.cli", *sys.argv[1:]]
subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""
"""A small process between: what starts another counts its own peak as that one's."""


def build(directory: Path) -> None:
    """A published folder of so many scores, of learners that differ by chance and by steps."""
    labels = [f"learner {number}" for number in range(LEARNERS)]
    rows = [
        dict(
            zip(
                KEYS,
                (
                    f"{it.replace(chr(32), chr(45))}-s{seed}-{0:012x}",
                    "table",
                    "few_shot",
                    it,
                    seed,
                    False,
                ),
                strict=True,
            )
        )
        for it in labels
        for seed in range(SEEDS)
    ]
    steps = list(range(STEPS))
    protocol = {"kind": "few_shot", "label": "few_shot", "shots": [5], "steps": steps}
    matrix = {
        "name": "large",
        "title": "",
        "seeds": list(range(SEEDS)),
        "budget": {"tasks": 1},
        "protocols": [{**protocol, "tasks": TASKS, "queries": 10, "split": "test"}],
        "families": [{"name": "table", "label": "table", "fields": {}, "budget": None}],
        "learners": [{"name": it, "label": it, "fields": {}, "budget": None} for it in labels],
        "trials": rows,
    }
    write_json(directory / "matrix.json", matrix)
    problem = {"features": 1, "outputs": 1, "metric": "rmse", "unit": "", "target": "y"}
    origin = {"started": "2026-01-01T00:00:00", "commit": "0" * 40, "dirty": False}
    spec: dict[str, object] = {}
    done = {"status": "done", "reason": None, "spending": {"tasks": 1}, "problem": problem}
    write_json(
        directory / "trials.json",
        [
            {**row, **done, "spec": spec, "provenance": origin, "grouped_by": "station"}
            for row in rows
        ],
    )
    write_json(directory / "provenance.json", origin)
    for name in TABLES:
        if name != "scores":
            write_parquet(directory / f"{name}.parquet", empty(types_of(name)))
    write_parquet(directory / "scores.parquet", _scores(rows))


def _scores(rows: list[dict[str, object]]) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    difficulty = draw.lognormal(0, 0.5, TASKS)
    shape = (len(rows), len(METRICS), STEPS, TASKS)
    mse = (
        difficulty
        * (1 + np.arange(LEARNERS).repeat(SEEDS)[:, None, None] / 10)
        * (0.3 + np.exp(-np.arange(STEPS) / 10))[:, None]
        * draw.lognormal(0, 0.3, (len(rows), STEPS, TASKS))
    )
    value = np.stack([mse, mse / 2, np.sqrt(mse)], 1)
    place = np.indices(shape, dtype=np.int32).reshape(4, -1)
    words = {
        key: pd.Categorical([row[key] for row in rows]).take(place[0])
        for key in ("trial", "family", "protocol", "learner")
    }
    group = pd.Categorical([f"station {task % GROUPS}" for task in range(TASKS)])
    whole = pd.DataFrame(
        {
            **words,
            "seed": np.array([row["seed"] for row in rows])[place[0]],
            "privileged": False,
            "shots": np.int32(5),
            "steps": place[2],
            "task": place[3],
            "draw": np.int32(0),
            "group": group.take(place[3]),
            "metric": pd.Categorical(METRICS).take(place[1]),
            "value": value.reshape(-1),
            "diverged": False,
        }
    )
    # how sure they are is scored after landmarks of the steps
    sure = whole[(whole["metric"] == "mse") & whole["steps"].isin(landmarks(range(STEPS)))]
    named = pd.CategoricalDtype([*METRICS, *PREDICTIVE])
    parts = [sure.assign(metric=pd.Categorical([it]).take([0] * len(sure))) for it in PREDICTIVE]
    every = [it.astype({"metric": named}) for it in (whole, *parts)]
    return pd.concat(every, ignore_index=True)


@pytest.mark.parametrize("command", ["table", "report"])
def test_a_large_folder_is_reported_within_bounds(command: str, tmp_path: Path) -> None:
    build(tmp_path)
    run = [sys.executable, "-c", MEASURED, command, str(tmp_path)]
    told = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
    # of one processor: what others do on the machine is not its fault
    seconds, most_kb = map(float, told.split())
    print(f"\nreml {command}: {seconds:.1f} s, {most_kb / 2**10:.0f} MiB")
    assert seconds < MOST_SECONDS
    assert most_kb < MOST_KB
