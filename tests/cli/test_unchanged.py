"""A run that finds all as it was says at once what it would have said after looking."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import towns

from benchmarks import commands
from benchmarks.cli import main
from benchmarks.commands.unchanged import GENERATED, READING, Unchanged
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.store.folder import SAID
from benchmarks.options import parser

MATRIX = (
    """
name = "towns"
seeds = 1
budget = { tasks = 20 }
protocol = [{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 10, queries = 5 }]
learner = [{ name = "mean" }, { name = "scratch", hidden = [4] }]
"""
    + towns.FAMILY
)
PLUGIN = """
from typing import ClassVar

from baselines.mean import Mean
import neighbour


class Other(Mean):
    name: ClassVar[str] = "other"
"""


class Slow(Exception):
    """What is slow was to be imported."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The folder to work in, with a matrix that has been run, and a copy of it."""
    folder = tmp_path_factory.mktemp("unchanged")
    (folder / "rows.csv").write_text(towns.rows())
    (folder / "towns.toml").write_text(MATRIX)
    (folder / "other.py").write_text(PLUGIN)
    (folder / "neighbour.py").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        assert main(["run", "towns.toml", "--plugin", "other.py"]) == 0
        copy = tmp_path_factory.mktemp("kept") / "copy"
        shutil.copytree(folder, copy)
        yield folder, copy


@pytest.fixture
def place(kept: tuple[Path, Path]) -> Iterator[Path]:
    """The folder as it was after that run, to the nanosecond."""
    folder, copy = kept
    yield folder
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(copy, folder, dirs_exist_ok=True)


@pytest.fixture
def run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """What a run says; it raises if it would import what is slow."""

    def fails(_: str) -> Any:
        raise Slow

    def it(*more: str, slow: bool = False) -> str:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            if not slow:
                patch.setattr(commands, "ready", fails)
            code = main(["run", "towns.toml", "--plugin", "other.py", *more])
        said = capsys.readouterr()
        if code == 70 and "Slow" in said.err:
            raise Slow
        assert code == 0, said.err
        return said.out

    return it


def test_the_second_run_says_what_one_that_looks_says(place: Path, run: Callable[..., str]) -> None:
    after_the_first = run()
    (place / "results" / "towns" / SAID).unlink()
    looked = run(slow=True)
    assert after_the_first == looked == run()
    assert "2 trials, 2 done already, 0 to run" in looked
    assert "table: read 720 rows" in looked
    assert "reml predict" in looked


