"""`reml plan`: what it says, and what it needs for that."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reml
from benchmarks.cli import main
from benchmarks.harness.plan.matrix_file import bundled

ROOT = Path(__file__).parents[3]


def test_it_says_time_memory_and_cost(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = ["--out", str(tmp_path / "new")]
    assert main(["plan", "sinusoid", *out, "--jobs", "4", "--price-per-hour", "3"]) == 0
    said = capsys.readouterr().out
    assert "sinusoid: 39 trials, 0 done already, 39 to run" in said
    assert "27 trainings for 39 trials: 6 trials take over the training of another" in said
    assert re.search(r"about \d+ h \d+ min of one processor; 4 at a time, about .* GB", said)
    assert re.search(r"about \d+\.\d\d at 3 an hour", said)
    assert "engine local: 4 at a time here" in said
    assert not (tmp_path / "new").exists()


def test_it_is_there_in_python(tmp_path: Path) -> None:
    said = reml.plan("sinusoid", out=tmp_path / "new", jobs=3, price_per_hour=2)
    assert "39 to run" in said
    assert "3 at a time" in said


def test_engines_are_asked_for_what_the_matrix_says(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = bundled()["sinusoid"].read_text()
    engine = '[engine]\nname = "slurm"\nbundle = 2\ntime = "5m"\nmemory = "300MB"\n'
    (tmp_path / "m.toml").write_text(f"{text}\n{engine}\n[engine.learner.maml]\ngpus = 1\n")
    assert main(["plan", str(tmp_path / "m.toml"), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "engine slurm: 26 jobs, at most 200 in the queue at a time; each asks for" in said
    assert "1 processor, 300 MB, 1 GPU, at most 300 s: maml" in said
    assert "a job may take" in said
    assert "and gets 300 MB" in said
    assert main(["plan", "sinusoid", "--engine", "ray://head:1", "--out", str(tmp_path / "o")]) == 0
    assert "engine ray://head:1: 39 jobs; each asks for" in capsys.readouterr().out
    assert main(["plan", "sinusoid", "--engine", "rya"]) == 2
    assert "unknown engine 'rya'; did you mean 'ray'?" in capsys.readouterr().err


def test_a_probe_times_each_learner(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (
        'name = "t"\nseeds = 2\nbudget = { tasks = 100000 }\n[[family]]\nname = "line"\n'
        '[[protocol]]\nkind = "few_shot"\nshots = [3]\nsteps = [0]\ntasks = 9\nqueries = 5\n'
        '[[learner]]\nname = "cnp"\n[[learner]]\nname = "mean"\n'
    )
    (tmp_path / "t.toml").write_text(text)
    arguments = ["plan", str(tmp_path / "t.toml"), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--probe", "0.2"]) == 0
    said = capsys.readouterr().out
    assert said.count("a probe") == 2
    assert "factor of two" not in said


def test_it_imports_nothing_slow() -> None:
    code = (
        "import sys; from benchmarks.cli import main; main()\n"
        "print(*{'torch', 'numpy', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", "quick", "--out", "/nowhere"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("here, on one thread each\n\n"), done.stdout
