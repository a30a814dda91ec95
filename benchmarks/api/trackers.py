"""Callbacks that tell a tracker what trials log and score: TensorBoard and MLflow.

Both are extras: `pip install tensorboard`, or `pip install mlflow-skinny`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.api.watching import Callback
from benchmarks.core.errors import MissingDependency
from benchmarks.harness.plan.identity import TrialSpec


class TensorBoard(Callback):
    """One run a trial under a folder: `tensorboard --logdir FOLDER` shows them."""

    def __init__(self, folder: str | Path) -> None:
        """Nothing is written before a trial starts.

        Raises:
            MissingDependency: TensorBoard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise MissingDependency(
                "TensorBoard is not installed; try: pip install tensorboard"
            ) from None
        self._folder = Path(folder)
        self._make = SummaryWriter
        self._writers: dict[str, Any] = {}

    def on_trial_start(self, trial: TrialSpec) -> None:
        self._writers[trial.id] = self._make(str(self._folder / trial.id))

    def on_log(self, trial: TrialSpec, tasks: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writers[trial.id].add_scalar(f"training/{name}", value, tasks)

    def on_trial_end(
        self, trial: TrialSpec, record: Mapping[str, Any], scores: pd.DataFrame
    ) -> None:
        writer = self._writers.pop(trial.id)
        for (metric, shots, steps), value in means(scores).items():
            writer.add_scalar(f"test/{metric} at {shots} shots", value, steps)
        writer.add_text("status", str(record["status"]))
        writer.close()


class MLflow(Callback):
    """One MLflow run a trial, in an experiment of a tracking server or a local store."""

    def __init__(self, experiment: str = "reml", tracking_uri: str | None = None) -> None:
        """Connect, and make the experiment where there is none.

        Raises:
            MissingDependency: MLflow is not installed.
        """
        try:
            from mlflow.tracking import MlflowClient
        except ImportError:
            raise MissingDependency(
                "MLflow is not installed; try: pip install mlflow-skinny"
            ) from None
        self._client = MlflowClient(tracking_uri=tracking_uri)
        known = self._client.get_experiment_by_name(experiment)
        self._experiment = (
            known.experiment_id if known else self._client.create_experiment(experiment)
        )
        self._runs: dict[str, str] = {}

    def on_trial_start(self, trial: TrialSpec) -> None:
        run = self._client.create_run(self._experiment, run_name=trial.id).info.run_id
        self._runs[trial.id] = run
        for key, value in {**trial.row, **trial.learner.fields}.items():
            self._client.log_param(run, str(key), value)

    def on_log(self, trial: TrialSpec, tasks: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._client.log_metric(self._runs[trial.id], _plain(name), value, step=tasks)

    def on_trial_end(
        self, trial: TrialSpec, record: Mapping[str, Any], scores: pd.DataFrame
    ) -> None:
        run = self._runs.pop(trial.id)
        for (metric, shots, steps), value in means(scores).items():
            self._client.log_metric(run, f"test_{metric}_{shots}_shots", value, step=steps)
        self._client.set_terminated(run, "FAILED" if record["status"] == "failed" else "FINISHED")


def means(scores: pd.DataFrame) -> dict[tuple[str, int, int], float]:
    """The mean over test tasks by metric, shots and steps."""
    keys = ["metric", "shots", "steps"]
    found = scores.groupby(keys, observed=True)["value"].mean().reset_index()
    return {
        (str(row["metric"]), int(row["shots"]), int(row["steps"])): float(row["value"])
        for row in found.to_dict("records")
    }


def _plain(name: str) -> str:
    """MLflow takes letters, digits and a few signs."""
    return "".join(it if it.isalnum() or it in "_-. /" else "_" for it in name)