def more(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def linked(path: Path) -> None:
    """The same, but for a row, in another place, which the path is a link to."""
    other = path.with_name("elsewhere")
    shutil.copytree(path, other) if path.is_dir() else shutil.copy2(path, other)
    more(other / "scores.parquet" if path.is_dir() else other)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    path.symlink_to(other.resolve())


RESULTS = Path("results", "towns")
CHANGES: dict[str, Callable[[], object]] = {
    "data": lambda: more(Path("rows.csv")),
    "the matrix": lambda: more(Path("towns.toml")),
    "a plugin": lambda: more(Path("other.py")),
    "what a plugin imports": lambda: more(Path("neighbour.py")),
    "where trials run": lambda: Path("engine.toml").write_text(""),
    "a score": lambda: next(RESULTS.glob("trials/*/scores.parquet")).write_text("nothing"),
    "a trial": lambda: next(RESULTS.glob("trials/*/trial.json")).unlink(),
    "a table": lambda: more(RESULTS / "table.md"),
    "a figure": lambda: next(RESULTS.glob("figures/*.png")).unlink(),
    "what a killed run has left": lambda: (RESULTS / "trials" / ".tmp-x-12345678").write_text(""),
    "what is kept": lambda: (RESULTS / SAID).write_text("[" * 200_000),
    "data elsewhere": lambda: linked(Path("rows.csv")),
    "a trial behind a link": lambda: linked(next(RESULTS.glob("trials/table-mean*"))),
    "a folder": lambda: (RESULTS / "trials" / ".tmp-table-mean-s0-abcdefabcdef-12345678").mkdir(),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_has_changed_is_looked_at(what: str, run: Callable[..., str]) -> None:
    run()
    CHANGES[what]()
    with pytest.raises(Slow):
        run()


def test_other_options_and_surroundings_are_other_runs(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for option in (["--force"], ["--only", "mean"], ["--no-figures"], ["--device", "cpu:0"]):
        with pytest.raises(Slow):
            run(*option)
    run("--jobs", "3")
    monkeypatch.setenv("REML_DATA", "elsewhere")
    with pytest.raises(Slow):
        run()


def test_nothing_is_kept_of_a_run_in_which_something_failed(place: Path, tmp_path: Path) -> None:
    broken = MATRIX.replace('[{ name = "mean" }', '[{ name = "broken" }')
    (tmp_path / "rows.csv").write_text((place / "rows.csv").read_text())
    (tmp_path / "towns.toml").write_text(broken)
    (tmp_path / "broken.py").write_text(
        PLUGIN.replace("import neighbour\n", "").replace('"other"', '"broken"')
        + "\n    def fit(self, source, generator):\n        raise ArithmeticError\n"
    )
    out = tmp_path / "out"
    matrix, plugin = str(tmp_path / "towns.toml"), str(tmp_path / "broken.py")
    assert main(["run", matrix, "--plugin", plugin, "--out", str(out), "--no-figures"]) == 1
    assert (out / "table.csv").is_file()
    assert not (out / SAID).exists()


def options(*more: str) -> Any:
    return parser().parse_args(["run", "towns.toml", "--plugin", "other.py", *more])


def test_what_changes_while_it_runs_is_not_taken_for_what_it_ran_with(place: Path) -> None:
    before = Unchanged(options())
    more(place / "rows.csv")
    (place / RESULTS / SAID).unlink()
    before.keep(RESULTS, ["done"])
    assert not (place / RESULTS / SAID).exists()
    Unchanged(options()).keep(RESULTS, ["done"])
    assert Unchanged(options()).said() == ["done"]


def test_a_file_of_the_users_is_left_as_it_is(place: Path, run: Callable[..., str]) -> None:
    kept = place / RESULTS / SAID
    for text in ("mine", '{"of": 1}', ""):
        kept.write_text(text)
        run(slow=True)
        assert kept.read_text() == text
        with pytest.raises(Slow):
            run()
    kept.unlink()
    os.mkfifo(kept)  # reading it would wait for somebody to write
    run(slow=True)


def test_data_that_come_to_lie_where_they_are_looked_for_first(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "data").mkdir()
    (place / "rows.csv").rename(place / "data" / "rows.csv")
    monkeypatch.setenv("REML_DATA", str(place / "data"))
    Unchanged(options()).keep(RESULTS, ["done"])
    assert Unchanged(options()).said() == ["done"]
    shutil.copy2(place / "data" / "rows.csv", place / "rows.csv")
    assert Unchanged(options()).said() is None


def test_of_what_is_read_where_no_path_says_nothing_is_known(place: Path) -> None:
    families = {*Registry().names("family")}
    assert families - GENERATED - READING == {"omniglot"}
    for family in ("omniglot", "somebody-s"):
        (place / "towns.toml").write_text(MATRIX.replace('"table"', f'"{family}"'))
        Unchanged(options()).keep(RESULTS, ["done"])
        assert Unchanged(options()).said() is None


def test_oddities_leave_it_to_the_run_to_complain(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "loop.py").symlink_to("loop.py")
    assert Unchanged(options("--plugin", "loop.py")).said() is None
    (place / "foo-1.0.dist-info").mkdir()
    (place / "foo-1.0.dist-info" / "METADATA").write_text("Name: foo\nVersion: 1.0\n")
    points = place / "foo-1.0.dist-info" / "entry_points.txt"
    points.write_text("[reml.learners]\nfoo = ???\n")
    assert Unchanged(options()).said() is None
