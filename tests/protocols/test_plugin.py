"""A protocol in a file of its own is run, stored, explained and reported, nothing else edited."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.cli import main
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry

PLUGIN = Path(__file__).parent / "damped.py"
MATRIX = """
name = "damping"
seeds = 1
[budget]
tasks = 10
[[protocol]]
kind = "damped"
by = 0.25
shots = [4]
steps = [0]
tasks = 12
queries = 8
[[protocol]]
kind = "outliers"
shots = [4]
steps = [0]
tasks = 12
queries = 8
[[family]]
name = "line"
[[learner]]
name = "mean"
[[learner]]
name = "gp"
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damping")
    (folder / "m.toml").write_text(MATRIX)
    out = folder / "out"
    options = ["--plugin", str(PLUGIN), "--out", str(out), "--no-figures", "--jobs", "1"]
    assert main(["run", str(folder / "m.toml"), *options]) == 0
    return out


def test_scores_and_gains_are_stored(out: Path) -> None:
    scores = pd.read_parquet(out / "scores.parquet")
    wide = scores.pivot_table(
        index=["protocol", "learner", "task"], columns="metric", values="value", observed=True
    )
    assert (wide.loc[("damped", "gp"), "gap"] > 0).mean() > 0.8
    outliers = wide.loc["outliers"]
    assert (outliers["mse"] > outliers["clean"]).mean() > 0.6
    own = set(wide.columns) - {"nll", "crps", "coverage_90", "width_90"}
    assert own == {"mse", "rmse", "nmse", "gap", "clean", "harm"} & own


def test_a_trial_s_name_follows_the_plugin_and_its_keys(out: Path, tmp_path: Path) -> None:
    def ids(text: str, plugin: Path) -> set[str]:
        (tmp_path / "m.toml").write_text(text)
        registry = Registry([plugin])
        return {it.id for it in expand(load_matrix(str(tmp_path / "m.toml"), registry), registry)}

    before = ids(MATRIX, PLUGIN)
    assert {it.name for it in (out / "trials").glob("[!.]*")} == before
    assert len(before & ids(MATRIX.replace("by = 0.25", "by = 0.5"), PLUGIN)) == 2
    other = tmp_path / "damped.py"
    other.write_text(PLUGIN.read_text() + "\n")
    assert len(before & ids(MATRIX, other)) == 2


def test_it_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--plugin", str(PLUGIN)]) == 0
    listed = capsys.readouterr().out
    assert "Protocols" in listed
    assert "damped" in listed
    assert main(["help", "damped", "--plugin", str(PLUGIN)]) == 0
    told = capsys.readouterr().out
    assert "by = 0.5    [number]" in told
    assert "by how much its error is larger" in told
    assert 'kind    ["damped"; required]' in told


def test_without_its_file_it_is_unknown(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(out.parent / "m.toml"), "--out", str(out)]) == 2
    assert "unknown protocol 'damped'" in capsys.readouterr().err
