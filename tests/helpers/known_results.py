"""Results whose means and intervals are known beforehand."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmarks.harness.disk.columns import TABLES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.store.results import Results, Settings

TASKS, SEEDS = 60, 3
Offsets = Mapping[str, float]


def made(
    means: Offsets,
    *,
    seeds: int = SEEDS,
    tasks: int = TASKS,
    training: float = 0.0,
    noise: float = 0.05,
    seconds: Offsets | None = None,
    shots: Sequence[int] = (5,),
    groups: int = 0,
    accuracy: bool = False,
) -> Results:
    """Results whose means, variance from training and noise are known; later labels cost more."""
    trials, scores = [], []
    for rank, (label, mean) in enumerate(means.items()):
        for seed in range(seeds):
            draw = np.random.default_rng([rank, seed])
            key = {
                **{"trial": f"f-{label}-s{seed}-0123456789ab", "family": "f", "seed": seed},
                **{"protocol": "few_shot", "learner": label, "privileged": False},
            }
            cost = (seconds or {}).get(label, float(rank))
            untrained = label in ("mean", "gp", "nearest_centroid", "logistic_regression")
            trials.append(
                key
                | {"status": "done", "reason": None, "left_out": {}, "left_out_train": {}}
                | {"dropped_rows": 0, "transductive": False, "spec": {}, "split": "test"}
                | {"tasks": 0 if untrained else 2_000, "seconds": cost, "cpu_seconds": cost}
                | {"evaluate_seconds": 1.5, "grouped_by": "station" if groups else ""}
                | {
                    "problem": {"metric": "accuracy", "outputs": 5}
                    if accuracy
                    else {"metric": "mse", "inputs": ["x"], "target": "y"}
                }
            )
            shift = training * draw.normal()
            difficulty = np.random.default_rng(7).uniform(0, 1, tasks)
            for k in shots:
                values = mean * 5 / k + shift + noise * draw.normal(size=tasks)
                values = values if accuracy else values + difficulty
                scores += [
                    key
                    | {"shots": k, "steps": 10, "task": task, "value": float(value)}
                    | {"metric": "accuracy" if accuracy else "mse"}
                    | {"group": f"g{task % groups}" if groups else ""}
                    for task, value in enumerate(values)
                ]
    keys = dict.fromkeys(("trial", "family", "protocol", "learner", "seed"), "str")
    tables = {name: empty(keys | types) for name, types in TABLES.items() if name != "scores"}
    return Results(
        name="made",
        trials=pd.DataFrame(trials),
        scores=pd.DataFrame(scores),
        provenance={"commit": "0" * 40},
        order=tuple(means),
        settings={label: Settings(label, {}) for label in means},
        **tables,
    )
