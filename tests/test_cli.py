"""What a user sees: every mistake is one sentence and exit code 2."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.cli import main
from benchmarks.commands import COMMANDS
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.ledger import Ledger

PLUGIN = Path(__file__).parent / "harness" / "plugins" / "contenders.py"
MATRIX = """
name = "tiny"
seeds = 1

[budget]
tasks = 20

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
tasks = 10
queries = 5

[[family]]
name = "sinusoid"

[[learner]]
name = "guess"

[[learner]]
name = "guess-half"
"""
TABLE = """
name = "table"
path = "t.csv"
task = ["place"]
x = ["month"]
y = "t"
split_by = "place"
"""

Complaint = Callable[..., str]


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Complaint:
    """Run a command that must fail, and return its one sentence."""

    def run(*arguments: object) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        errors = capsys.readouterr().err
        assert errors.startswith("reml: ")
        assert errors.count("\n") == 1
        assert "Traceback" not in errors
        return errors.removeprefix("reml: ").rstrip()

    return run


@pytest.fixture
def matrix(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(MATRIX)
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of `MATRIX`."""
    folder = tmp_path_factory.mktemp("ran")
    (folder / "tiny.toml").write_text(MATRIX)
    run = ["run", folder / "tiny.toml", "--plugin", PLUGIN, "--out", folder / "out", "--jobs", "1"]
    assert main([str(argument) for argument in run]) == 0
    return folder / "out"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def write_csv(path: Path, rows: int = 8, header: str = "place,month,t", last: str = "") -> None:
    lines = [f"p{place},{month},{place + month}" for place in range(20) for month in range(rows)]
    path.write_text("\n".join([header, *lines, *([last] if last else [])]) + "\n")


def test_a_missing_matrix(complaint: Complaint) -> None:
    assert complaint("run", "qiuck") == (
        "qiuck: is no file and no bundled matrix; did you mean 'quick'?"
    )
    assert "nowhere.toml: is no file" in complaint("run", "nowhere.toml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[budget]", "[budget", "tiny.toml: is not valid TOML: "),
        ("seeds", "sedes", "tiny.toml: unknown key 'sedes'; did you mean 'seeds'?"),
        ('"guess"', '"mamml"', "tiny.toml: unknown learner 'mamml'; did you mean 'maml'?"),
        ('"sinusoid"', '"sinus"', "tiny.toml: unknown family 'sinus'; did you mean 'sinusoid'?"),
        ('"guess"', '"guess"\ngrid = {}', "learner 'guess': key 'grid' is empty"),
        ('"guess"', '"guess"\ngrid = {scale = []}', "key 'grid.scale' is empty"),
        ('"guess"', '"guess"\nscael = 1', "'guess': unknown key 'scael'; did you mean 'scale'?"),
    ],
)
def test_a_wrong_matrix(
    complaint: Complaint, matrix: Path, old: str, new: str, message: str
) -> None:
    change(matrix, old, new)
    assert message in complaint("run", matrix, "--plugin", PLUGIN)


@pytest.mark.parametrize(
    ("csv", "changes", "fragments"),
    [
        ({}, ("[2]", "[9]"), ["shots = 9", "more than 9 points"]),
        ({}, ('y = "t"', 'y = "tt"'), ["t.csv", "'tt'", "'t'"]),
        ({"last": "p0,x,1"}, ("", ""), ["t.csv", "month", "'x'"]),
        ({"last": "p0,3,"}, ("", ""), ["t.csv", "'t'"]),
    ],
)
def test_wrong_data(
    complaint: Complaint,
    matrix: Path,
    csv: dict[str, str],
    changes: tuple[str, str],
    fragments: list[str],
) -> None:
    change(matrix, '\nname = "sinusoid"\n', TABLE)
    change(matrix, *changes)
    write_csv(matrix.parent / "t.csv", **csv)
    sentence = complaint("run", matrix, "--plugin", PLUGIN)
    for fragment in fragments:
        assert fragment in sentence


