import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.columns import OPTIONAL, TABLES
from benchmarks.harness.disk.files import read_json, replace, write_json
from benchmarks.harness.disk.sums import write_sums
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.outlook.status import status_text
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix, load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.plan.resolved import make_family
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import LIST, Ledger
from benchmarks.harness.store.results import consolidate, load_results, restore
from benchmarks.harness.trial.trial import blank_record, run_trial

CLASSES = """
name = "classes"
seeds = 2

[budget]
tasks = 8

[[protocol]]
kind = "few_shot"
shots = [1]
steps = [0, 1]
tasks = 10
queries = 6

[[family]]
name = "digits"

[[learner]]
name = "nearest"
"""
NEW = "sinusoid-new-s0-0123456789ab"
ORIGIN = {"started": "2025-01-01", "commit": "abc", "dirty": False, "command": "reml run tiny"}


@pytest.fixture
def matrix(write_matrix: Callable[..., Path]) -> Matrix:
    return load_matrix(str(write_matrix('name = "guess"\nlabel = "z"', "told", "raises")))


@pytest.fixture
def folder(matrix: Matrix, registry: Registry, tmp_path: Path) -> ResultsFolder:
    """Seeds 0 are run, seeds 1 are missing."""
    trials = expand(matrix, registry)
    folder = ResultsFolder(tmp_path / "results")
    with folder.open(describe(matrix, trials)):
        for trial in reversed(trials):
            if trial.seed == 0:
                put(folder, trial, registry)
    return folder


def put(folder: ResultsFolder, trial: TrialSpec, registry: Registry) -> None:
    place = folder.begin(trial.id)
    run_trial(trial, registry, place, provenance=ORIGIN)
    folder.commit(place, trial.id)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": "ü"})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})

    def half(temporary: Path) -> None:
        temporary.write_text("half of it")
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError, match="cut off"):
        replace(path, half)
    assert read_json(path) == {"a": "ü"}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(StoreError, match=r"a\.json: cannot be read"):
        read_json(tmp_path / "a.json")
    with pytest.raises(StoreError, match=r"b\.json: is missing"):
        read_json(tmp_path / "b.json")


def test_the_same_frame_gives_the_same_bytes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", "y"], "b": [0.1, float("nan")], "c": [1, 2]})
    write_parquet(tmp_path / "1", frame)
    write_parquet(tmp_path / "2", frame.copy())
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "1"), frame)


def test_a_trial_is_there_whole_or_not_at_all(folder: ResultsFolder) -> None:
    place = folder.begin(NEW)
    (place / "scores.parquet").write_text("half")
    assert folder.record(NEW) is None
    write_json(place / "trial.json", {"trial": NEW, "status": "failed"})
    folder.commit(place, NEW)
    assert folder.record(NEW) == {"trial": NEW, "status": "failed"}
    assert not place.exists()


def test_commit_replaces_and_remove_forgets(folder: ResultsFolder) -> None:
    for status in ("failed", "cannot"):
        place = folder.begin(NEW)
        write_json(place / "trial.json", {"trial": NEW, "status": status})
        folder.commit(place, NEW)
    assert folder.record(NEW) == {"trial": NEW, "status": "cannot"}
    folder.remove(NEW)
    assert folder.record(NEW) is None
    assert not list(folder.trials.glob(".tmp-*"))


@pytest.mark.parametrize("mask", [0o077, 0o002])
def test_what_is_written_follows_the_umask(
    matrix: Matrix, registry: Registry, tmp_path: Path, mask: int
) -> None:
    trials = expand(matrix, registry)
    folder = ResultsFolder(tmp_path / "results")
    before = os.umask(mask)
    try:
        with folder.open(describe(matrix, trials)):
            put(folder, trials[0], registry)
            consolidate(folder.directory)
            shutil.rmtree(folder.trials)
            restore(folder.directory)
    finally:
        os.umask(before)
    written = [folder.directory, *folder.directory.rglob("*")]
    assert len(written) > 10
    for path in written:
        whole = 0o777 if path.is_dir() else 0o666
        assert stat.S_IMODE(path.stat().st_mode) == whole & ~mask, path


