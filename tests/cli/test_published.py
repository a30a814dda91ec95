"""A published folder in which nothing is to be run stays, byte for byte, as it was published."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from benchmarks.cli import main
from benchmarks.harness.disk.sums import sum_of
from benchmarks.harness.store.ledger import LIST
from benchmarks.harness.store.results import load_results

MATRIX = """
name = "tiny"
seeds = {seeds}
budget = {{ tasks = 10 }}
family = [{{ name = "sinusoid" }}]
protocol = [{{ kind = "few_shot", shots = [2], steps = [0, 1], tasks = 4, queries = 5 }}]
learner = [{{ name = "mean" }}, {{ name = "scratch", hidden = [4] }}]
"""
FIGURE = "figures/error-against-steps.png"
LOCAL = {".lock", ".reml.beside.sha256", ".reml.unchanged.json", "report.html"}
"""What git is told to ignore, in .gitignore."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made")
    (place / "tiny.toml").write_text(MATRIX.format(seeds=1))
    assert main(["run", str(place / "tiny.toml"), "--out", str(place / "run"), "--no-figures"]) == 0
    figures = ["--figures", "error-against-steps"]
    assert main(["publish", str(place / "run"), "--out", str(place / "out"), *figures]) == 0
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The folder of the matrix, with a clone of what was published in `out`."""
    shutil.copytree(made, tmp_path / "place", ignore=shutil.ignore_patterns("run", ".*.json"))
    out = tmp_path / "place" / "out"
    lines = (out / LIST).read_text()
    (out / LIST).write_text(f"{lines}{sum_of(out / 'index.md')}  index.md\n")  # as of old
    assert (out / FIGURE).is_file()
    return tmp_path / "place"


@pytest.fixture
def reml(place: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.chdir(place)

    def reml(*command: str) -> None:
        assert main([*command]) == 0

    return reml


def _files(place: Path) -> Mapping[str, bytes]:
    out = place / "out"
    files = {str(it.relative_to(out)): it.read_bytes() for it in out.rglob("*") if it.is_file()}
    return {name: it for name, it in files.items() if name not in LOCAL}


RUN = ("run", "tiny.toml", "--out", "out")
SAME = {
    **{"run": RUN, "without figures": (*RUN, "--no-figures"), "only": (*RUN, "--only", "mean")},
    **{"report": ("report", "out"), "table": ("table", "out")},
    "against": ("table", "out", "--against", "mean"),
}


@pytest.mark.parametrize("command", SAME.values(), ids=SAME)
def test_what_was_published_stays_as_it_is(
    place: Path, reml: Callable[..., None], command: tuple[str, ...]
) -> None:
    before = _files(place)
    for _ in range(2):
        reml(*command)
        assert _files(place) == before
    assert command[0] == "table" or (place / "out" / "report.html").is_file()


def test_a_page_has_figures_once_they_are_asked_for(
    place: Path, reml: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    page = place / "out" / "report.html"
    reml(*RUN, "--no-figures")
    bare = page.stat().st_size
    reml(*RUN)
    assert "drawing the figures" in capsys.readouterr().out
    assert (drawn := page.stat().st_size) > bare
    reml(*RUN, "--no-figures")
    assert page.stat().st_size == drawn
    page.write_text("mine")
    reml(*RUN)
    assert page.with_name("report.html.1").read_text() == "mine"


def test_what_is_lost_is_written_again(place: Path, reml: Callable[..., None]) -> None:
    before = _files(place)
    for name in ("index.md", "table.csv"):
        (place / "out" / name).unlink()
    reml(*RUN, "--no-figures")
    assert {**_files(place), LIST: b""} == {**before, LIST: b""}


def test_what_is_damaged_is_set_aside_and_written_again(
    place: Path, reml: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    before, index = _files(place), place / "out" / "index.md"
    index.write_text("")
    (place / "out" / "table.csv").write_bytes(before["table.csv"][:20])
    reml(*RUN, "--no-figures")
    after = _files(place)
    assert {name: after[name] for name in before.keys() - {LIST}} == {
        name: before[name] for name in before.keys() - {LIST}
    }
    assert "index.md: is not what this program wrote" in capsys.readouterr().err


def test_a_run_that_ended_before_it_had_unpacked_leaves_no_tables_of_another_matrix(
    place: Path, reml: Callable[..., None]
) -> None:
    (place / "tiny.toml").write_text(
        MATRIX.format(seeds=1).replace('"mean"', '"mean", label = "average"')
    )
    scores = place / "out" / "scores.parquet"
    whole = scores.read_bytes()
    scores.write_bytes(whole[:-9])
    assert main([*RUN, "--no-figures"]) == 2
    scores.write_bytes(whole)
    reml(*RUN, "--no-figures")
    for name in ("index.md", "table.csv"):
        assert "average" in (place / "out" / name).read_text()


def test_a_part_in_which_nothing_is_to_be_run_can_be_merged(
    place: Path, reml: Callable[..., None]
) -> None:
    shutil.copytree(place / "out", place / "other")
    reml(*RUN, "--shard", "1/2", "--no-figures")
    reml("run", "tiny.toml", "--out", "other", "--shard", "2/2", "--no-figures")
    reml("merge", "out", "other", "--out", "whole", "--no-figures")
    assert (load_results(place / "whole").trials["status"] == "done").all()


def test_figures_that_somebody_has_removed_are_drawn_again(
    place: Path, reml: Callable[..., None]
) -> None:
    out = place / "ordinary"
    run = ("run", "tiny.toml", "--out", "ordinary")
    reml(*run)
    drawn = {it.name for it in out.glob("figures/*.png")}
    assert drawn
    shutil.rmtree(out / "figures")
    reml(*run, "--no-figures")
    reml(*run)
    assert {it.name for it in out.glob("figures/*.png")} == drawn


def test_what_is_run_is_added(place: Path, reml: Callable[..., None]) -> None:
    reml(*RUN, "--no-figures")
    (place / "tiny.toml").write_text(MATRIX.format(seeds=2))
    reml(*RUN, "--no-figures")
    out = place / "out"
    assert len([*out.glob("trials/[!.]*/trial.json")]) == 4
    assert (load_results(out).trials["status"] == "done").all()
    assert set(load_results(out).scores["seed"]) == {0, 1}
    assert not (out / FIGURE).exists()  # it showed one seed
    listed = (out / LIST).read_text()
    assert "report.html" in listed
    assert not (out / ".reml.beside.sha256").exists()


def test_another_title_is_shown(place: Path, reml: Callable[..., None]) -> None:
    """Nothing is to be run, but what is shown has changed."""
    text = MATRIX.format(seeds=1).replace("seeds", 'title = "Told anew"\nseeds')
    (place / "tiny.toml").write_text(text.replace('"mean"', '"mean", label = "average"'))
    reml(*RUN, "--no-figures")
    assert "average" in (place / "out" / "index.md").read_text()
    assert load_results(place / "out").title == "Told anew"
