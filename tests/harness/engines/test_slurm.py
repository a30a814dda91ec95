"""Trials on a real SLURM with one node, this machine, whose accounting is off."""

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import main


def test_slurm_gives_the_bits_of_one_process_whatever_is_cancelled_requeued_or_killed(
    bench: Any, slurm: Any
) -> None:
    table = '[engine]\nname = "slurm"\nbundle = 3\n\n[engine.learner.scratch]\ntime = "10m"\n'
    (bench.place / "slurm.toml").write_text((bench.place / "engines.toml").read_text() + table)

    # submitted, and left: two arrays, for two sets of resources
    said = bench.run("--detach", out="slurm", matrix="slurm")
    assert "reml: 6 trials in SLURM's queue stay there" in said
    tasks = slurm.tasks("PD,R")
    assert len({it.partition("_")[0] for it in tasks}) == 2
    assert len(tasks) == 3

    # one is killed and queued again, another cancelled, and so is the driver
    bench.until(lambda: slurm.tasks("R"), "a task")
    first = slurm.tasks("R")[0]
    slurm.ask("scontrol", "requeue", first)
    slurm.ask("scancel", next(it for it in tasks if it != first))
    bench.until(lambda: slurm.tasks("PD"), "what was requeued")
    slurm.ask("scontrol", "update", f"jobid={first}", "starttime=now")
    driver = bench.start(out="slurm", matrix="slurm")
    bench.until(lambda: bench.written("slurm") or driver.poll() is not None, "a trial")
    driver.kill()
    driver.communicate()
    before = bench.written("slurm")
    assert 1 <= len(before) < 8

    said = bench.run(out="slurm", matrix="slurm")
    assert "accounting" not in said
    assert "sacct" not in said
    after = bench.written("slurm")
    assert len(after) == 8
    assert {trial: after[trial] for trial in before} == before
    assert bench.table("slurm") == bench.table("local")
    assert not (bench.place / "slurm" / ".slurm").exists()
    assert not list((bench.place / "slurm" / "trials").glob(".tmp-*"))


def test_what_a_learner_does_to_its_process_takes_no_sibling_along(bench: Any, slurm: Any) -> None:
    (bench.place / "engine.toml").write_text("bundle = 5\n")
    try:
        bench.run("--engine", "slurm", out="slurm-broken", matrix="broken", code=1)
    finally:
        (bench.place / "engine.toml").unlink()
    found = bench.outcomes("slurm-broken")
    for how, outcome in bench.expected.items():
        assert found.pop(how).startswith(outcome), how
    assert not found


def test_without_submitit_or_slurm_one_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = tmp_path / "tiny.toml"
    matrix.write_text(
        'name = "tiny"\nseeds = 1\nbudget = { tasks = 20 }\nfamily = [{ name = "sinusoid" }]\n'
        'learner = [{ name = "mean" }]\n'
        'protocol = [{ kind = "few_shot", shots = [2], steps = [0], tasks = 5, queries = 5 }]\n'
    )
    command = ["run", str(matrix), "--engine", "slurm", "--out", str(tmp_path / "out")]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("reml: --engine slurm: sinfo fails here (")
    assert said.count("\n") == 1
    monkeypatch.setitem(sys.modules, "submitit", None)
    assert main(command) == 2
    assert "pip install 'reml-bench[slurm]'" in capsys.readouterr().err
