"""What a reference scores, worked out once for all trials of a run that are held against it."""

import fcntl
import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from benchmarks.harness.disk.files import make_folder, write_parquet
from benchmarks.harness.evaluation.evaluator import Evaluation

SCORED = frozenset({"kind", "shots", "steps", "tasks", "queries", "split", "draws"})
"""The keys of a protocol that scores depend on."""


def scored_once(place: Path | None, key: str, score: Callable[[], Evaluation]) -> Evaluation:
    """What `score` returns, or the first caller with this key was returned; scores alone.

    Callers in other processes wait for the first. Without a place, `score` is called.
    """
    if place is None:
        return score()
    make_folder(place)
    path = place / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_file():
            scores = pd.read_parquet(path)
            return Evaluation(scores, *(scores.iloc[:0] for _ in Evaluation._fields[1:]))
        evaluation = score()
        write_parquet(path, evaluation.scores)
    return evaluation
