"""Synthetic results that look like real ones: sinusoids, or monthly temperatures."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.harness.disk.columns import TABLES
from benchmarks.harness.disk.tables import empty
from benchmarks.harness.store.results import Results, Settings

LEVELS = {  # the error at step 0, where it ends, and how fast it gets there
    "reml": (1.2, 0.15, 0.8),
    "reml-random": (3.5, 1.6, 0.3),
    "reml-fixed": (3.4, 0.6, 0.5),
    "maml": (3.0, 0.35, 0.7),
    "maml (first_order)": (3.1, 0.4, 0.6),
    "fine_tuning": (3.0, 2.1, 0.3),
    "scratch": (4.2, 3.3, 0.1),
    "mean": (3.6, 3.6, 0.0),
    "oracle": (0.01, 0.01, 0.0),
}
SPENT = {
    "tasks": 200_000,
    "points": 4_000_000,
    "inner_gradients": 1_000_000,
    "outer_gradients": 200_000,
    "environment_steps": 0,
    "cpu_seconds": 2.5,
    "peak_memory_mb": 512.0,
    "parameters": 1761,
}
DECISIONS = {
    "input layer": 7,
    "hidden layer 1": 21,
    "hidden layer 2": 21,
    "output layer": 7,
    "activation": 3,
    "rate": 5,
}
DIAGNOSTICS = ["shots", "steps", "task", "kind", "name", "value", "options"]
KEYS = ["trial", "family", "protocol", "learner", "seed", "privileged"]


def records_of(results: Results) -> list[dict[str, object]]:
    """As the store has them, of results without a folder."""
    return [
        {
            **{key: row[key] for key in ("trial", "family", "protocol", "learner", "seed")},
            "status": row["status"],
            "reason": row["reason"] if row["status"] == "failed" else None,
            "traceback": "Traceback: line 1" if row["status"] == "failed" else None,
            "spec": {"learner": {"name": row["learner"]}, "seed": row["seed"]},
            "spending": {"tasks": 200_000, "seconds": 12.5},
            "provenance": {**results.provenance, "command": "reml run synthetic --jobs 2"},
        }
        for row in results.trials.to_dict("records")
    ]


def build(
    learners: Sequence[str] = ("reml", "maml", "fine_tuning", "scratch", "mean"),
    *,
    families: Sequence[str] = ("sinusoid",),
    shots: Sequence[int] = (5, 10),
    steps: Sequence[int] = (0, 1, 5, 10),
    seeds: int = 2,
    tasks: int = 60,
    failed: Sequence[tuple[str, int]] = (),
    missing: Sequence[tuple[str, int]] = (),
    curves: bool = True,
    history: bool = True,
    diagnostics: bool = False,
    split: str = "test",
) -> Results:
    """Results of every learner × family × seed; `failed` and `missing` name (learner, seed)."""
    trials, scores, rows, fits, decided = [], [], [], [], []
    for family in families:
        for rank, learner in enumerate(learners):
            for seed in range(seeds):
                status = "failed" if (learner, seed) in failed else "done"
                status = "missing" if (learner, seed) in missing else status
                key = dict(
                    zip(
                        KEYS,
                        (
                            f"{family}-{learner}-{seed}",
                            family,
                            "few_shot",
                            learner,
                            seed,
                            learner == "oracle",
                        ),
                        strict=True,
                    )
                )
                reason = "Diverged: query_loss became nan" if status == "failed" else None
                trials.append(
                    key | _trial(learner, family, rank, seed, status) | {"reason": reason}
                )
                if status != "done":
                    continue
                draw = np.random.default_rng([rank, seed, len(family)])
                scores += [key | row for row in _scores(learner, family, shots, steps, tasks, draw)]
                if history:
                    rows += [key | row for row in _history(learner, draw)]
                if diagnostics:
                    found = _diagnostics(learner, family, shots, steps, tasks, draw)
                    decided += [key | row for row in found]
                if curves:
                    fits += [key | row for row in _curves(learner, family, shots, steps, draw)]
    return Results(
        name="synthetic",
        trials=pd.DataFrame(trials).assign(split=split),
        scores=pd.DataFrame(scores, columns=[*KEYS, "shots", "steps", "task", "metric", "value"]),
        history=pd.DataFrame(rows, columns=[*KEYS, "tasks", "seconds", "metric", "value"]),
        curves=pd.DataFrame(fits, columns=[*KEYS, "shots", "steps", "task", "kind", "x", "y"]),
        diagnostics=pd.DataFrame(decided, columns=[*KEYS, *DIAGNOSTICS]),
        confusion=empty(dict.fromkeys(KEYS, "str") | TABLES["confusion"]),
        episodes=empty(dict.fromkeys(KEYS, "str") | TABLES["episodes"]),
        provenance={
            "versions": {"torch": "2.13.0", "reml-bench": "0.1.0"},
            "commit": "0123456789abcdef0123456789abcdef01234567",
            "dirty": True,
            "python": "3.11.9",
            "platform": "Linux",
            "cpu": "a processor",
            "device": "cpu",
            "started": "2026-01-01T00:00:00",
            "command": "reml run synthetic",
        },
        order=tuple(learners),
        settings={label: Settings(label.partition(" (")[0], {}) for label in learners},
    )


def _trial(learner: str, family: str, rank: int, seed: int, status: str) -> dict[str, object]:
    idle = learner in ("scratch", "mean", "oracle")
    spent = dict.fromkeys(SPENT, 0) if idle else dict(SPENT)
    if learner.startswith("reml") and not idle:
        spent["environment_steps"] = 800_000
    table = family == "table"
    problem = {
        "metric": "rmse" if table else "mse",
        "unit": "°C" if table else "",
        "target": "tmax_degC" if table else "y",
        "inputs": ["month"] if table else ["x"],
    }
    spent |= {"seconds": 0.2 if idle else 20.0 * (rank + 1) + seed, "evaluate_seconds": 1.0}
    if status != "done":
        spent = dict.fromkeys(spent, None)
    left_out = {"5": 12} if table else {}
    return spent | {
        "status": status,
        "left_out": left_out,
        "left_out_train": {"5": 1} if table else {},
        "dropped_rows": 1_234 if table else 0,
        "problem": problem,
        "transductive": False,
        "spec": {},
    }


def _scores(learner, family, shots, steps, tasks, draw):
    first, last, speed = LEVELS[learner]
    difficulty = np.random.default_rng(7).lognormal(0, 0.8, tasks)
    trained = draw.lognormal(0, 0.05)
    table = family == "table"
    for k in shots:
        for step in steps:
            level = last + (first - last) * np.exp(-speed * step) * (5 / k) ** 0.5
            mse = trained * level * difficulty * draw.lognormal(0, 0.3, tasks)
            values = {"mse": mse, "nmse": mse / 4}
            if table:
                values["rmse"] = np.sqrt(mse)
            for metric, numbers in values.items():
                for task, value in enumerate(numbers):
                    yield {
                        "shots": k,
                        "steps": step,
                        "task": task,
                        "metric": metric,
                        "value": value,
                    }


def _history(learner, draw):
    if learner in ("scratch", "mean", "oracle"):
        return
    first, last, _ = LEVELS[learner]
    for tasks in np.linspace(1_000, 200_000, 200).astype(int):
        level = last + (first - last) * (tasks / 1_000) ** -0.5
        metrics = {"query_loss": level * draw.lognormal(0, 0.15)}
        if learner.startswith("reml"):
            metrics["reward"] = -level
            metrics["marginal_entropy"] = 9.0
        for metric, value in metrics.items():
            yield {"tasks": tasks, "seconds": tasks / 4_000, "metric": metric, "value": value}


def _diagnostics(learner, family, shots, steps, tasks, draw):
    """REML chooses by amplitude and phase, reml-random by chance, reml-fixed always the same."""
    world = np.random.default_rng(3)
    traits = {"amplitude": world.uniform(0.1, 5, tasks), "phase": world.uniform(0, np.pi, tasks)}
    first, last, speed = LEVELS[learner]
    for k in shots:
        if family != "table":
            for name, values in traits.items():
                yield from _rows(k, -1, "trait", name, values)
        for step in steps:
            level = 0.5 * (last + (first - last) * np.exp(-1.5 * speed * step))
            yield from _rows(k, step, "measure", "support_mse", level * draw.lognormal(0, 1, tasks))
        if learner.startswith("reml"):
            for place, (name, options) in enumerate(DECISIONS.items()):
                turned = 0.5 + traits["amplitude"] * np.cos(place) + traits["phase"] * np.sin(place)
                chosen = np.floor(abs(turned) * (place + 1)) % options
                if learner == "reml-random":
                    chosen = draw.integers(options, size=tasks)
                if learner == "reml-fixed":
                    chosen = np.zeros(tasks)
                yield from _rows(k, -1, "choice", name, chosen, options)
            yield from _rows(k, -1, "measure", "policy_entropy", draw.uniform(0, 2, tasks))


def _rows(shots, steps, kind, name, values, options=0):
    for task, value in enumerate(values):
        row = (shots, steps, task, kind, name, float(value), options)
        yield dict(zip(DIAGNOSTICS, row, strict=True))


def _curves(learner, family, shots, steps, draw):
    first, last, speed = LEVELS[learner]
    for k in shots:
        for task in range(4):
            world = np.random.default_rng(task)
            if family == "table":
                months = world.permutation(12) + 1
                x = {"support": months[:k], "query": months[k:]}
            else:
                x = {"support": world.uniform(-5, 5, k), "query": world.uniform(-5, 5, 100)}
            amplitude, phase = world.uniform(0.5, 5), world.uniform(0, np.pi)

            def truth(at, amplitude=amplitude, phase=phase):
                if family == "table":
                    return 10 - (4 + amplitude) * np.cos((at - 1) / 6 * np.pi) + phase
                return amplitude * np.sin(at + phase)

            for kind, at in x.items():
                for one in at:
                    yield _point(k, -1, task, kind, one, truth(one))
            for step in steps:
                off = np.sqrt(last + (first - last) * np.exp(-speed * step)) * draw.normal()
                for one in x["query"]:
                    bent = truth(one) * (1 - 0.2 * abs(off)) + 0.4 * off * np.cos(one / 2)
                    yield _point(k, step, task, "prediction", one, bent)


def _point(shots, steps, task, kind, x, y):
    return {
        "shots": shots,
        "steps": steps,
        "task": task,
        "kind": kind,
        "x": float(x),
        "y": float(y),
    }
