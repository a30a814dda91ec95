"""Damage to one trial costs that trial alone, and is named."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.pulse import PULSE, Pulse
from benchmarks.harness.disk.sums import SUMS
from benchmarks.harness.outlook.status import status_text
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.results import load_results

WRONG_SHAPES = [
    *([], None, 3, "done", {}, {"status": "done"}, {"spec": []}, {"spec": {"learner": 1}}),
    *({"spending": []}, {"spending": {"tasks": "many"}}, {"spending": {"tasks": 10**400}}),
    *({"left_out": 3}, {"left_out": {"2": None}}, {"problem": "mse"}, {"problem": {"unit": 3}}),
    *({"provenance": {"started": 3}}, {"provenance": []}, {"status": "dond"}, {"reason": [1]}),
    *({"trial": "../../x"}, {"trained_by": "../x"}, {"reason": "\ud800"}, {"dropped_rows": 1e400}),
]


def first(out: Path) -> Path:
    return out / "trials" / read_json(out / "matrix.json")["trials"][0]["trial"]


def demand_missing(out: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The first trial counts as missing, the other one is there, and the file is named."""
    results = load_results(out)
    assert results.trials["status"].tolist() == ["missing", "done"]
    assert len(results.damage) == 1
    assert name in results.damage[0]
    assert results.scores["seed"].unique().tolist() == [1]
    assert "1 done, 0 failed, 1 missing" in status_text(results)
    folder = ResultsFolder(out)
    assert folder.record(first(out).name) is None
    assert name in capsys.readouterr().err


@pytest.mark.parametrize("shape", WRONG_SHAPES, ids=repr)
def test_a_record_of_a_wrong_shape(
    out: Path, shape: object, capsys: pytest.CaptureFixture[str]
) -> None:
    (first(out) / SUMS).unlink()  # as former versions left it
    path = first(out) / "trial.json"
    whole = read_json(path)
    path.write_text(json.dumps({**whole, **shape} if isinstance(shape, dict) and shape else shape))
    if shape == {"status": "done"}:
        path.write_text(json.dumps(shape))
    demand_missing(out, "trial.json", capsys)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"1" * 5000])
def test_a_record_that_is_no_json(
    out: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (first(out) / SUMS).unlink()
    (first(out) / "trial.json").write_bytes(content)
    demand_missing(out, "trial.json", capsys)


def _renamed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns={"value": "worth"})


def test_scores_too_large_for_statistics_diverged(out: Path) -> None:
    (first(out) / SUMS).unlink()
    path = first(out) / "scores.parquet"
    pd.read_parquet(path).assign(value=1e308).to_parquet(path, index=False)
    scores = load_results(out).scores
    assert scores["diverged"].eq(scores["seed"] == 0).all()
    assert scores["value"].max() < 1e150


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"value": "str"})


def _with_a_hole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({"metric": "object"}).assign(metric=[None, *frame["metric"][1:]])


@pytest.mark.parametrize("change", [_renamed, _as_text, _with_a_hole])
def test_a_table_with_other_columns(
    out: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (first(out) / SUMS).unlink()
    path = first(out) / "scores.parquet"
    change(pd.read_parquet(path)).to_parquet(path)
    demand_missing(out, "scores.parquet", capsys)


@pytest.mark.parametrize("name", ["scores.parquet", "history.parquet", "trial.json", SUMS])
def test_a_flipped_bit_never_passes(
    out: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, chance = first(out) / name, random.Random(0)
    whole = path.read_bytes()
    for _ in range(5):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        results = load_results(out)
        assert results.trials["status"].tolist() == ["missing", "done"]
    path.write_bytes(whole[: len(whole) // 2])
    demand_missing(out, "", capsys)


def test_a_lost_table_is_damage_and_a_lost_learner_is_not(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (first(out) / "learner.pt").unlink()
    assert set(load_results(out).trials["status"]) == {"done"}
    assert ResultsFolder(out).record(first(out).name) is not None
    (first(out) / "scores.parquet").unlink()
    demand_missing(out, "scores.parquet", capsys)


@pytest.mark.parametrize("with_sums", [True, False])
def test_a_damaged_learner_is_neither_shared_nor_used(
    out: Path, with_sums: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = ResultsFolder(out), first(out) / "learner.pt"
    assert folder.learner(first(out).name) == first(out).resolve()
    if not with_sums:
        (first(out) / SUMS).unlink()
    whole = bytearray(path.read_bytes())
    whole[whole.index(b"\x80\x02") + 2] ^= 1  # in a member of the archive
    for content in (whole, whole[:50]):
        path.write_bytes(content)
        assert folder.learner(first(out).name) is None
        assert "learner.pt" in capsys.readouterr().err
        with pytest.raises(StoreError, match=r"learner\.pt: ") as found:
            load_checkpoint(first(out), Registry())
        assert "weights_only" not in str(found.value)
        assert folder.record(first(out).name) is None
        assert set(load_results(out).trials["status"]) == {"done"}  # its scores still stand


def test_one_wrong_record_among_the_published_costs_one_trial(out: Path) -> None:
    shutil.rmtree(out / "trials")
    (out / ".reml.sha256").unlink()  # as former versions left it
    records = read_json(out / "trials.json")
    for shape in WRONG_SHAPES:
        bad = {**records[0], **shape} if isinstance(shape, dict) and shape else shape
        (out / "trials.json").write_text(json.dumps([bad, records[1]]))
        results = load_results(out)
        if shape != {"status": "done"}:
            assert results.trials["status"].tolist() == ["missing", "done"], shape
            assert results.scores["seed"].unique().tolist() == [1]
    write_json(out / "provenance.json", [])
    assert "provenance.json" in load_results(out).damage[-1]


def test_a_trial_whose_commit_was_cut_off_is_put_in_its_place(out: Path) -> None:
    folder, place = ResultsFolder(out), first(out)
    whole = {path.name: path.read_bytes() for path in place.iterdir()}
    cut_off = place.rename(folder.trials / f".tmp-{place.name}-01234567")
    Pulse(cut_off, place.name)  # by a driver that heard of it and of its end at once
    assert (cut_off / PULSE).is_file()
    half = folder.begin(place.name)
    (half / "trial.json").write_bytes(whole["trial.json"])
    with folder.open(read_json(out / "matrix.json")):
        assert {path.name: path.read_bytes() for path in place.iterdir()} == whole
        assert not list(folder.trials.glob(".*"))


def test_what_a_killed_restoring_left_is_removed(out: Path) -> None:
    (out / ".restoring-01234567" / "x").mkdir(parents=True)
    (out / ".restoring-mine").mkdir()
    with ResultsFolder(out).open(read_json(out / "matrix.json")):
        assert [path.name for path in out.glob(".restoring-*")] == [".restoring-mine"]
