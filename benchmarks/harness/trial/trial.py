"""One trial: train under the budget, score the test tasks, write what came out to a folder."""

import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.core.errors import Cannot
from benchmarks.core.text import described, message, shortened
from benchmarks.harness.disk.files import write_json
from benchmarks.harness.disk.tables import write_tables
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.trial.procedure import Procedure
from benchmarks.harness.trial.reasons import with_place
from benchmarks.harness.trial.reporting import Log, Report, no_log
from benchmarks.harness.trial.trainings import (
    LEARNER,
    Training,
    forget,
    keep,
    keep_history,
    keep_state,
    share,
)
from benchmarks.harness.trial.tries.trying import Trying


def run_trial(
    spec: TrialSpec,
    registry: Registry,
    folder: Path,
    *,
    device: str = "cpu",
    provenance: Mapping[str, Any] | None = None,
    report: Report = lambda fraction, text: None,
    trained: Path | None = None,
    trainings: Path | None = None,
    references: Path | None = None,
    log: Log = no_log,
    interruptible: bool = False,
) -> dict[str, Any]:
    """Run one trial and write it to `folder`; whatever the learner raises becomes a failure.

    What is impossible for the learner (it raises `Cannot`, or needs what a family does not tell) is
    no failure, but has the status "cannot".

    `trained` is where a training of the same kind lies, a folder of `trainings` or of a trial: its
    learner is taken over, with its history and what its training has spent, instead of training the
    same again (if it is damaged: after saying so). In `trainings` a training that is under way is
    kept now and then, and goes on if it was cut off. A training is kept in the folder as soon as it
    is over, and in `trainings` for others, if there is such a place. `trained_by` in the record is
    the trial that has trained, `trained_with` its provenance. `references` is where trials find
    what the reference scored that they are held against, if another one has asked before.
    `log` is told what the learner logs. Where `interruptible`, Ctrl-C goes through. A trial of a
    search (`spec.tried`) is scored on validation tasks alone, and keeps no training.

    Returns:
        The record written to `trial.json`.
    """
    record = blank_record(spec, provenance or {})

    def signed(training: Training) -> Training:
        return training._replace(made=provenance or {}) if training.by == spec.id else training

    def keep_training(training: Training) -> None:
        training = signed(training)
        keep(folder, training)
        record["trained_by"], record["trained_with"] = training.by, dict(training.made)
        if trainings is not None and training.by == spec.id:
            share(folder, trainings / spec.training)
        if trainings is not None:
            forget(trainings, spec, "own")

    trial: Procedure | Trying
    if spec.tried is not None:
        trial = Trying(spec, registry, device, report, log, trainings)
    else:
        trial = Procedure(spec, registry, device, report, keep_training, references, log, trainings)
    try:
        trial.run(trained)
    except Cannot as error:
        record |= {
            "status": "cannot",
            "reason": message(error),
            "spending": trial.account.spending(),
        }
    except BaseException as error:  # of the learner's making: nobody sends Ctrl-C to a worker
        if interruptible and isinstance(error, KeyboardInterrupt):
            raise
        spent = {"spending": trial.account.spending(), **trial.facts()}
        record |= _failure(error, spec.id) | spent
        keep_history(folder, trial.account.history)
    else:
        record |= {"status": "done", "spending": trial.account.spending(), **trial.notes()}
        if isinstance(trial, Trying):
            write_tables(folder, trial.tables())
            write_json(folder / "trial.json", record)
            if trainings is not None:
                forget(trainings, spec, "own")
            return record
        if not (folder / LEARNER).is_file():  # a learner may have removed its folder
            keep(folder, signed(trial.training))
        if trial.state is not trial.training.state:
            keep_state(folder, trial.state)
        write_tables(folder, {**trial.evaluation._asdict(), "history": trial.account.history})
        if trainings is not None:
            forget(trainings, spec, "other")
    write_json(folder / "trial.json", record)
    return record


def _failure(error: BaseException, trial: str) -> dict[str, Any]:
    """What the record says of an exception; all of it goes to the output, too."""
    reason, whole = described(error), shortened(traceback.format_exc())
    with suppress(OSError, ValueError):
        print(whole, file=sys.stderr)
    if not isinstance(error, Exception):
        reason = with_place(reason, trial)
    return {"status": "failed", "reason": reason, "traceback": whole}


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
