import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.columns import PREDICTIVE
from benchmarks.harness.disk.sums import write_sums
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.publish import publish
from benchmarks.harness.store.results import Results, consolidate, load_results, restore
from benchmarks.harness.trial.trial import run_trial
from benchmarks.report.tables.write import render_table

HEAD = f"""
name = "tiny"
seeds = 2

[budget]
tasks = 10

[[protocol]]
kind = "few_shot"
shots = [3]
steps = {[*range(31)]}
tasks = 8
queries = 5

[[family]]
name = "sinusoid"
"""
ORIGIN = {
    **{"started": "2025-01-01", "commit": "abc", "dirty": False},
    "command": "reml run tiny --out '/home/me/my runs' --jobs 2",
}
KEY = ["trial", "shots", "steps", "task", "metric"]


@pytest.fixture(scope="module")
def made(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    (place / "tiny.toml").write_text(f'{HEAD}\n[[learner]]\nname = "guess"\n')
    trials = expand(matrix := load_matrix(str(place / "tiny.toml")), registry)
    folder = ResultsFolder(place / "run")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            at = folder.begin(trial.id)
            run_trial(trial, registry, at, provenance=ORIGIN)
            folder.commit(at, trial.id)
    consolidate(place / "run")
    return place / "run"


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def _beside(first: Results, second: Results) -> pd.DataFrame:
    both = [it.scores.astype({"trial": "str", "metric": "str"}) for it in (first, second)]
    return both[0].merge(both[1], on=KEY, how="right", validate="1:1", suffixes=("", "_copy"))


def test_a_published_folder_has_the_scores_at_the_landmarks(run: Path, tmp_path: Path) -> None:
    copy = publish(run, tmp_path / "copy")
    assert not copy.damage
    whole = load_results(run)
    chosen = {it for told in whole.trials["chosen_steps"] for it in told.values()}
    assert set(copy.scores["steps"]) == {0, 1, 2, 5, 10, 20, 30} | chosen
    assert set(copy.scores["metric"]) == set(whole.scores["metric"]) > {"mse", "rmse", "nmse"}
    both = _beside(whole, copy)
    assert len(both) == len(copy.scores)
    rough = both["metric"].isin(["nll", "crps", "width_90"])
    for rows, most in ((both[rough], 6.4e-2), (both[~rough], 1e-3)):
        assert len(rows)
        np.testing.assert_allclose(rows["value"], rows["value_copy"], rtol=most)
    own = both[both["metric"] == "mse"].groupby(["trial", "shots", "steps"])
    means = own[["value", "value_copy"]].mean()
    assert np.abs(means["value_copy"] / means["value"] - 1).median() < 1e-4
    assert set(copy.curves["seed"]) == {0}
    assert (copy.trials["status"] == "done").all()


@pytest.mark.parametrize("most", [False, True], ids=["chosen", "most"])
def test_how_sure_predictions_are_is_kept_where_it_decides(
    run: Path, tmp_path: Path, most: bool
) -> None:
    """At the step that validation chose, or after the most if a trial has no such scores there."""
    for seed, path in enumerate(sorted(run.glob("trials/*/trial.json"))):
        record = json.loads(path.read_text())
        record["chosen_steps"] = {"3": 11 if most and seed else 5 * (1 + seed)}
        path.write_text(json.dumps(record))
        write_sums(path.parent)
    consolidate(run)

    def shown(folder: Path) -> str:
        _, _, text = render_table(load_results(folder), "md").partition("How sure predictions are")
        return re.sub(r"\d+\.\d+", "#", "".join(text.split("\n\n")[:2]))  # they are rounded

    before = load_results(run)
    chosen = {
        it["trial"]: {int(steps) for steps in it["chosen_steps"].values()} for it in before.records
    }
    assert sorted(map(tuple, chosen.values())) == [(5,), (11 if most else 10,)]
    published = publish(run, tmp_path / "out").scores
    surely = published["metric"].isin(PREDICTIVE)
    assert set(published.loc[surely, "metric"]) == set(PREDICTIVE)
    for trial, rows in published[surely].groupby("trial", observed=True):
        assert set(rows["steps"]) == ({30} if most else chosen[trial])
    assert published.loc[~surely, "steps"].nunique() > 3
    assert shown(run).count(" [") == len(PREDICTIVE)
    assert shown(tmp_path / "out") == shown(run)


def test_what_can_be_worked_out_is_not_stored(run: Path, tmp_path: Path) -> None:
    publish(run, tmp_path / "copy")
    stored = pd.read_parquet(tmp_path / "copy" / "scores.parquet")
    metrics = set(stored["metric"])
    assert "mse" in metrics
    assert not {"rmse", "nll"} & metrics
    assert stored["value"].dtype == "float32"
    sizes = [(it / "scores.parquet").stat().st_size for it in (run, tmp_path / "copy")]
    assert sizes[1] < sizes[0] * 0.4


def test_publishing_again_changes_nothing(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    publish(run, copy)
    first = {it.name: it.read_bytes() for it in copy.iterdir()}
    publish(run, copy)
    assert {it.name: it.read_bytes() for it in copy.iterdir()} == first
    publish(copy, tmp_path / "second")
    names = [it for it in first if it.endswith(("json", "parquet"))]
    assert {it: (tmp_path / "second" / it).read_bytes() for it in names} == {
        it: first[it] for it in names
    }


def test_a_published_folder_is_added_to(run: Path, tmp_path: Path) -> None:
    """Its trials are done: a run takes them over, and they are whole then, too."""
    published = publish(run, tmp_path / "copy")
    restore(tmp_path / "copy")
    again = consolidate(tmp_path / "copy")
    assert not again.damage
    both = _beside(published, again)
    assert len(both) == len(published.scores) == len(again.scores)
    np.testing.assert_array_equal(both["value"], both["value_copy"])
    shutil.rmtree(tmp_path / "copy" / "trials")
    assert not load_results(tmp_path / "copy").damage


def test_a_former_copy_becomes_one_of_today(run: Path, tmp_path: Path) -> None:
    """It has all records whole, and scores that follow from others."""
    former, copy = tmp_path / "former", tmp_path / "copy"
    publish(run, copy)
    shutil.copytree(run, former, ignore=shutil.ignore_patterns("trials"))
    assert publish(former, former).scores.equals(load_results(copy).scores)
    for it in ("trials.json", "scores.parquet"):
        assert (former / it).read_bytes() == (copy / it).read_bytes()


def test_records_of_a_copy_are_whole_when_read(run: Path, tmp_path: Path) -> None:
    whole, copy = load_results(run), publish(run, tmp_path / "copy")
    assert [it["spec"] for it in copy.records] == [it["spec"] for it in whole.records]
    assert [it["problem"] for it in copy.records] == [it["problem"] for it in whole.records]
    both = zip(copy.records, whole.records, strict=True)
    for ours, theirs in ((it["spending"], other["spending"]) for it, other in both):
        assert ours.keys() == theirs.keys()
        numbers = {key: it for key, it in theirs.items() if it is not None}
        assert {key: ours[key] for key in numbers} == pytest.approx(numbers, rel=1e-8)


def test_nothing_of_others_is_written_over(run: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has trials; expected another folder"):
        publish(run, run)
    other = tmp_path / "mine"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="expected a new folder, or one that holds published"):
        publish(run, other)
    assert [it.name for it in other.iterdir()] == ["notes.txt"]
    shutil.copytree(run, tmp_path / "renamed")
    path = tmp_path / "renamed" / "matrix.json"
    path.write_text(path.read_text().replace('"name": "tiny"', '"name": "another"'))
    publish(run, tmp_path / "copy")
    with pytest.raises(StoreError, match="holds results of 'tiny', not of 'another'"):
        publish(tmp_path / "renamed", tmp_path / "copy")


def test_no_folder_of_this_machine_is_published(run: Path, tmp_path: Path) -> None:
    copy = publish(run, tmp_path / "copy")
    assert copy.provenance["command"] == "reml run tiny --jobs 2"
    assert "/home/me" not in (tmp_path / "copy" / "trials.json").read_text()
