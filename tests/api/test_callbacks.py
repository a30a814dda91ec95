"""Callbacks are told what trials log and score, as they run; trackers are callbacks."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import reml
from benchmarks.api.trackers import MLflow, TensorBoard, means
from benchmarks.harness.plan.identity import TrialSpec

QUIET: dict[str, Any] = {"report": False, "progress": False}
Make = Callable[..., dict[str, Any]]


class Diary:
    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.logged: dict[str, list[tuple[int, Mapping[str, float]]]] = defaultdict(list)
        self.ended: dict[str, tuple[Mapping[str, Any], pd.DataFrame]] = {}

    def on_trial_start(self, trial: TrialSpec) -> None:
        self.said.append(("start", trial.id))

    def on_log(self, trial: TrialSpec, tasks: int, metrics: Mapping[str, float]) -> None:
        self.said.append(("log", trial.id))
        self.logged[trial.id].append((tasks, metrics))

    def on_trial_end(
        self, trial: TrialSpec, record: Mapping[str, Any], scores: pd.DataFrame
    ) -> None:
        self.said.append(("end", trial.id))
        self.ended[trial.id] = record, scores


def test_workers_and_this_process_tell_the_same(
    tiny: Make, filed: type, noted: type, tmp_path: Path
) -> None:
    diary = Diary()
    matrix = tiny(learner=[filed, noted])
    results = reml.run(matrix, out=tmp_path / "out", callbacks=[diary], **QUIET)
    first, second = results.trials["trial"]
    assert diary.said[0] == ("start", first)
    assert diary.said[-1] == ("end", second)
    assert [tasks for tasks, _ in diary.logged[first]] == [10, 20]
    assert diary.logged[first] == diary.logged[second]
    history = results.history.query("trial == @first and metric == 'targets'")
    assert [it["targets"] for _, it in diary.logged[first]] == history["value"].tolist()
    record, scores = diary.ended[first]
    assert record["status"] == "done"
    assert scores["value"].tolist() == results.scores["value"][: len(scores)].tolist()


def test_a_training_that_is_taken_over_is_told_in_the_end(tiny: Make, tmp_path: Path) -> None:
    few = {"kind": "few_shot", "shots": [2], "steps": [0], "tasks": 5, "queries": 4}
    diary = Diary()
    matrix = tiny(protocol=[few, {**few, "label": "again", "queries": 5}])
    results = reml.run(matrix, out=tmp_path / "out", callbacks=[diary], **QUIET)
    first, second = results.trials["trial"]
    assert diary.logged[first] == diary.logged[second]
    assert [it for it, trial in diary.said if trial == second] == ["start", "log", "log", "end"]


def test_a_failure_is_told(tiny: Make, noted: Any, tmp_path: Path) -> None:
    diary = Diary()
    matrix = tiny(learner=noted(fail=True))
    reml.run(matrix, out=tmp_path / "out", callbacks=[diary], **QUIET)
    ((record, scores),) = diary.ended.values()
    assert (record["status"], len(scores)) == ("failed", 0)
    assert "as I was told" in record["reason"]


def test_a_callback_that_raises_ends_no_trial(tiny: Make, tmp_path: Path) -> None:
    class Broken:
        def on_log(self, *_: object) -> None:
            raise OSError("no network")

    diary = Diary()
    with pytest.warns(UserWarning, match="Broken.on_log raised OSError: no network") as warned:
        results = reml.run(tiny(), out=tmp_path / "out", callbacks=[Broken(), diary], **QUIET)
    assert sum("no network" in str(it.message) for it in warned) == 1
    assert list(results.trials["status"]) == ["done"]
    assert [it for it, _ in diary.said] == ["start", "log", "log", "end"]


def test_tensorboard_has_curves_and_scores(tiny: Make, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = TensorBoard(tmp_path / "logs")
    results = reml.run(tiny(), out=tmp_path / "out", callbacks=[logs], **QUIET)
    (trial,) = results.trials["trial"]
    events = EventAccumulator(str(tmp_path / "logs" / trial))
    events.Reload()
    curve = events.Scalars("training/targets")
    assert [it.step for it in curve] == [10, 20]
    assert [it.value for it in curve] == pytest.approx(results.history["value"].tolist())
    (scored,) = events.Scalars("test/mse at 2 shots")
    assert scored.value == pytest.approx(means(results.scores)["mse", 2, 0])


def test_mlflow_has_parameters_curves_and_scores(
    tiny: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = (tmp_path / "mlruns").as_uri()
    logs = MLflow("mine", store)
    results = reml.run(tiny(), out=tmp_path / "out", callbacks=[logs], **QUIET)
    client = mlflow.tracking.MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["learner"] == "noted"
    curve = client.get_metric_history(run.info.run_id, "targets")
    assert [it.step for it in curve] == [10, 20]
    assert run.data.metrics["test_mse_2_shots"] == means(results.scores)["mse", 2, 0]
