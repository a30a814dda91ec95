"""`reml plan`: what it says, and what it needs for that."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reml
from benchmarks.cli import main
from benchmarks.core.text import clock
from benchmarks.harness.outlook import sizes
from benchmarks.harness.outlook.costs import costs_of
from benchmarks.harness.outlook.planning import plan as planned
from benchmarks.harness.outlook.sizes import sizes_of
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.matrix_file import bundled
from benchmarks.harness.plan.registry import Registry

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


def test_test_tasks_are_no_more_than_the_data_have(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `init` says is what `plan` says, and what one trial takes adds up to what all take."""
    monkeypatch.chdir(tmp_path)
    rows = [f"p{plant},{x},{x * plant % 7}" for plant in range(40) for x in range(16)]
    Path("plants.csv").write_text("\n".join(["plant,light,growth", *rows]))
    assert main(["init", "plants.csv"]) == 0
    (told,) = re.findall(r"trials, about (.*) on two processors", capsys.readouterr().out)
    assert main(["plan", "matrix.toml", "--jobs", "2"]) == 0
    said = capsys.readouterr().out
    assert f"2 at a time, about {told} by the clock" in said
    forecast = planned(load_matrix("matrix.toml", Registry()), Registry()).forecast
    by_learner = {it.learner: it for it in forecast.shares}
    # at 1 ms a test task, 600 of them in 10 draws at 2 numbers of shots would be 12 s
    assert by_learner["line"].test_seconds / 3 < 1
    line, prior = (re.search(rf"^{it} .*$", said, re.M) for it in ("line", "gp-prior"))
    for row, it in ((line, by_learner["line"]), (prior, by_learner["gp-prior"])):
        assert row is not None
        assert f"{clock(it.seconds / 3)}  {clock(it.seconds):>6}" in row[0]


def test_a_folder_s_trials_are_held_against_the_test_tasks_that_there_were() -> None:
    spec = {
        "learner": {"name": "gp", "fields": {}},
        "family": {"name": "table"},
        "protocol": {"tasks": 600, "shots": [5, 8], "draws": 10},
    }
    spent = {"evaluate_seconds": 4.0}
    place = {"family": "plants", "protocol": "few_shot"}
    record = {**place, "status": "done", "spec": spec, "spending": spent}
    sizes = {("plants", "few_shot", 5): 12, ("plants", "few_shot", 8): 8}
    assert costs_of([record], "here", sizes)[0].test == 4 / (10 * (12 + 8))
    assert costs_of([record])[0].test == 4 / (10 * 2 * 600)


def test_of_many_folds_one_is_asked_and_a_large_file_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"p{plant},{x},{(x * x + plant) % 7}" for plant in range(40) for x in range(16)]
    (tmp_path / "plants.csv").write_text("\n".join(["plant,light,growth", *rows]))
    columns = 'task = "plant", x = ["light"], y = "growth", split_by = "plant"'
    family = f'name = "table", path = "plants.csv", {columns}'
    protocol = 'kind = "few_shot", shots = [5], steps = [0], folds = "leave-one-group-out"'
    (tmp_path / "m.toml").write_text(
        f'name = "m"\nseeds = 1\nbudget = {{ tasks = 10 }}\nfamily = [{{ {family} }}]\n'
        f'protocol = [{{ {protocol} }}]\nlearner = [{{ name = "mean" }}]\n'
    )
    matrix = load_matrix(str(tmp_path / "m.toml"), Registry())
    assert set(sizes_of(matrix, Registry()).values()) == {1}
    monkeypatch.setattr(sizes, "MOST_BYTES", 100)
    assert sizes_of(matrix, Registry()) == {}
