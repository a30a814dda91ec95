"""What is seen, and who is told, while trials run from Python."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.core.errors import RemlError
from benchmarks.core.text import described
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.run.first_scores import Score
from benchmarks.harness.run.progress import Listening, Progress, Scoring, Watched
from benchmarks.harness.store.folder import ResultsFolder


class Callback:
    """What can be told while trials run; a tracker overrides what it wants to know.

    Any object with some of these methods will do. Trials run side by side, so calls for several of
    them are mixed. One that raises is warned of and not called again: no trial ends by it.
    """

    def on_trial_start(self, trial: TrialSpec) -> None:
        """A trial begins: see `trial.id`, `.learner.label`, `.family.label` and `.seed`."""

    def on_log(self, trial: TrialSpec, tasks: int, metrics: Mapping[str, float]) -> None:
        """The learner logged these means after so many training tasks, some 200 times in all.

        It is told while the trial trains; of a trial that took over the training of another one,
        when it ends.
        """

    def on_trial_end(
        self, trial: TrialSpec, record: Mapping[str, Any], scores: pd.DataFrame
    ) -> None:
        """It ended: `record["status"]` is done, failed or cannot; `scores` has a row a test task.

        The columns of `scores` are shots, steps, task, draw, group, metric, value and diverged; it
        is empty where the trial is not done.
        """


class Silent:
    """Shows nothing."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(self, *_: object) -> None: ...
    def started(self, spec: TrialSpec) -> None: ...
    def advanced(self, spec: TrialSpec, fraction: float, text: str) -> None: ...
    def ended(self, spec: TrialSpec, status: str, reason: str | None) -> None: ...
    def tick(self) -> None: ...


class Telling:
    """Tells callbacks what a display is told, and what trials have left in a results folder."""

    def __init__(self, shown: Watched, callbacks: Sequence[Any], directory: Path) -> None:
        self._display = shown
        self._shown: Progress = shown
        self._callbacks = list(callbacks)
        self._folder = ResultsFolder(directory)
        self._logged: set[str] = set()

    def __enter__(self) -> Listening:
        self._shown = self._display.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._display.__exit__(*error)

    def started(self, spec: TrialSpec) -> None:
        self._shown.started(spec)
        self._tell("on_trial_start", spec)

    def advanced(self, spec: TrialSpec, fraction: float, text: str) -> None:
        self._shown.advanced(spec, fraction, text)

    def logged(self, spec: TrialSpec, tasks: int, metrics: Mapping[str, float]) -> None:
        self._logged.add(spec.id)
        self._tell("on_log", spec, tasks, dict(metrics))

    def scored(self, spec: TrialSpec, score: Score) -> None:
        if isinstance(self._shown, Scoring):
            self._shown.scored(spec, score)

    def ended(self, spec: TrialSpec, status: str, reason: str | None) -> None:
        self._shown.ended(spec, status, reason)
        if spec.tried is not None:
            return
        place = self._folder.trials / spec.id
        if spec.id not in self._logged:
            history = _table(place / "history.parquet", ["tasks", "metric", "value"])
            told = history[history["metric"] != "validation"]  # looked at when training is over
            for tasks, rows in told.groupby("tasks", sort=False):
                metrics = dict(zip(rows["metric"], rows["value"], strict=True))
                self._tell("on_log", spec, int(str(tasks)), metrics)
        record = self._folder.record(spec.id) or {"status": status, "reason": reason}
        self._tell("on_trial_end", spec, record, _table(place / "scores.parquet", SCORES))

    def tick(self) -> None:
        self._shown.tick()

    def _tell(self, method: str, spec: TrialSpec, *said: Any) -> None:
        if spec.tried is not None:  # of a search: trackers would take it for a result
            return
        for callback in list(self._callbacks):
            try:
                getattr(callback, method, _nothing)(spec, *said)
            except Exception as error:  # of the user's making
                self._callbacks.remove(callback)
                warnings.warn(
                    f"{type(callback).__name__}.{method} raised {described(error)}; "
                    "it is told no more of this run",
                    stacklevel=2,
                )


SCORES = ["shots", "steps", "task", "draw", "group", "metric", "value", "diverged"]


def _nothing(*said: object) -> None: ...


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError, RemlError):
        return pd.DataFrame(columns=columns)
