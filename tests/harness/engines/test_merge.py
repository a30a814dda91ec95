"""Parts of a matrix that were run on their own, put together."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.api.running import How, run_matrix
from benchmarks.cli import main
from benchmarks.core.errors import StoreError
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.engines.merge import merge
from benchmarks.harness.engines.shards import Shard
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import ResultsFolder, seal
from benchmarks.harness.store.results import Results, load_results
from benchmarks.harness.trial.trainings import PLACE
from benchmarks.report.tables.write import write_table

LEARNERS = ('name = "guess"', 'name = "guess"\nlabel = "lifted"\nlift = 1.0', 'name = "guess-half"')
HEAD = """
name = "tiny"
seeds = 2
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]
family = [{ name = "sinusoid" }]
"""


def run(matrix: Path, registry: Registry, out: Path, shard: Shard | None = None) -> Path:
    """In this process, which takes a moment."""
    loaded = load_matrix(str(matrix), registry)
    here = {"guess", "guess-half"}
    how = How(out, shard=shard)
    run_matrix(loaded, registry, how, "", say=lambda _: None, here=here, report=table)
    return out


def table(results: Results, directory: Path, say: object) -> None:
    write_table(results, directory)


@pytest.fixture(scope="module")
def made(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders `whole`, `1` and `2`."""
    top = tmp_path_factory.mktemp("parts")
    matrix, registry = top / "tiny.toml", Registry([plugin])
    matrix.write_text(HEAD + "".join(f"\n[[learner]]\n{it}\n" for it in LEARNERS))
    run(matrix, registry, top / "whole")
    for number in (1, 2):
        run(matrix, registry, top / str(number), Shard(number, 2))
    return top


@pytest.fixture
def parts(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "parts")


def there(folder: Path) -> set[str]:
    return {it.parent.name for it in folder.glob("trials/[!.]*/trial.json")}


def test_shards_share_out_the_trials_whole_trainings_at_a_time(
    write_matrix: Callable[..., Path], registry: Registry
) -> None:
    trials = expand(load_matrix(str(write_matrix(*LEARNERS)), registry), registry)
    for of in (1, 2, 3, 7):
        parts = [Shard(number, of).part(trials) for number in range(1, of + 1)]
        ids = [it.id for part in parts for it in part]
        assert sorted(ids) == sorted(it.id for it in trials)
        trainings = [{it.training for it in part} for part in parts]
        assert sum(map(len, trainings)) == len({it.training for it in trials}) == 4
        assert max(map(len, trainings)) - min(map(len, trainings)) <= 1


def test_shards_merge_to_the_bits_of_one_run(parts: Path) -> None:
    whole, one, two, out = (parts / it for it in ("whole", "1", "2", "out"))
    assert there(one).isdisjoint(there(two))
    assert main(["merge", str(one), str(two), "-o", str(out), "--no-figures"]) == 0
    assert there(out) == there(whole) == there(one) | there(two)
    for name in ("table.csv", "scores.parquet", "curves.parquet"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert merge([two, whole], out).copied == 0  # the same trials once more are fine
    assert (out / "report.html").is_file()
    # into one of them, and from folders that have all or nothing of it
    assert merge([two], one).ended == 6
    assert there(one) == there(whole)
    shutil.rmtree(two / "trials" / next(iter(there(two))))
    assert merge([two, one], parts / "again").ended == 6


def test_a_training_that_was_cut_off_goes_on_after_the_merger(parts: Path) -> None:
    whole, one = parts / "whole", parts / "1"
    kept = one / "trials" / PLACE / "0123456789ab.checkpoint"
    kept.write_bytes(b"as far as it was")
    os.utime(kept, (1e9, 1e9))
    kept.with_name(f".{kept.name}").write_bytes(b"half of")
    merge([one, whole], parts / "out")
    (found,) = (parts / "out" / "trials" / PLACE).glob("*.checkpoint")
    assert found.read_bytes() == kept.read_bytes()
    assert found.stat().st_mtime == 1e9
    assert not [*found.parent.glob(".*")]


def fail(place: Path, trial: str) -> None:
    """Put a failure in the place of what a trial came to."""
    record = json.loads((place / "trials" / trial / "trial.json").read_text())
    folder = ResultsFolder(place)
    new = folder.begin(trial)
    (new / "trial.json").write_text(json.dumps(record | {"status": "failed", "reason": "no"}))
    seal(new)
    folder.commit(new, trial)


def test_what_is_done_wins_over_what_failed_and_what_is_damaged(parts: Path) -> None:
    whole, one = parts / "whole", parts / "1"
    failed, damaged, *_ = sorted(there(one))
    fail(one, failed)
    (one / "trials" / damaged / "scores.parquet").write_bytes(b"")
    found = merge([one, whole], parts / "out")
    assert found.ended == 6
    assert len(found.damage) == 1
    assert damaged in found.damage[0]
    assert set(load_results(parts / "out").trials["status"]) == {"done"}


def test_what_a_published_target_has_is_not_lost_to_a_failure(parts: Path) -> None:
    whole, one = parts / "whole", parts / "1"
    trial = min(there(one))
    fail(one, trial)
    shutil.rmtree(whole / "trials")
    found = merge([one], whole)
    assert (found.ended, found.copied) == (6, 0)
    assert set(load_results(whole).trials["status"]) == {"done"}


def test_folders_that_do_not_fit_are_one_sentence_and_change_nothing(
    parts: Path, write_matrix: Callable[..., Path], registry: Registry
) -> None:
    whole, one, out = parts / "whole", parts / "1", parts / "out"
    trial = sorted(there(one))[0]
    scores = load_results(one).scores
    folder = ResultsFolder(one)
    new = shutil.copytree(one / "trials" / trial, one / "trials" / f".tmp-{trial}-00000000")
    mine = scores[scores["trial"] == trial].drop(columns=list(scores.columns[:6]))
    write_parquet(new / "scores.parquet", mine.assign(value=mine["value"] + 1))
    seal(new)
    folder.commit(new, trial)
    with pytest.raises(StoreError, match=rf"trial {trial} is in both, with different scores"):
        merge([whole, one], out)
    matrix = write_matrix("guess", head=HEAD)
    other = run(matrix, registry, parts / "other")
    with pytest.raises(StoreError, match=r"another version of matrix 'tiny' .* differ in learners"):
        merge([whole, other], out)
    matrix.write_text(matrix.read_text().replace('"tiny"', '"small"', 1))
    with pytest.raises(StoreError, match=r"holds results of 'small', and .*whole of 'tiny'"):
        merge([whole, run(matrix, registry, parts / "small")], out)
    with pytest.raises(StoreError, match="holds no results"):
        merge([whole, parts], out)
    shutil.rmtree(other / "trials")
    with pytest.raises(StoreError, match="has no folder trials/"):
        merge([other], out)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").touch()
    with pytest.raises(StoreError, match="is not empty and holds no results"):
        merge([whole], out)
    assert [it.name for it in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("shard", ["3/2", "0/2", "2", "a/b", "1/0", "/", "1/2/3", "-1/2"])
def test_a_shard_that_is_none_is_one_sentence(
    shard: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", "quick", f"--shard={shard}"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "argument --shard: expected a" in said
