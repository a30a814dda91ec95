import shutil
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.core.errors import DataError, StoreError
from benchmarks.harness.disk.files import read_json, write_json
from benchmarks.harness.disk.shapes import read_records
from benchmarks.harness.disk.sums import SUMS
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.plan.expand import describe, expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder
from benchmarks.harness.store.ledger import LIST
from benchmarks.harness.store.regroup import _protocol, regroup
from benchmarks.harness.store.results import Results, consolidate, load_results
from benchmarks.harness.trial.trial import run_trial

LATER = ["group", "draw", "diverged"]
"""Columns of scores that former versions did not write."""
MATRIX = """
name = "grouped"
seeds = 1

[budget]
tasks = 8

[[protocol]]
kind = "few_shot"
shots = [1, 2]
steps = [0, 1]
tasks = 10
queries = 6

[[family]]
name = "table"
path = "rows.csv"
task = ["site", "year"]
x = ["x"]
y = "y"
split_by = "site"

[[family]]
name = "digits"

[[family]]
name = "sinusoid"

[[learner]]
name = "mean"
families = ["table", "sinusoid"]

[[learner]]
name = "nearest_centroid"
families = ["digits"]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("grouped")
    rows = [
        (f"site {site}", 2000 + year, x, (site * 7 + year * 5 + x * x) % 11)
        for site in range(9)
        for year in range(3)
        for x in range(6)
    ]
    pd.DataFrame(rows, columns=["site", "year", "x", "y"]).to_csv(
        directory / "rows.csv", index=False
    )
    (directory / "matrix.toml").write_text(MATRIX)
    matrix = load_matrix(str(directory / "matrix.toml"))
    trials = expand(matrix, Registry([]))
    folder = ResultsFolder(directory / "results")
    with folder.open(describe(matrix, trials)):
        for trial in trials:
            place = folder.begin(trial.id)
            run_trial(trial, Registry([]), place)
            folder.commit(place, trial.id)
    consolidate(folder.directory)
    return directory


@pytest.fixture
def old(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Results]:
    """Results as former versions stored them, and what they should be."""
    monkeypatch.setenv("REML_DATA", str(tmp_path))
    shutil.copy(made / "rows.csv", tmp_path)
    directory = tmp_path / "results"
    shutil.copytree(made / "results", directory)
    whole = load_results(directory)
    for sums in (directory / LIST, *directory.rglob(SUMS)):
        sums.unlink()
    for scores in directory.rglob("scores.parquet"):
        write_parquet(scores, pd.read_parquet(scores).drop(columns=LATER))
    for tasks in directory.rglob("tasks.parquet"):
        tasks.unlink()
    for path in directory.rglob("trial.json"):
        write_json(path, {k: v for k, v in read_json(path).items() if k != "grouped_by"})
    path = directory / "trials.json"
    write_json(path, [{k: v for k, v in it.items() if k != "grouped_by"} for it in read_json(path)])
    return directory, whole


@pytest.mark.parametrize("published", [False, True])
def test_what_was_stored_without_groups_gets_them(
    old: tuple[Path, Results], published: bool
) -> None:
    directory, whole = old
    if published:
        shutil.rmtree(directory / "trials")
    before = load_results(directory)
    assert before.tasks.empty
    assert set(before.scores["group"]) == {""}
    found = regroup(directory, Registry([]))
    assert [(it.family, it.shots) for it in found] == [
        ("digits", 1),
        ("digits", 2),
        ("table", 1),
        ("table", 2),
    ]
    assert "the scores of nearest_centroid on 10 tasks" in found[0].proof
    assert "the variances of 6 tasks" in found[2].proof  # of two sites
    again = load_results(directory)
    pd.testing.assert_frame_equal(again.scores, whole.scores)
    pd.testing.assert_frame_equal(again.tasks, whole.tasks)
    assert again.trials["grouped_by"].tolist() == whole.trials["grouped_by"].tolist()
    assert regroup(directory, Registry([])) == []  # there is nothing left to add


def test_other_tasks_than_those_scored_get_no_groups(old: tuple[Path, Results]) -> None:
    directory, _ = old
    shutil.rmtree(directory / "trials")
    path = directory / "scores.parquet"
    scores = pd.read_parquet(path)
    mine = (scores["family"] == "table") & (scores["metric"] == "nmse") & (scores["task"] == 3)
    write_parquet(path, scores.assign(value=scores["value"].where(~mine, scores["value"] * 1.01)))
    held = {it: it.read_bytes() for it in directory.rglob("*") if it.is_file()}
    with pytest.raises(
        StoreError, match=r"results: the test tasks of 'table' .*their variance is an"
    ):
        regroup(directory, Registry([]))
    assert {it: it.read_bytes() for it in directory.rglob("*") if it.is_file()} == held


def test_data_that_are_gone_are_named(old: tuple[Path, Results]) -> None:
    directory, _ = old
    (directory.parent / "rows.csv").unlink()
    with pytest.raises(DataError, match=r"rows\.csv"):
        regroup(directory, Registry([]))


RESULTS = Path(__file__).parents[3] / "results"


@pytest.mark.parametrize("kind", ["few_shot", "transfer", "unrelated", "retention"])
def test_every_kind_of_protocol_is_read_back_from_a_trial(kind: str) -> None:
    stored = []
    for name in ("thesis-questions", "metoffice"):
        rules = {it["label"]: it for it in read_json(RESULTS / name / "matrix.json")["protocols"]}
        records, _ = read_records(RESULTS / name / "trials.json")
        stored += [(it["spec"]["protocol"], rules[it["protocol"]]) for it in records.values()]
    ours = [(spec, rules) for spec, rules in stored if spec["kind"] == kind]
    assert ours
    registry = Registry()
    for spec, rules in ours:
        protocol = _protocol(spec, rules, registry)
        assert protocol.shots == tuple(spec["shots"])
        assert protocol.other in (rules.get("then"), *(rules.get("on") or ()))
