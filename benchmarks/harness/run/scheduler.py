"""The trials of a matrix as work for an engine: in what order, and what comes of each."""

import shutil
import time
from collections import defaultdict, deque
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import write_json
from benchmarks.harness.disk.pulse import Relays
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.run.engine import TICK_SECONDS, Engine, drive
from benchmarks.harness.run.first_scores import first_score
from benchmarks.harness.run.job import Job
from benchmarks.harness.run.progress import Listening, Progress, Scoring
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.store.kept import check_trial
from benchmarks.harness.trial.reasons import OUTPUT, with_place
from benchmarks.harness.trial.trainings import PLACE
from benchmarks.harness.trial.trial import blank_record


def run_trials(
    trials: Sequence[TrialSpec],
    folder: ResultsFolder,
    registry: Registry,
    progress: Progress,
    *,
    engine: Engine,
    device: str,
    provenance: Mapping[str, Any],
    done: Sequence[TrialSpec] = (),
    anew: bool = False,
) -> None:
    """Run the trials on an engine; each is stored, done or failed, when it ends.

    Of trials with the same training the first trains, and the others wait for its learner. Nor is
    trained again what one of the `done` trials of the folder went through, or a trial that failed
    after its training; unless `anew`.

    On any exception (Ctrl-C, say) what an engine of this machine runs is ended at once, and what it
    had is dropped but for trainings that were over.

    Raises:
        StoreError: a failure cannot be stored.
        UserError: no worker can be started.
    """
    trainings = folder.trials.resolve() / PLACE
    references = folder.begin("references").resolve()
    trained = {} if anew else trained_before(trials, folder, done)
    job = Job(
        spec=trials[0],
        folder=trainings,
        plugins=registry.plugins,
        device=device,
        provenance=provenance,
        trainings=trainings,
        references=references,
        logs=isinstance(progress, Listening),
    )
    try:
        drive(engine, _Trials(trials, folder, progress, trained, job))
    finally:
        shutil.rmtree(references, ignore_errors=True)


def trained_before(
    trials: Sequence[TrialSpec], folder: ResultsFolder, done: Sequence[TrialSpec]
) -> dict[str, Path]:
    """Where the folder has trainings that these trials can take over."""
    places = folder.trials.resolve() / PLACE
    wanted = {spec.training for spec in trials}
    asked = [spec for spec in done if spec.training in wanted]
    found = {spec.training: place for spec in asked if (place := folder.learner(spec.id))}
    kept = {training: places / training for training in wanted}
    return found | {training: place for training, place in kept.items() if place.is_dir()}


class Queue:
    """Trials in order, those aside that would train what another one trains at the moment."""

    def __init__(self, trials: Sequence[TrialSpec], trained: Collection[str] = ()) -> None:
        """`trained` are the trainings that nobody has to wait for."""
        self._ready: list[tuple[int, TrialSpec]] = []
        self._waiting: dict[str, deque[tuple[int, TrialSpec]]] = defaultdict(deque)
        self._busy: set[str] = set()
        self._left = len(trials)
        for place, spec in enumerate(trials):
            if spec.training in trained:
                self._ready.append((place, spec))
            elif spec.training in self._busy:
                self._waiting[spec.training].append((place, spec))
            else:
                self._busy.add(spec.training)
                self._ready.append((place, spec))

    def __bool__(self) -> bool:
        return self._left > 0

    def next(self) -> TrialSpec | None:
        """The first that need not wait for another one's training."""
        if not self._ready:
            return None
        self._left -= 1
        return heappop(self._ready)[1]

    def ended(self, training: str, trained: bool) -> None:
        """Let those go on that waited for a training: all, or the next one to try."""
        waiting = self._waiting[training]
        while waiting:
            heappush(self._ready, waiting.popleft())
            if not trained:
                break