def test_leftovers_of_a_killed_run_are_removed(folder: ResultsFolder) -> None:
    (folder.begin(NEW) / "scores.parquet").write_text("half")
    with folder.open(read_json(folder.directory / "matrix.json")):
        assert not list(folder.trials.glob(".tmp-*"))


def test_one_run_at_a_time(folder: ResultsFolder) -> None:
    matrix = read_json(folder.directory / "matrix.json")
    again = ResultsFolder(folder.directory)
    with (
        folder.open(matrix),
        pytest.raises(StoreError, match="another `reml run` is writing here"),
        again.open(matrix),
    ):
        pass
    with again.open(matrix):
        pass


def test_a_folder_belongs_to_one_matrix(folder: ResultsFolder) -> None:
    with (
        pytest.raises(StoreError, match="holds the results of matrix 'tiny', not of 'other'"),
        folder.open({"name": "other"}),
    ):
        pass


def test_a_matrix_may_grow_and_change_but_not_be_exchanged(folder: ResultsFolder) -> None:
    matrix = read_json(folder.directory / "matrix.json")
    with folder.open(matrix) as strays:
        assert strays == 0
    others = [row for row in matrix["trials"] if row["learner"] != "told"]
    with folder.open(matrix | {"trials": others}) as strays:
        assert strays == 1
    exchanged = matrix | {"trials": [others[0] | {"trial": NEW}]}
    for _ in range(2):
        with (
            pytest.raises(StoreError, match="none of the 2 trials that are done there is part of"),
            folder.open(exchanged),
        ):
            pass
        write_json(folder.directory / "matrix.json", matrix)
        consolidate(folder.directory)
        shutil.rmtree(folder.trials, ignore_errors=True)  # as in a published folder


@pytest.mark.parametrize(
    ("damaged", "key"),
    [
        ([], "name"),
        ({"learners": []}, "name"),
        ({"name": "tiny"}, "learners"),
        ({"name": "tiny", "learners": [{"label": "a"}], "protocols": {}}, "protocols"),
        ({"name": "tiny", "learners": [], "protocols": [], "trials": [{"trial": "a"}]}, "trials"),
    ],
)
def test_a_damaged_matrix_is_named(tmp_path: Path, damaged: object, key: str) -> None:
    write_json(tmp_path / "matrix.json", damaged)
    with pytest.raises(StoreError, match=rf"matrix\.json: .*key '{key}'"):
        load_results(tmp_path)
    with (
        pytest.raises(StoreError, match=rf"matrix\.json: .*key '{key}'"),
        ResultsFolder(tmp_path).open({"name": "tiny", "trials": []}),
    ):
        pass


def test_what_one_trial_leaves(folder: ResultsFolder) -> None:
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
    assert record["provenance"] == ORIGIN
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


def test_what_learners_are_and_decide_is_part_of_the_results(
    write_matrix: Callable[..., Path], registry: Registry, tmp_path: Path
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


def test_confusion_and_pictures_are_kept_where_there_are_classes(
    registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "classes.toml"
    path.write_text(CLASSES)
    matrix = load_matrix(str(path))
    trials = expand(matrix, registry)
    folder = ResultsFolder(tmp_path / "results")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            put(folder, trial, registry)
    whole = consolidate(folder.directory)
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


def test_tasks_have_names_and_groups_beside_their_scores(
    registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "classes.toml"
    path.write_text(CLASSES)
    matrix = load_matrix(str(path))
    trials = expand(matrix, registry)
    folder = ResultsFolder(tmp_path / "results")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            put(folder, trial, registry)
    whole = consolidate(folder.directory)
    assert set(whole.trials["grouped_by"]) == {"set of classes"}
    assert list(whole.tasks) == ["family", "protocol", "shots", "task", "name", "group"]
    assert whole.tasks["task"].tolist() == list(range(10))  # once, though two trials met them
    (three,) = set(whole.tasks["name"])
    assert three == ", ".join(make_family(trials[0].family, registry).classes["test"])
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
    folder: ResultsFolder, registry: Registry, matrix: Matrix, tmp_path: Path
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


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no results"):
        load_results(tmp_path)


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


def test_a_blank_record_knows_its_trial(trials_of: Callable[..., list[TrialSpec]]) -> None:
    trial = trials_of("guess")[0]
    record = blank_record(trial, ORIGIN)
    assert record["trial"] == trial.id
    assert record["spec"] == trial.identity
