"""A results folder is of one matrix and one run at a time; its trials are whole, or not there."""

import shutil
from pathlib import Path

import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import consolidate, load_results

NEW = "sinusoid-new-s0-0123456789ab"


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


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no results"):
        load_results(tmp_path)
