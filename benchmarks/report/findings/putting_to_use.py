"""The command and the line of Python that put a trained learner to use."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.findings.advice import Advice


class Usage(NamedTuple):
    """What to type; empty where nothing can be: pictures are in no table of points."""

    shell: str = ""
    python: str = ""


def usage(results: Results, advice: Advice, directory: Path | None, called: Path) -> Usage:
    """How to use the learner that is recommended, its first seed.

    Args:
        results: of which trials.
        advice: whom to use.
        directory: where trained learners are looked for; they are taken to be there, if left out.
        called: what the folder is called.
    """
    rows = _trained(results, advice, directory)
    if rows.empty:
        return Usage()
    row = rows.iloc[0]
    problem = row["problem"] if isinstance(row["problem"], Mapping) else {}
    words = ["reml", "predict", str(called / "trials" / str(row["trial"]))]
    words += ["--support", "SUPPORT.csv", "--query", "QUERY.csv"]
    chosen = row.get("chosen_steps")
    steps = chosen.get(str(advice.shots[0])) if isinstance(chosen, Mapping) else None
    words += [] if steps is None else ["--steps", str(steps)]
    mine = results.trials[results.trials["learner"] == advice.use]
    family = f", family={advice.family!r}" if mine["family"].nunique() > 1 else ""
    after = "" if steps is None else f", steps={steps}"
    learner = f"reml.load({str(called)!r}).learner({advice.use!r}, seed={int(row['seed'])}{family})"
    return Usage(
        "" if problem.get("image") or not problem.get("inputs") else shlex.join(words),
        f"{learner}.adapt(X, y{after}).predict(X_new)",
    )


def _trained(results: Results, advice: Advice, directory: Path | None) -> pd.DataFrame:
    """The trials of the learner that are done, of those whose learner can be loaded."""
    trials = results.trials
    rows = trials[
        (trials["learner"] == advice.use)
        & (trials["family"] == advice.family)
        & (trials["protocol"] == advice.protocol)
        & (trials["status"] == "done")
    ].sort_values("seed", kind="stable")
    if directory is None:
        return rows
    there = [(directory / "trials" / str(it) / "learner.pt").is_file() for it in rows["trial"]]
    return rows[there]
