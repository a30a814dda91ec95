"""The command line, from a matrix to its report."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import classes

from benchmarks.cli import main
from benchmarks.commands import COMMANDS
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.ledger import Ledger

PLUGIN = Path(__file__).parents[1] / "harness" / "plugins" / "contenders.py"
Complaint = Callable[..., str]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_report_that_cannot_be_written_is_shown(
    ran: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(command: str, trouble: str) -> str:
        assert main([command, str(out)]) == 0
        both = capsys.readouterr()
        assert both.err.startswith("reml: shown, but not kept: ")
        assert trouble in both.err
        return both.out

    out = shutil.copytree(ran, tmp_path / "out")
    for name in ("table.csv", "table.md", "index.md", "scores.parquet"):
        (out / name).unlink()
        (out / name).mkdir()
        assert "| guess-half " in shown("table", f"{name}: cannot be written")
        (out / name).rmdir()
    shutil.rmtree(out / "figures")
    (out / "figures").write_text("")
    assert "## Tables" in shown("plot", "figures: cannot be written")
    (out / "figures").unlink()
    (out / "figures" / "error-against-steps.png").mkdir(parents=True)
    assert "## Tables" in shown("plot", "error-against-steps.png: cannot be written")


def test_from_a_matrix_to_its_report(
    matrix: Path, complaint: Complaint, capsys: pytest.CaptureFixture[str]
) -> None:
    out = matrix.parent / "out"
    run = ["run", str(matrix), "--plugin", str(PLUGIN), "--out", str(out), "--jobs", "1"]

    assert main([*run, "--only", "*-half", "--no-figures"]) == 0
    assert main(["status", str(out)]) == 0
    assert "2 trials: 1 done, 0 failed, 1 missing" in capsys.readouterr().out

    assert main([*run, "--no-figures"]) == 0
    text = capsys.readouterr().out
    assert "2 trials, 1 done already, 1 to run" in text
    assert "| guess-half " in text
    shown, _, *answer = text[text.index(f"{out / 'report.html'} shows") :].splitlines()
    assert shown.endswith("for GitHub")
    assert answer[0].startswith("On sinusoid with ")
    for name in (
        "table.csv",
        "table.md",
        "index.md",
        "report.html",
        "scores.parquet",
        "provenance.json",
    ):
        assert (out / name).is_file()
    table = (out / "table.csv").read_bytes()

    change(matrix, '"tiny"', '"other"')
    assert "holds the results of matrix 'tiny', not of 'other'" in complaint(*run)
    change(matrix, '"other"', '"tiny"')

    first = {path: path.stat().st_mtime_ns for path in out.glob("trials/*/trial.json")}
    assert main([*run, "--force", "--only", "guess", "--no-figures"]) == 0
    assert "1 trial, 0 done already, 1 to run" in capsys.readouterr().out
    repeated = [path for path, written in first.items() if path.stat().st_mtime_ns != written]
    assert [path.parent.name.split("-s0-")[0] for path in repeated] == ["sinusoid-guess"]
    assert (out / "table.csv").read_bytes() == table

    shutil.rmtree(out / "trials")  # as in a published folder
    for name in ("table.csv", "table.md", "index.md"):
        (out / name).unlink()
    assert main(["table", str(out), "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines() == table.decode().splitlines()
    assert (out / "table.csv").read_bytes() == table
    assert main(["plot", str(out)]) == 0
    assert "index.md" in capsys.readouterr().out
    assert main(["table", str(out), "--by", "spending"]) == 0
    assert "| guess-half " in capsys.readouterr().out
    assert main(["compare", str(out), str(out)]) == 0
    assert "Nothing has changed." in capsys.readouterr().out
    (out / "report.html").unlink()
    assert main(["report", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out / "report.html")
    assert "guess-half on sinusoid" in (out / "report.html").read_text(encoding="utf-8")


def test_a_report_of_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "classes.toml").write_text(classes("nearest", "centring", seeds=1))
    monkeypatch.chdir(tmp_path)
    plugin = PLUGIN.with_name("classifiers.py")
    assert main(["run", "classes.toml", "--plugin", str(plugin), "--jobs", "1"]) == 0
    text = capsys.readouterr().out
    assert "## digits, 3-way 1-shot" in text
    assert "| centring ‡ |" in text
    out = tmp_path / "results" / "classes"
    for name in ("confusion.parquet", "episodes.parquet", "figures/episodes.png"):
        assert (out / name).is_file()
    assert main(["reproduce", str(out)]) == 0
    assert "classes: no number is published for what it has" in capsys.readouterr().out


def test_results_beside_published_numbers(
    matrix: Path, complaint: Complaint, capsys: pytest.CaptureFixture[str]
) -> None:
    change(matrix, '"guess"', '"maml"\nhidden = [40, 40]\nlabel = "mine"')
    change(matrix, "shots = [2]", "shots = [5]")
    out = matrix.parent / "out"
    run = ["run", str(matrix), "--plugin", str(PLUGIN), "--out", str(out), "--jobs", "1"]
    assert main([*run, "--no-figures"]) == 0
    capsys.readouterr()
    assert main(["reproduce", str(out)]) == 0
    text = capsys.readouterr().out
    assert "| mine " in text
    assert "training tasks: 20, not 1,750,000" in text
    assert (out / "reproduce.md").read_text(encoding="utf-8").rstrip("\n") == text.rstrip("\n")
    (out / "reproduce.csv").unlink()
    (out / "reproduce.csv").mkdir()
    assert main(["reproduce", str(out)]) == 0
    shown = capsys.readouterr()
    assert "0 can be compared" in shown.out  # of one seed there is no verdict
    assert "reproduce.csv: cannot be written" in shown.err


def test_a_failed_trial_gives_exit_code_1(
    matrix: Path, complaint: Complaint, capsys: pytest.CaptureFixture[str]
) -> None:
    change(matrix, '"guess"', '"raises"')
    out = matrix.parent / "out"
    run = ["run", str(matrix), "--plugin", str(PLUGIN), "--out", str(out), "--jobs", "1"]
    assert main([*run, "--only", "raises"]) == 1
    assert f"1 of 1 trial failed; `reml status {out}` says why" in capsys.readouterr().out
    assert "no trial is done" in complaint("table", out)
    assert main(["status", str(out)]) == 0
    assert "ArithmeticError: two and two make five" in capsys.readouterr().out


def test_nothing_of_a_former_matrix_stays(
    matrix: Path, ran: Path, complaint: Complaint, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(ran, matrix.parent / "out")
    run = ["run", str(matrix), "--plugin", str(PLUGIN), "--out", str(out), "--jobs", "1"]
    former, mine = out / "figures" / "training-diagnostics.svg", out / "figures" / "mine.svg"
    Ledger(out).write_text("figures/training-diagnostics.svg", "former")
    mine.write_text("mine")
    change(matrix, '"guess-half"', '"raises"')
    assert main(run) == 1
    assert "note: 1 trial there is no longer part of tiny" in capsys.readouterr().out
    assert "guess-half" not in (out / "table.md").read_text()
    assert not former.exists()

    change(matrix, '"guess"', '"mean"')
    assert "none of the 2 trials that are done there" in complaint(*run)
    shutil.rmtree(out / "trials")
    (out / "trials.json").unlink()
    assert main([*run, "--only", "raises"]) == 1
    assert not list(out.glob("table.*"))
    assert not (out / "index.md").exists()
    assert not (out / "report.html").exists()
    assert list((out / "figures").iterdir()) == [mine]


def test_list_shows_everything_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    starts = [line.split()[0] for line in lines]
    for name in ("Learners", "maml", "reml-random", "Families", "sinusoid", "Matrices", "quick"):
        assert name in starts
    assert "cannot be used" not in "".join(lines)


def test_check_runs_the_conformance_kit(
    capsys: pytest.CaptureFixture[str], complaint: Complaint
) -> None:
    assert main(["check", "mean"]) == 0
    assert "BROKEN" not in capsys.readouterr().out
    assert main(["check", f"{PLUGIN}:PredictsNaN"]) == 1
    assert "BROKEN" in capsys.readouterr().out
    unknown = "unknown learner, family or protocol 'meen'; did you mean 'mean'?"
    assert unknown in complaint("check", "meen")
    assert "unknown class 'Gess'; did you mean 'Guess'?" in complaint("check", f"{PLUGIN}:Gess")
    assert complaint("check", PLUGIN) == f"{PLUGIN}: names no class; expected {PLUGIN}:Class"
    assert "no such plugin file" in complaint("check", "nowhere.py:Mean")
    assert "did you mean 'most_degree'?" in complaint("check", "line", "degree=1")
    assert "expected KEY=VALUE" in complaint("check", "mean", "degree")


def test_check_takes_families_and_protocols(
    capsys: pytest.CaptureFixture[str], complaint: Complaint, tmp_path: Path
) -> None:
    assert main(["check", "line", "slope_high=2.0"]) == 0
    assert "line: 19 of 19 laws hold" in capsys.readouterr().out
    assert main(["check", "line", "most_degree=1"]) == 0
    assert "line: 28 of 28 laws hold" in capsys.readouterr().out
    for name in Registry().names("protocol"):
        assert main(["check", name]) == 0
        assert f"{name}: 6 of 6 laws hold" in capsys.readouterr().out
    assert complaint("check", "retention", "then=3").startswith("retention: key 'then'")
    assert "key 'path' is missing" in complaint("check", "table", "x=t")
    never = tmp_path / "never.py"
    never.write_text(
        "from benchmarks.core.protocol import Outcome, Protocol\n"
        "class Never(Protocol):\n"
        "    name = 'never'\n"
        "    def run(self, trial):\n"
        "        return Outcome(trial.test())\n"
    )
    assert main(["check", f"{never}:Never"]) == 1
    assert "asks to test on own before it asks to train" in capsys.readouterr().out


def test_the_first_line_is_there_before_anything_slow(
    matrix: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "run", lambda options: 0)
    assert main(["run", str(matrix), "--plugin", str(PLUGIN)]) == 0
    assert capsys.readouterr().out == f"reading {matrix} ...\n"
