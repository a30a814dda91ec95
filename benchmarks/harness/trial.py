"""One trial: train under the budget, score the test tasks, write what came out to a folder."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.core.errors import Cannot
from benchmarks.core.text import described, message, shortened
from benchmarks.harness.course import Course, Report
from benchmarks.harness.evaluator import OPTIONAL
from benchmarks.harness.expand import TrialSpec
from benchmarks.harness.files import remove, write_json, write_parquet
from benchmarks.harness.registry import Registry


def run_trial(
    spec: TrialSpec,
    registry: Registry,
    folder: Path,
    *,
    device: str = "cpu",
    provenance: Mapping[str, Any] | None = None,
    report: Report = lambda fraction, text: None,
    trained: Path | None = None,
) -> dict[str, Any]:
    """Run one trial and write it to `folder`; whatever the learner raises becomes a failure.

    What is impossible for the learner (it raises `Cannot`, or needs what a family does not tell) is
    no failure, but has the status "cannot".

    `trained` is the folder of a trial with the same training: its learner is taken over, with its
    history and what its training has spent, instead of training the same again.

    Returns:
        The record written to `trial.json`.
    """
    record = blank_record(spec, provenance or {})
    trial = Course(spec, registry, device, report)
    try:
        trial.run(trained)
    except Cannot as error:
        record |= {"status": "cannot", "reason": message(error), "spending": trial.spending()}
    except (Exception, SystemExit) as error:
        record |= {
            "status": "failed",
            "reason": described(error),
            "traceback": shortened(traceback.format_exc()),
            "spending": trial.spending(),
        }
    else:
        record |= {
            "status": "done",
            "spending": trial.spending(),
            **trial.notes(),
            "trained_by": spec.id if trained is None else trained.name,
        }
        write_tables(folder, {**trial.evaluation._asdict(), "history": trial.history})
        torch.save(trial.state, folder / "learner.pt")
    write_json(folder / "trial.json", record)
    return record


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write a Parquet file for each table; for one that is `OPTIONAL`, only if it has rows.

    Raises:
        StoreError: they cannot be written.
    """
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        if name in OPTIONAL and table.empty:
            remove(path)
        else:
            write_parquet(path, table)


def blank_record(spec: TrialSpec, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a trial of which nothing is known yet."""
    return {
        **spec.row,
        "status": "missing",
        "reason": None,
        "traceback": None,
        "spec": spec.identity,
        "spending": {},
        "left_out": {},
        "left_out_train": {},
        "dropped_rows": 0,
        "problem": {},
        "provenance": dict(provenance),
    }
