"""Damage to a published folder: what is left out, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.sums import SUMS
from benchmarks.harness.store import complete
from benchmarks.harness.store.results import load_results, restore, with_gaps


def first(out: Path) -> Path:
    return out / "trials" / read_json(out / "matrix.json")["trials"][0]["trial"]


def _twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[:3]])


GAPS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no row": lambda it: it.iloc[:0],
    "half": lambda it: it.iloc[: len(it) // 2],
    "one less": lambda it: it.iloc[1:],
    "twice": _twice,
    "fewer tasks": lambda it: it[it["task"] < 2],
    "more tasks": lambda it: pd.concat([it, it[it["task"] == 4].assign(task=5)]),
    "fewer steps": lambda it: it[it["steps"] == 0],
    "negative": lambda it: it.assign(task=it["task"] - 1),
    "other steps": lambda it: it.assign(steps=-1),
    "other shots": lambda it: it.assign(shots=7),
    "other metric": lambda it: it.assign(metric="other"),
}


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("is_published", [False, True])
def test_scores_that_are_not_all_there(
    out: Path,
    gap: str,
    is_published: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_published:  # and each trial is looked at by itself, where else all are together
        monkeypatch.setattr(complete, "ROWS", 1)
    trial = first(out).name
    (first(out) / SUMS).unlink()
    path = first(out) / "scores.parquet"
    if is_published:
        shutil.rmtree(out / "trials")
        (out / ".reml.sha256").unlink()
        path = out / "scores.parquet"
    scores = pd.read_parquet(path)
    hit = scores["trial"].eq(trial) if is_published else scores["task"].ge(0)
    pd.concat([GAPS[gap](scores[hit]), scores[~hit]]).to_parquet(path, index=False)
    results = load_results(out)
    assert results.trials["status"].tolist() == ["missing", "done"]
    assert results.scores["seed"].unique().tolist() == [1]
    assert [str(path) in it and trial in it for it in results.damage] == [True]
    if is_published:
        restore(out)
        assert not first(out).exists()
    else:
        assert with_gaps(out) == {trial}
    assert trial in capsys.readouterr().err


@pytest.mark.parametrize("name", ["history", "curves", "diagnostics", "tasks"])
def test_a_damaged_published_table_is_left_out_alone(out: Path, name: str) -> None:
    shutil.rmtree(out / "trials")
    for listed in (True, False):
        if not listed:
            (out / ".reml.sha256").unlink()
        (out / f"{name}.parquet").write_bytes(b"PAR1")
        results = load_results(out)
        assert not results.scores.empty
        assert getattr(results, name).empty
        assert results.trials["status"].tolist() == ["done", "done"]
        assert [it.endswith("; left out") and name in it for it in results.damage] == [True]
        with pytest.raises(StoreError, match=name):
            restore(out)


@pytest.mark.parametrize("name", ["scores.parquet", "trials.json"])
def test_a_damaged_published_file_is_one_sentence(out: Path, name: str) -> None:
    shutil.rmtree(out / "trials")
    assert set(load_results(out).trials["status"]) == {"done"}
    whole = bytearray((out / name).read_bytes())
    whole[len(whole) // 2] ^= 1
    for content in (whole, whole[:20], b""):
        (out / name).write_bytes(content)
        for listed in (True, False):
            if not listed:
                (out / ".reml.sha256").unlink(missing_ok=True)
            if listed or content is not whole:
                for read in (load_results, restore):
                    with pytest.raises(StoreError, match=rf"{name}: "):
                        read(out)


@pytest.mark.parametrize(
    "name",
    ["../../../x", "/nowhere/x", "", ".", "..", "a/b", "x", "x-s0-0123456789ab\n", "X" * 300],
)
def test_ids_are_no_paths(out: Path, name: str, tmp_path: Path) -> None:
    matrix = read_json(out / "matrix.json")
    matrix["trials"][0]["trial"] = name
    shutil.rmtree(out / "trials")
    records = read_json(out / "trials.json")
    (out / ".reml.sha256").unlink()
    write_json(out / "trials.json", [records[0] | {"trial": name}, records[1]])
    restore(out)
    assert [path.name for path in (out / "trials").iterdir()] == [records[1]["trial"]]
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    write_json(out / "matrix.json", matrix)
    with pytest.raises(StoreError, match=r"matrix\.json: key 'trials'"):
        load_results(out)