class _Trials:
    """Commits what the jobs leave, and tells of it."""

    def __init__(
        self,
        trials: Sequence[TrialSpec],
        folder: ResultsFolder,
        progress: Progress,
        trained: dict[str, Path],
        job: Job,
    ) -> None:
        """`job` is what all jobs have in common."""
        self._folder = folder
        self._progress = progress
        self._trained = trained
        self._job = job
        self._queue = Queue(trials, trained)
        self._began: set[str] = set()
        self._relays = Relays()
        self._ticked = 0.0

    def __bool__(self) -> bool:
        return bool(self._queue)

    def next(self) -> Job | None:
        spec = self._queue.next()
        if spec is None:
            return None
        trained = self._trained.get(spec.training)
        return replace(self._job, spec=spec, folder=self._begin(spec), trained=trained)

    def again(self, job: Job) -> Job:
        self._relays.ended(job.folder)
        shutil.rmtree(job.folder, ignore_errors=True)
        return replace(job, folder=self._begin(job.spec))

    def began(self, job: Job) -> None:
        if job.id not in self._began:
            self._began.add(job.id)
            self._progress.started(job.spec)

    def said(self, job: Job, message: Any) -> bool:
        self.began(job)
        # a learner may write there, too
        with suppress(ValueError, TypeError, KeyError):
            self._relays.said(job.folder, job.id, message)
            _pass_on(message, job.spec, self._progress)
        return False

    def ended(self, job: Job, trouble: str) -> None:
        spec = job.spec
        self.began(job)
        self._relays.ended(job.folder)
        record = self._commit(job, trouble)
        trained = record.get("trained_by") == spec.id
        if trained and job.trainings is not None:
            self._trained[spec.training] = job.trainings / spec.training
        self._queue.ended(spec.training, trained)
        tell_end(self._progress, spec, record, self._folder)

    def dropped(self, job: Job) -> None:
        self._folder.discard(job.folder, job.id)

    def tick(self) -> None:
        self._relays.beat()
        if time.monotonic() - self._ticked >= TICK_SECONDS:
            self._progress.tick()
            self._ticked = time.monotonic()

    def _begin(self, spec: TrialSpec) -> Path:
        return self._folder.begin(spec.id).resolve()

    def _commit(self, job: Job, trouble: str) -> dict[str, Any]:
        """The record of what the job has left; a failure, if it has left none."""
        record = None
        if not trouble:
            trouble = "nothing is left of it"
            with suppress(StoreError, OSError):
                record = check_trial(job.folder)
        try:
            if record is None:
                record = blank_record(job.spec, job.provenance)
                record |= {"status": "failed", "reason": trouble}
                job.folder.mkdir(exist_ok=True)
                write_json(job.folder / "trial.json", record)
                seal(job.folder)
            self._folder.commit(job.folder, job.id)
        except OSError as error:
            where = self._folder.directory
            raise StoreError(f"{where}: cannot be written ({error.strerror})") from None
        return record


def _pass_on(told: Any, spec: TrialSpec, progress: Progress) -> None:
    if not isinstance(told, dict):
        fraction, text = told
        progress.advanced(spec, float(fraction), str(text))
    elif isinstance(progress, Listening):
        metrics = {str(name): float(value) for name, value in dict(told["metrics"]).items()}
        progress.logged(spec, int(told["tasks"]), metrics)


def tell_end(
    progress: Progress, spec: TrialSpec, record: Mapping[str, Any], folder: ResultsFolder
) -> None:
    """That a trial has ended, what came of it, and a first score where it is done."""
    if record["status"] == "done" and isinstance(progress, Scoring):
        score = first_score(folder.trials / spec.id, record)
        if score is not None:
            progress.scored(spec, score)
    progress.ended(spec, record["status"], _told(record, folder))


def _told(record: Mapping[str, Any], folder: ResultsFolder) -> str | None:
    """The reason of a failure, and where there is more to read of it."""
    reason, trial = record["reason"], record["trial"]
    if record["status"] != "failed" or OUTPUT in str(reason):
        return reason
    return with_place(reason, trial) if (folder.trials / trial / OUTPUT).is_file() else reason
