"""Limits of a trial as matrices and the command line say them."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

import reml
from baselines.mean import Mean
from benchmarks.cli import main
from benchmarks.core.errors import MatrixError, UserError
from benchmarks.harness.plan.budgets import Limits
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.units import bytes_in, seconds_in, told_bytes, told_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("90", 90), (90, 90), (0.5, 0.5), ("10m", 600), ("1h30m", 5400), ("1.5 h", 5400)),
        *(("2 hours 5 min", 7500), ("45 sec", 45), ("1d", 86400), (" 10 M ", 600)),
        *(("1 day 2 hrs 3 minutes 4 seconds", 93784), ("None", math.inf)),
    ],
)
def test_times(text: str | float, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("4GB", 4e9), ("4 gb", 4e9), ("4G", 4e9), ("4GiB", 2**32), ("0.5GB", 5e8)),
        *(("500MB", 5e8), ("200000kb", 2e8), ("1TB", 1e12), ("none", math.inf)),
    ],
)
def test_sizes(text: str, size: float) -> None:
    assert bytes_in(text) == size


@pytest.mark.parametrize(
    "text",
    [
        *("", "-1", "0", "0s", "10x", "m", "5m10m", "5s1m", "1e3", "nan", "inf", "10,5", "٣s"),
        *("9999999d", "1" * 60, "10 m i n", "10ms", True, math.nan, math.inf, -1),
    ],
)
def test_what_is_no_time_is_refused(text: str | float) -> None:
    with pytest.raises(ValueError, match=r"expected a time from 0.1 s .*such as 90, 10m"):
        seconds_in(text)


@pytest.mark.parametrize("text", ["", "4", 4, 4e9, True, "4 bits", "-4GB", "1MB", "4GBB", "9999TB"])
def test_what_is_no_size_is_refused(text: str | float) -> None:
    with pytest.raises(ValueError, match=r"expected a size from 100MB .*such as 500MB"):
        bytes_in(text)


def test_they_are_told_as_they_were_said() -> None:
    assert [told_seconds(it) for it in (600, 0.5, 86400)] == ["600 s", "0.5 s", "86,400 s"]
    sizes = [4e9, 2**32, 1.5e9, 5e8, 123456789]
    assert [told_bytes(it) for it in sizes] == ["4 GB", "4 GiB", "1.5 GB", "500 MB", "123.5 MB"]


def test_the_learners_own_win_over_the_matrix_and_no_identity_changes(
    write_matrix: Callable[..., Path], registry: Registry
) -> None:
    path = write_matrix("mean", 'name = "guess"\nlimits = { timeout = 5, memory = "none" }')
    plain = [it.replace("limits", "") for it in path.read_text().splitlines() if "limits" not in it]
    limited = path.read_text().replace("[budget]", '[limits]\nmemory = "4GB"\n[budget]')
    path.write_text(limited)
    trials = expand(load_matrix(str(path)), registry)
    assert {it.learner.label: it.limits for it in trials} == {
        "mean": Limits(None, 4e9),
        "guess": Limits(5.0, math.inf),
    }
    path.write_text("\n".join(plain))
    same = expand(load_matrix(str(path)), registry)
    assert [(it.id, it.training) for it in same] == [(it.id, it.training) for it in trials]
    assert {it.limits for it in same} == {Limits()}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ('timeout = "soon"', r"\[limits\]: key 'timeout': expected a time from .* got 'soon'"),
        ("timeout = -5", r"\[limits\]: key 'timeout': expected a time from .* got -5"),
        ("timeout = [5]", r"\[limits\]: key 'timeout': expected .* got \[5\]"),
        ("memory = 4", r"\[limits\]: key 'memory': expected a size from .* got 4"),
        ("time = 5", r"\[limits\]: unknown key 'time'; did you mean 'timeout'\?"),
    ],
)
def test_a_wrong_limit_is_one_sentence(
    write_matrix: Callable[..., Path], table: str, sentence: str
) -> None:
    path = write_matrix("mean")
    path.write_text(path.read_text().replace("[budget]", f"[limits]\n{table}\n[budget]"))
    with pytest.raises(MatrixError, match=sentence):
        load_matrix(str(path))
    told = sentence.replace(r"\[limits\]", "learner 'mean': limits")
    own = write_matrix(f'name = "mean"\nlimits = {{ {table} }}')
    with pytest.raises(MatrixError, match=told):
        load_matrix(str(own))


def test_on_the_command_line_and_in_python_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["run", "quick", "--memory", "4"])
    assert "argument --memory: expected a size from 100MB" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"timeout: expected a time .* got 'soon'"):
        reml.run("quick", timeout="soon")


def test_a_trial_of_this_process_has_no_limits_and_the_run_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Here(Mean):
        name = "here"

    Here.__module__ = "__main__"  # as in a notebook: no worker could import it
    protocol = {"kind": "few_shot", "shots": [2], "steps": [0], "tasks": 5, "queries": 5}
    matrix = {"name": "here", "seeds": 1, "budget": {"tasks": 5}, "family": "sinusoid"}
    reml.run(
        {**matrix, "protocol": [protocol], "learner": Here},
        out=tmp_path / "out",
        timeout="1h",
        report=False,
    )
    assert "only run in this process, one after the other, and without" in capsys.readouterr().out
