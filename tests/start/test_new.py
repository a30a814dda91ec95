"""`reml new`: files that work as they are, under the name that was asked for."""

import importlib

import pandas as pd
import pytest

from benchmarks.cli import main


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_written_passes_its_own_tests(here, capsys, monkeypatch):
    for kind, name in (("learner", "MySmoother"), ("family", "bumps"), ("protocol", "slow-one")):
        assert main(["new", kind, name]) == 0
    said = capsys.readouterr().out
    assert "reml check my_smoother.py:MySmoother" in said
    assert "reml run slow_one.toml --plugin slow_one.py" in said
    made = {"my_smoother.py", "bumps.py", "slow_one.py", "slow_one.toml"}
    tests = {"test_my_smoother.py", "test_bumps.py", "test_slow_one.py"}
    assert {path.name for path in here.iterdir()} == made | tests
    assert not any("samples" in path.read_text() for path in here.iterdir())
    monkeypatch.syspath_prepend(here)
    found = [
        test
        for name in sorted(tests)
        for key, test in vars(importlib.import_module(name.removesuffix(".py"))).items()
        if key.startswith("test_")
    ]
    assert len(found) == 5
    for test in found:
        test()
    assert main(["check", "my_smoother.py:MySmoother"]) == 0
    options = ["--plugin", "slow_one.py", "--only", "gp", "--jobs", "1", "--no-figures"]
    assert main(["run", "slow_one.toml", *options]) == 0
    scores = pd.read_parquet(here / "results" / "slow_one" / "scores.parquet")
    means = scores[scores["steps"] == 0].groupby("metric", observed=True)["value"].mean()
    assert means["exact"] < means["mse"]


@pytest.mark.parametrize("kind", ["learner", "family", "protocol"])
def test_nothing_is_overwritten(here, capsys, kind):
    (here / "test_mine.py").write_text("mine")
    assert main(["new", kind, "mine"]) == 2
    assert "test_mine.py: is there already" in capsys.readouterr().err
    assert [path.read_text() for path in here.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("maml", "is taken"),
        ("gp-prior", "is taken"),
        ("gp_prior", "is taken"),
        ("few_shot", "is taken"),
        ("random", "would hide the Python package"),
        ("torch", "would hide the Python package"),
        ("class", "is no name"),
        ("2fast", "is no name"),
        ("a/b", "is no name"),
        ("../up", "is no name"),
        ("", "is no name"),
        ("_", "is no name"),
        ("a" * 100, "is no name"),
    ],
)
def test_a_name_that_would_not_work_is_refused(here, capsys, name, reason):
    assert main(["new", "learner", name]) == 2
    errors = capsys.readouterr().err
    assert reason in errors
    assert errors.count("\n") == 1
    assert list(here.iterdir()) == []
