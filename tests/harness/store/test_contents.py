"""What is stored beside scores: decisions, confusion, names and groups of tasks."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from tiny import classes

from benchmarks.harness.disk.columns import OPTIONAL
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.sums import write_sums
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import LIST
from benchmarks.harness.store.results import consolidate, load_results, restore
from benchmarks.tasks.digits import Digits

Put = Callable[[ResultsFolder, TrialSpec, Registry], None]


def test_results_say_what_of_the_data_took_no_part(folder: ResultsFolder) -> None:
    trials = load_results(folder.directory).trials
    assert set(trials["split"]) == {"test"}
    assert set(trials["dropped_rows"]) == {0}
    path = folder.trials / trials["trial"].iloc[0] / "trial.json"
    write_json(path, read_json(path) | {"dropped_rows": 3, "left_out_train": {"2": 4}})
    write_sums(path.parent)
    matrix = folder.directory / "matrix.json"
    matrix.write_text(matrix.read_text().replace('"split": "test"', '"split": "validation"'))
    trials = load_results(folder.directory).trials
    assert trials["dropped_rows"].tolist() == [3, 0, 0, 0, 0, 0]
    assert trials["left_out_train"].iloc[0] == {"2": 4}
    assert trials["left_out_train"].iloc[1] == {}
    assert set(trials["split"]) == {"validation"}


def test_what_learners_are_and_decide_is_part_of_the_results(
    write_matrix: Callable[..., Path], registry: Registry, put: Put, tmp_path: Path
) -> None:
    text = 'name = "chooses"\nlabel = "wide"\nscale = 2.0'
    matrix = load_matrix(str(write_matrix(text, "guess-half", "mean")))
    trials = expand(matrix, registry)
    folder = ResultsFolder(tmp_path / "results")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            if trial.learner.name != "mean":
                put(folder, trial, registry)
    results = load_results(folder.directory)
    kept = results.diagnostics
    assert set(kept.query("kind == 'choice'")["learner"]) == {"wide"}
    assert set(kept.query("name == 'support_mse'")["learner"]) == {"wide", "guess-half"}
    one = kept.query("learner == 'wide' and seed == 1 and shots == 5")
    assert one.query("name == 'input layer'")["task"].tolist() == list(range(20))
    assert {name: it.name for name, it in results.settings.items()} == {
        "wide": "chooses",
        "guess-half": "guess-half",
        "mean": "mean",
    }
    fields = results.settings["wide"].fields
    assert (fields["scale"], fields["kind"]) == (2.0, "plain")
    assert results.settings["guess-half"].fields["scale"] == 0.5
    assert results.settings["mean"].fields == {}  # nothing of it has run


def test_results_without_diagnostics_can_still_be_read(folder: ResultsFolder) -> None:
    whole = consolidate(folder.directory)
    for path in folder.directory.rglob("diagnostics.parquet"):
        path.unlink()
    for path in folder.trials.glob("*/SHA256SUMS"):
        path.unlink()  # nor did former versions write these
    trials = load_results(folder.directory)
    shutil.rmtree(folder.trials)
    published = load_results(folder.directory)
    restore(folder.directory)
    for results in (trials, published, consolidate(folder.directory)):
        assert results.diagnostics.empty
        assert results.diagnostics.dtypes.map(str).equals(whole.diagnostics.dtypes.map(str))
        pd.testing.assert_frame_equal(results.scores, whole.scores)


@pytest.fixture
def of_classes(registry: Registry, put: Put, tmp_path: Path) -> ResultsFolder:
    path = tmp_path / "classes.toml"
    path.write_text(classes("nearest", seeds=2))
    matrix = load_matrix(str(path))
    trials = expand(matrix, registry)
    folder = ResultsFolder(tmp_path / "results")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            put(folder, trial, registry)
    return folder


def test_confusion_and_pictures_are_kept_where_there_are_classes(of_classes: ResultsFolder) -> None:
    folder, whole = of_classes, consolidate(of_classes.directory)
    assert set(whole.confusion["learner"]) == {"nearest"}
    assert set(whole.episodes["seed"]) == {0, 1}
    assert whole.trials["spec"].iloc[0]["family"]["name"] == "digits"
    one, other = (whole.episodes[whole.episodes["seed"] == seed] for seed in (0, 1))
    assert one["picture"].tolist() == other["picture"].tolist()
    shutil.rmtree(folder.trials)
    restore(folder.directory)
    again = consolidate(folder.directory)
    for name in sorted(OPTIONAL):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(whole, name))


def test_tasks_have_names_and_groups_beside_their_scores(of_classes: ResultsFolder) -> None:
    folder, whole = of_classes, consolidate(of_classes.directory)
    assert set(whole.trials["grouped_by"]) == {"set of classes"}
    assert list(whole.tasks) == ["family", "protocol", "shots", "task", "name", "group"]
    assert whole.tasks["task"].tolist() == list(range(10))  # once, though two trials met them
    (three,) = set(whole.tasks["name"])
    assert three == ", ".join(Digits().classes["test"])
    assert isinstance(whole.scores["group"].dtype, pd.CategoricalDtype)
    assert set(whole.scores["group"]) == {three}
    shutil.rmtree(folder.trials)
    published = load_results(folder.directory)
    restore(folder.directory)
    for again in (published, consolidate(folder.directory)):
        pd.testing.assert_frame_equal(again.tasks, whole.tasks)
        pd.testing.assert_frame_equal(again.scores, whole.scores)


def test_results_of_former_versions_have_no_groups(folder: ResultsFolder) -> None:
    whole = consolidate(folder.directory)
    shutil.rmtree(folder.trials)
    path = folder.directory / "scores.parquet"
    (folder.directory / LIST).unlink()
    old = whole.scores.drop(columns="group").astype({"shots": "int64", "metric": "str"})
    write_parquet(path, old)
    pd.testing.assert_frame_equal(load_results(folder.directory).scores, whole.scores)
    assert set(whole.scores["group"]) == {""}