def test_a_plugin_that_does_not_import(complaint: Complaint, matrix: Path) -> None:
    broken = matrix.parent / "broken.py"
    broken.write_text("import no_such_package\n")
    sentence = complaint("run", matrix, "--plugin", broken)
    assert "broken.py: does not import" in sentence
    assert "no_such_package" in sentence


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--device", "warp", "--device: 'warp' cannot be used here"),
        ("--only", "gues", "--only: unknown learner or trial 'gues'; did you mean 'guess'?"),
    ],
)
def test_a_wrong_option(
    complaint: Complaint, matrix: Path, option: str, value: str, message: str
) -> None:
    assert message in complaint("run", matrix, "--plugin", PLUGIN, option, value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "quick", "--jobs", "0"], "expected a whole number from 1 to 1,000, got '0'"),
        (["run", "quick", "--jobs", "\u0661"], "expected a whole number from 1 to 1,000"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_wrong_command_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith("reml: ")
    assert message in errors
    assert errors.count("\n") == 1


def test_a_folder_that_cannot_be_written(complaint: Complaint, matrix: Path) -> None:
    (matrix.parent / "file").write_text("")
    out = matrix.parent / "file" / "results"
    assert "results: cannot be written" in complaint(
        "run", matrix, "--plugin", PLUGIN, "--out", out
    )


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


@pytest.mark.parametrize("command", ["status", "table", "plot", "report", "reproduce"])
def test_a_folder_without_results(complaint: Complaint, tmp_path: Path, command: str) -> None:
    assert "holds no results" in complaint(command, tmp_path)


def test_a_comparison_needs_two_folders_with_results(complaint: Complaint, tmp_path: Path) -> None:
    assert "holds no results" in complaint("compare", tmp_path, tmp_path / "nowhere")


def test_from_a_matrix_to_its_report(
    matrix: Path, complaint: Complaint, capsys: pytest.CaptureFixture[str]
) -> None:
    out = matrix.parent / "out"
    run = ["run", str(matrix), "--plugin", str(PLUGIN), "--out", str(out), "--jobs", "1"]

    assert main([*run, "--only", "*-half", "--no-figures"]) == 0
    assert main(["status", str(out)]) == 0
    assert "2 trials: 1 done, 0 failed, 1 missing" in capsys.readouterr().out

    assert main(run) == 0
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


CLASSES = """
name = "classes"
seeds = 1

[budget]
tasks = 8

[[protocol]]
kind = "few_shot"
shots = [1]
steps = [0, 1]
tasks = 10
queries = 6

[[family]]
name = "digits"

[[learner]]
name = "nearest"

[[learner]]
name = "centring"
"""


def test_a_report_of_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "classes.toml").write_text(CLASSES)
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


def test_of_several_families_the_one_whose_data_are_wrong_is_named(
    complaint: Complaint, tmp_path: Path
) -> None:
    write_csv(tmp_path / "sound.csv")
    rows = [f"p{place},{month},7" for place in range(20) for month in range(6)]
    (tmp_path / "flat.csv").write_text("\n".join(["place,month,t", *rows]) + "\n")
    sound, flat = (
        TABLE.replace("t.csv", f"{name}.csv") + f'label = "{name}"\n' for name in ("sound", "flat")
    )
    families = f"[[family]]{sound}\n[[family]]{flat}"
    matrix = tmp_path / "tiny.toml"
    matrix.write_text(MATRIX.replace('[[family]]\nname = "sinusoid"\n', families))
    said = complaint("run", matrix, "--plugin", PLUGIN, "--out", tmp_path / "out")
    assert said.startswith(f"{matrix}: family 'flat': ")
    assert "constant target 't'" in said


def test_what_is_wrong_with_a_matrix_is_said_before_torch_is_there(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("name = \n")
    script = (
        "import sys; from benchmarks.cli import main; code = main(['run', sys.argv[1]]); "
        "print(code, *(it for it in ('torch', 'pandas', 'pydantic') if it in sys.modules))"
    )
    for name, said in ((str(broken), "is not valid TOML"), ("quikc", "did you mean 'quick'?")):
        done = subprocess.run(
            [sys.executable, "-c", script, name], capture_output=True, text=True, check=True
        )
        assert done.stdout == "2\n"
        assert said in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "mean"', 'name = "meen"', "unknown learner 'meen'; did you mean 'mean'?"),
        ('name = "sinusoid"', 'name = "sinusoidal"', "did you mean 'sinusoid'?"),
        ('name = "mean"', 'name = "maml"\nwidth = 3', "learner 'maml': unknown key 'width'"),
        ('name = "mean"', 'name = "maml"\ninner_lr = 0', "key 'inner_lr': expected greater than 0"),
        ('name = "mean"', 'name = "reml"\ngrid = { depth = [1, "x"] }', "key 'depth': expected"),
        ('name = "sinusoid"', 'name = "table"\npath = "t.csv"', "key 'task' is missing"),
        ("shots = [2]", "shot = [2]", "unknown key 'shot'; did you mean 'shots'?"),
    ],
)
def test_a_wrong_key_is_named_without_torch(
    tmp_path: Path,
    old: str,
    new: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def late(name: str) -> None:
        raise AssertionError("torch is imported before the mistake is named")

    monkeypatch.setattr("benchmarks.commands.ready", late)
    broken = tmp_path / "broken.toml"
    sound = MATRIX.replace("guess-half", "mean").replace('"guess"', '"gp"')
    assert old in sound
    broken.write_text(sound.replace(old, new))
    assert main(["run", str(broken)]) == 2
    assert f"{broken}: " in (error := capsys.readouterr().err)
    assert said in error


def test_the_first_line_is_there_before_anything_slow(
    matrix: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "run", lambda options: 0)
    assert main(["run", str(matrix), "--plugin", str(PLUGIN)]) == 0
    assert capsys.readouterr().out == f"reading {matrix} ...\n"
