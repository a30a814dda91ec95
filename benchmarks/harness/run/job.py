"""What an engine is given to run: data, which can be pickled, sent away, and kept in a file."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.trial.trial import blank_record

TRIAL = "benchmarks.harness.run.worker:run_spec"


@dataclass(frozen=True)
class Job:
    """A trial, and all that a worker needs to run it. Its result is what it leaves in `folder`.

    What a worker does with it is the function that `work` names as `module:function`. It is called
    as `function(job, registry, report, log)`: with the job, the registry that knows the plugins,
    and what passes on progress (`report(fraction, text)`) and numbers (`log(tasks, metrics)`). It
    leaves `trial.json` in `job.folder`, with the keys of `blank_record`, and any files beside it.
    If it raises or dies, the keeper writes a failed record in its place. The usual one trains and
    tests; a search for settings names one of its own, and puts what that needs into `more`. What it
    logs (where `logs` says so) reaches the driver while it runs, which may then cancel the job: see
    `Work.said` in `engine`, whose `drive` runs such jobs on any engine.

    All paths are those of the machine where it runs: an engine whose workers see no file of this
    one's replaces them (`dataclasses.replace`), and brings what is left there to `folder` here.
    """

    spec: TrialSpec
    folder: Path
    plugins: tuple[Path, ...]
    device: str
    provenance: Mapping[str, Any]
    trained: Path | None = None
    """The folder of a trial whose learner this one takes over."""
    trainings: Path | None = None
    """Where the training is kept for others, too."""
    references: Path | None = None
    """Where trials of one run leave what references scored."""
    logs: bool = False
    """Whether somebody wants to know what the learner logs."""
    work: str = TRIAL
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.spec.id


@dataclass(frozen=True)
class Sealed:
    """A job on its way to a worker: its protocol may be of a plugin that is not imported there yet.

    Attributes:
        limits: what ends it.
        blank: the record of its trial while nothing is known of it.
    """

    id: str
    folder: Path
    plugins: tuple[Path, ...]
    limits: Limits
    blank: Mapping[str, Any]
    packed: bytes

    @classmethod
    def of(cls, job: Job) -> "Sealed":
        blank = blank_record(job.spec, job.provenance)
        limits = job.spec.limits
        return cls(job.id, job.folder, job.plugins, limits, blank, pickle.dumps(job))
