"""What an engine is given to run: data, which can be pickled, sent away, and kept in a file."""

import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Entry
from benchmarks.harness.plan.registry import module_name
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
        modules: what the plugins are called as modules where it was sealed.
        limits: what ends it.
        blank: the record of its trial while nothing is known of it.
        moves: where files and folders are that the job knows by another path; see `moved`.
    """

    id: str
    folder: Path
    plugins: tuple[Path, ...]
    modules: tuple[str, ...]
    limits: Limits
    blank: Mapping[str, Any]
    packed: bytes
    moves: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job) -> "Sealed":
        blank = blank_record(job.spec, job.provenance)
        modules = tuple(map(module_name, job.plugins))
        known = job.plugins, modules, job.spec.limits, blank
        return cls(job.id, job.folder, *known, pickle.dumps(job))

    def moved(self, moves: Mapping[Path, Path]) -> "Sealed":
        """The same job where files and folders are elsewhere: its own, plugins, data, trainings."""
        plugins = tuple(moves.get(it, it) for it in self.plugins)
        known = {str(path): new for path, new in moves.items()}
        return replace(
            self, folder=moves.get(self.folder, self.folder), plugins=plugins, moves=known
        )

    def opened(self) -> Job:
        """The job; its plugins have to be imported."""
        for name, path in zip(self.modules, self.plugins, strict=True):
            sys.modules.setdefault(name, sys.modules[module_name(path)])
        job: Job = pickle.loads(self.packed)
        return job if not self.moves else self._moved(job)

    def _moved(self, job: Job) -> Job:
        def path(old: Path | None) -> Path | None:
            return None if old is None else self.moves.get(str(old), old)

        def entry(it: Entry | None) -> Entry | None:
            new = None if it is None else self.moves.get(str(it.fields.get("path")))
            if it is None or new is None:
                return it
            return replace(it, fields={**it.fields, "path": str(new)})

        family = entry(job.spec.family)
        assert family is not None
        return replace(
            job,
            spec=replace(job.spec, family=family, other=entry(job.spec.other)),
            folder=self.folder,
            plugins=self.plugins,
            trained=path(job.trained),
            trainings=path(job.trainings),
            references=path(job.references),
        )
