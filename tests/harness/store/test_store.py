"""What trials leave comes together as results, in the same bytes in whatever order."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.columns import OPTIONAL, TABLES
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.outlook.status import status_text
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import LIST, Ledger
from benchmarks.harness.store.results import consolidate, load_results, restore
from benchmarks.harness.trial.trial import blank_record, run_trial

Put = Callable[[ResultsFolder, TrialSpec, Registry], None]


def test_what_one_trial_leaves(folder: ResultsFolder, origin: Mapping[str, Any]) -> None:
    results = load_results(folder.directory)
    trial = results.trials.query("learner == 'z' and seed == 0")["trial"].item()
    record = folder.record(trial)
    assert record is not None
    assert record["status"] == "done"
    assert record["spec"]["budget"] == {"tasks": 100}
    assert record["left_out"] == {"2": 0, "5": 0}
    assert record["problem"]["metric"] == "mse"
    assert record["spending"]["tasks"] == 100
    assert record["spending"]["points"] == 1000
    assert record["spending"]["parameters"] == 1
    assert record["provenance"] == origin
    state = torch.load(folder.trials / trial / "learner.pt", weights_only=True)
    assert set(state) == {"weight"}


def test_results_have_one_row_a_trial_of_the_matrix(folder: ResultsFolder) -> None:
    results = load_results(folder.directory)
    assert results.name == "tiny"
    assert results.order == ("z", "told", "raises")
    rows = results.trials[["learner", "seed", "privileged", "status"]]
    assert rows.values.tolist() == [
        ["z", 0, False, "done"],
        ["z", 1, False, "missing"],
        ["told", 0, True, "done"],
        ["told", 1, True, "missing"],
        ["raises", 0, False, "failed"],
        ["raises", 1, False, "missing"],
    ]
    failed = results.trials.iloc[4]
    assert failed["reason"] == "ArithmeticError: two and two make five"
    assert results.trials["tasks"].isna().tolist() == [False, True, False, True, False, True]
    assert set(results.scores["learner"]) == {"z", "told"}
    assert len(results.scores) == 2 * 2 * 2 * 20 * 7  # learners, shots, steps, tasks, metrics
    assert results.provenance["commits"] == ["abc"]


def test_consolidated_files_say_the_same_without_the_trials(folder: ResultsFolder) -> None:
    whole = consolidate(folder.directory)
    shutil.rmtree(folder.trials)
    published = load_results(folder.directory)
    for name in ("trials", *TABLES):
        pd.testing.assert_frame_equal(getattr(published, name), getattr(whole, name))
    assert (published.name, published.order) == (whole.name, whole.order)
    assert published.provenance == whole.provenance
    assert "Traceback" not in (folder.directory / "trials.json").read_text()
    pd.testing.assert_frame_equal(consolidate(folder.directory).scores, whole.scores)


def test_a_table_without_one_of_its_columns_is_damaged(folder: ResultsFolder) -> None:
    whole = consolidate(folder.directory)
    shutil.rmtree(folder.trials)
    (folder.directory / LIST).unlink()
    write_parquet(folder.directory / "scores.parquet", whole.scores.drop(columns="value"))
    with pytest.raises(StoreError, match=r"scores\.parquet: has no column 'value'"):
        load_results(folder.directory)


def test_a_table_that_lost_its_rows_loses_its_file(folder: ResultsFolder) -> None:
    stale = folder.directory / "episodes.parquet"
    Ledger(folder.directory).write("episodes.parquet", lambda path: path.write_bytes(b""))
    assert stale.exists()
    consolidate(folder.directory)
    assert not stale.exists()


def test_a_published_folder_is_added_to_not_shadowed(folder: ResultsFolder) -> None:
    directory = folder.directory
    consolidate(directory)
    before = {path: path.read_bytes() for path in directory.glob("*.parquet")}
    assert {path.stem for path in before} == set(TABLES) - OPTIONAL
    done = {path.parent.name for path in folder.trials.glob("*/scores.parquet")}
    shutil.rmtree(folder.trials)
    restore(directory)
    assert {path.name for path in folder.trials.iterdir()} == done
    consolidate(directory)
    assert {path: path.read_bytes() for path in directory.glob("*.parquet")} == before
    restore(directory)
    assert {path.name for path in folder.trials.iterdir()} == done


def test_consolidated_bytes_do_not_depend_on_the_order_of_trials(
    folder: ResultsFolder, registry: Registry, put: Put, matrix: Matrix, tmp_path: Path
) -> None:
    other = ResultsFolder(tmp_path / "other")
    trials = expand(matrix, registry)
    with other.open(describe(matrix, trials)):
        for trial in trials:
            if trial.seed == 0:
                put(other, trial, registry)
    consolidate(folder.directory)
    consolidate(other.directory)
    for name in ("scores.parquet", "curves.parquet", "matrix.json"):
        assert (folder.directory / name).read_bytes() == (other.directory / name).read_bytes()


def test_a_new_label_needs_no_new_trial(folder: ResultsFolder) -> None:
    path = folder.directory / "matrix.json"
    path.write_text(path.read_text().replace('"z"', '"renamed"'))
    results = load_results(folder.directory)
    assert results.order[0] == "renamed"
    assert "renamed" in set(results.scores["learner"])


def test_results_of_nothing_have_their_columns(
    matrix: Matrix, registry: Registry, tmp_path: Path
) -> None:
    folder = ResultsFolder(tmp_path / "none")
    with folder.open(describe(matrix, expand(matrix, registry))):
        results = consolidate(folder.directory)
    assert results.scores.empty
    assert list(results.scores)[-4:] == ["group", "metric", "value", "diverged"]
    assert set(results.trials["status"]) == {"missing"}
    assert results.provenance == {}


def test_status_counts_and_says_why(folder: ResultsFolder) -> None:
    text = status_text(load_results(folder.directory))
    assert "tiny: 6 trials: 2 done, 1 failed, 3 missing" in text
    assert "two and two make five" in text
    assert "spent    z: 1 trial, 100 tasks" in text


def test_the_record_of_a_failure_has_its_traceback(folder: ResultsFolder) -> None:
    results = load_results(folder.directory)
    trial = results.trials.query("status == 'failed'")["trial"].item()
    record = json.loads((folder.trials / trial / "trial.json").read_text())
    assert "contenders.py" in record["traceback"]
    assert not (folder.trials / trial / "scores.parquet").exists()


def test_learners_of_one_seed_train_on_the_same_tasks(
    trials_of: Callable[..., list[TrialSpec]], registry: Registry, tmp_path: Path
) -> None:
    targets = []
    for trial in trials_of("guess", "guess-half", "told"):
        run_trial(trial, registry, tmp_path)
        history = pd.read_parquet(tmp_path / "history.parquet")
        history = history[history["metric"] != "validation"]
        # what is left of the weight without its start are the targets of the training tasks
        targets.append(history["value"].iloc[-1] - 0.9 ** len(history) * start(trial))
    assert targets[0] == pytest.approx(targets[2], abs=1e-6)
    assert targets[0] == pytest.approx(targets[4], abs=1e-6)
    assert targets[0] != pytest.approx(targets[1], abs=1e-6)


def test_all_learners_and_seeds_are_tested_on_the_same_tasks(
    trials_of: Callable[..., list[TrialSpec]], registry: Registry, tmp_path: Path
) -> None:
    drawn = []
    for trial in trials_of("guess", "told", "mean"):
        run_trial(trial, registry, tmp_path)
        drawn.append(pd.read_parquet(tmp_path / "curves.parquet").query("steps == -1"))
    assert len(drawn) == 6
    for other in drawn[1:]:
        pd.testing.assert_frame_equal(other, drawn[0])


def start(trial: TrialSpec) -> float:
    """The weight that a `Guess` of this trial starts from."""
    scale = 0.5 if trial.learner.name == "guess-half" else 1.0
    return float(torch.rand(1, generator=generator_of("learner", trial.seed))) * scale


def test_a_blank_record_knows_its_trial(
    trials_of: Callable[..., list[TrialSpec]], origin: Mapping[str, Any]
) -> None:
    trial = trials_of("guess")[0]
    record = blank_record(trial, origin)
    assert record["trial"] == trial.id
    assert record["spec"] == trial.identity
