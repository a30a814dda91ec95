"""The command and the line of Python that put a trained learner to use."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.harness.store.results import Results
from benchmarks.report.findings.advice import Advice


class Usage(NamedTuple):
    """What to type; empty where nothing can be: pictures are in no table of points."""

    shell: str = ""
    python: str = ""


def usage(results: Results, advice: Advice, directory: Path | None, called: Path) -> Usage:
    """How to use the learner that is recommended, all its trainings.

    Args:
        results: of which trials.
        advice: whom to use.
        directory: where trained learners are looked for; they are taken to be there, if left out.
        called: what the folder is called.
    """
    found = _trained(results, directory)
    mine = (found["learner"] == advice.use) & (found["family"] == advice.family)
    rows = found[mine & (found["protocol"] == advice.protocol)]
    return Usage() if rows.empty else _usage(results, rows.iloc[0], called)


def usages(results: Results, directory: Path | None, called: Path) -> list[tuple[str, Usage]]:
    """How to use each learner that is there, by what it is and what it was trained on."""
    found = _trained(results, directory).drop_duplicates(["learner", "family"])
    several = results.trials["family"].nunique() > 1
    order = {label: place for place, label in enumerate(results.order)}
    rows = sorted(
        (row for _, row in found.iterrows()), key=lambda row: order.get(row["learner"], len(order))
    )
    return [
        (
            f"{row['learner']} on {row['family']}" if several else str(row["learner"]),
            _usage(results, row, called),
        )
        for row in rows
    ]


def _usage(results: Results, row: "pd.Series[Any]", called: Path) -> Usage:
    label, family = str(row["learner"]), str(row["family"])
    mine = results.trials[results.trials["learner"] == label]
    several = mine["family"].nunique() > 1
    problem = row["problem"] if isinstance(row["problem"], Mapping) else {}
    words = ["reml", "predict", str(called), "--learner", label]
    words += ["--family", family] if several else []
    words += ["--support", "SUPPORT.csv", "--query", "QUERY.csv"]
    named = f", family={family!r}" if several else ""
    return Usage(
        "" if problem.get("image") or not problem.get("inputs") else shlex.join(words),
        f"reml.load({str(called)!r}).learner({label!r}{named}).adapt(X, y).predict(X_new)",
    )


def _trained(results: Results, directory: Path | None) -> pd.DataFrame:
    """The trials that are done, of those whose learner can be loaded."""
    trials = results.trials
    rows = trials[trials["status"] == "done"].sort_values("seed", kind="stable")
    if directory is None:
        return rows
    there = [(directory / "trials" / str(it) / "learner.pt").is_file() for it in rows["trial"]]
    return rows[there]
