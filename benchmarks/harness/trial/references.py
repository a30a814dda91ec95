"""What trials of a run have in common, worked out once: what a reference scores, for one."""

import fcntl
import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pandas as pd

from benchmarks.harness.disk.files import make_folder
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.evaluation.evaluator import Evaluation

SCORED = frozenset({"kind", "shots", "steps", "tasks", "queries", "split", "draws"})
"""The keys of a protocol that scores depend on."""


def scored_once(place: Path | None, key: str, score: Callable[[], Evaluation]) -> Evaluation:
    """What `score` returns, or the first caller with this key was returned; scores alone.

    Callers in other processes wait for the first. Without a place, `score` is called.
    """
    scores = once(place, key, lambda: score().scores)
    return Evaluation(scores, *(scores.iloc[:0] for _ in Evaluation._fields[1:]))


def once(place: Path | None, key: str, work: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """The table that `work` returns, or that the first caller with this key was returned."""
    if place is None:
        return work()
    make_folder(place)
    path = place / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.parquet"
    with path.with_suffix(".lock").open("a") as lock:
        with suppress(OSError):  # a file system without locks: then several may do the same work
            fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_file():
            return pd.read_parquet(path)
        table = work()
        write_parquet(path, table)
    return table
