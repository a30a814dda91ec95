"""Files of a results folder are written whole, and what is damaged is named."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import read_json, replace, write_json
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.plan.matrix import Matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import LIST, Ledger
from benchmarks.harness.store.results import consolidate, restore

Put = Callable[[ResultsFolder, TrialSpec, Registry], None]


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


def test_a_table_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    ledger, path = Ledger(tmp_path), tmp_path / "curves.parquet"
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [0.1, float("nan")], "c": [1, 2]})

    def is_written(frame: pd.DataFrame) -> bool:
        before = path.stat().st_ino if path.exists() else None
        ledger.write_parquet(path.name, frame)
        pd.testing.assert_frame_equal(pd.read_parquet(path), frame)
        return path.stat().st_ino != before

    assert is_written(frame)
    assert not is_written(frame.copy())
    others = [
        frame.assign(b=[0.1, 0.2]),
        frame.assign(a=["x", "y"]),
        frame.assign(a=pd.Categorical(["x", "y"], ["y", "x"])),
        frame.rename(columns={"c": "d"}),
        frame.astype({"c": "int32"}),
        frame.iloc[:1],
    ]
    assert all(is_written(it) for it in [*others, frame])
    path.write_bytes(path.read_bytes() + b" ")
    assert is_written(frame)
    shutil.copy(path, tmp_path / "copy")
    (tmp_path / LIST).unlink()
    path.unlink()
    shutil.copy(tmp_path / "copy", path)  # of our frame, but nobody knows whose
    assert is_written(frame)


@pytest.mark.parametrize("mask", [0o077, 0o002])
def test_what_is_written_follows_the_umask(
    matrix: Matrix, registry: Registry, put: Put, tmp_path: Path, mask: int
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
