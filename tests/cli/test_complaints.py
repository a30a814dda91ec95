"""What is wrong with a command, a matrix or its data is said in one sentence, with exit code 2."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.cli import main

PLUGIN = Path(__file__).parents[1] / "harness" / "plugins" / "contenders.py"
TABLE = """
name = "table"
path = "t.csv"
task = ["place"]
x = ["month"]
y = "t"
split_by = "place"
"""
Complaint = Callable[..., str]


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


@pytest.mark.parametrize("command", ["run", "plan"])
@pytest.mark.parametrize("kind", ["learner", "family"])
def test_of_entries_with_one_name_the_label_says_which(
    complaint: Complaint, matrix: Path, kind: str, command: str
) -> None:
    name = "guess-half" if kind == "learner" else "sinusoid"
    wrong = f'\n[[{kind}]]\nname = "{name}"\nlabel = "deep"\nwidht = 5\n'
    matrix.write_text(matrix.read_text() + wrong)
    sentence = complaint(command, matrix, "--plugin", PLUGIN)
    assert f"tiny.toml: {kind} '{name}' (label 'deep'): unknown key 'widht'" in sentence


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
        (
            ["run", "quick", "--job", "2"],
            "unrecognized arguments: --job 2; `reml run --help` shows what is possible; did you "
            "mean '--jobs'?\n",
        ),
        (["run", "quick", "--job=2"], "did you mean '--jobs'?"),
        (["run", "quick", "more", "--onyl"], "did you mean '--only'?"),
        (["run", "quick", "--nope"], "--nope; `reml run --help` shows what is possible\n"),
        (["--nope", "list"], "--nope; `reml --help` shows what is possible\n"),
        (
            ["rum", "quick"],
            "invalid choice: 'rum'; `reml --help` shows what is possible; did you mean 'run'?\n",
        ),
        (["compare", "a", "b", "--format", "csvv"], "'csvv'; `reml compare --help` shows"),
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


@pytest.mark.parametrize("command", ["status", "table", "plot", "report", "reproduce"])
def test_a_folder_without_results(complaint: Complaint, tmp_path: Path, command: str) -> None:
    assert "holds no results" in complaint(command, tmp_path)


@pytest.mark.parametrize("command", ["status", "table", "watch", "report", "predict"])
def test_a_misspelled_folder_is_no_folder(
    complaint: Complaint, tmp_path: Path, command: str
) -> None:
    (tmp_path / "plants").mkdir()
    more = ["new.csv"] if command == "predict" else []
    said = f"there is no such folder; did you mean '{tmp_path / 'plants'}'?"
    assert complaint(command, tmp_path / "plant", *more) == f"{tmp_path / 'plant'}: {said}"
    other = complaint(command, tmp_path / "nowhere" / "x", *more)
    assert other.endswith("x: there is no such folder")


def test_a_comparison_needs_two_folders_with_results(complaint: Complaint, tmp_path: Path) -> None:
    assert "holds no results" in complaint("compare", tmp_path, tmp_path / "nowhere")


def test_of_several_families_the_one_whose_data_are_wrong_is_named(
    complaint: Complaint, matrix: Path, tmp_path: Path
) -> None:
    write_csv(tmp_path / "sound.csv")
    rows = [f"p{place},{month},7" for place in range(20) for month in range(6)]
    (tmp_path / "flat.csv").write_text("\n".join(["place,month,t", *rows]) + "\n")
    sound, flat = (
        TABLE.replace("t.csv", f"{name}.csv") + f'label = "{name}"\n' for name in ("sound", "flat")
    )
    families = f"[[family]]{sound}\n[[family]]{flat}"
    matrix.write_text(matrix.read_text().replace('[[family]]\nname = "sinusoid"\n', families))
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
    matrix: Path,
    old: str,
    new: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def late(name: str) -> None:
        raise AssertionError("torch is imported before the mistake is named")

    monkeypatch.setattr("benchmarks.commands.ready", late)
    sound = matrix.read_text().replace("guess-half", "mean").replace('"guess"', '"gp"')
    assert old in sound
    matrix.write_text(sound.replace(old, new))
    assert main(["run", str(matrix)]) == 2
    assert f"{matrix}: " in (error := capsys.readouterr().err)
    assert said in error
