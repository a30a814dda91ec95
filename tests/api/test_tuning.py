"""A matrix that is tuned, from the first trial of the search to the published report."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
import pytest

import reml
from benchmarks.cli import main
from benchmarks.report.documents.index import render_index

LEARNERS = Path(__file__).parents[1] / "harness" / "tuning" / "learners.py"
MATRIX = """
name = "tuned"
seeds = 2
budget = { tasks = 50 }
tuning = { trials = 5 }

[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0]
tasks = 12
queries = 5

[[family]]
name = "sinusoid"

[[learner]]
name = "knob"

[[learner]]
name = "knob"
label = "as given"
tune = false

[[learner]]
name = "plain"
"""


def reml_says(*arguments: str | Path) -> str:
    said = io.StringIO()
    with redirect_stdout(said):
        assert main([*map(str, arguments)]) == 0
    return said.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the matrix and its results, `out`; what the run has said is in `said`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        place = tmp_path_factory.mktemp("tuned")
        (place / "m.toml").write_text(MATRIX)
        run = ("run", place / "m.toml", "--plugin", LEARNERS, "--out", place / "out")
        (place / "said").write_text(reml_says(*run, "--no-figures", "--jobs", "2"))
        yield place


def test_the_table_says_who_is_tuned(place: Path) -> None:
    text = (place / "out" / "table.md").read_text()
    cells = [[it.strip() for it in line.split("|")[1:]] for line in text.split("\n")]
    start = next(place for place, it in enumerate(cells) if it[1:2] == ["settings"])
    assert [(it[0].split(" ∅")[0], it[1]) for it in cells[start + 2 : start + 5]] == [
        ("knob", "tuned (5 trials)"),
        ("as given", "as given"),
        ("plain", "as given"),
    ]


def test_trials_have_the_chosen_settings_as_ordinary_ones(place: Path) -> None:
    results = reml.load(place / "out", plugins=[LEARNERS])
    table = pd.read_parquet(place / "out" / "tuning.parquet")
    (chosen,) = table[table["chosen"]]["settings"]
    spec = results.trials.set_index("learner")["spec"]
    fields = spec["knob"].iloc[0]["learner"]["fields"]
    assert json.loads(chosen).items() <= fields.items()
    assert spec["as given"].iloc[0]["learner"]["fields"]["offset"] == 5.0
    tuned = results.trials.groupby("learner")["tuned"].max()
    assert dict(tuned) == {"knob": 5, "as given": 0, "plain": 0}


def test_the_search_is_spending_of_its_own(place: Path) -> None:
    said = reml_says("table", place / "out", "--by", "spending", "--format", "csv")
    rows = pd.read_csv(io.StringIO(said)).set_index("learner")
    table = pd.read_parquet(place / "out" / "tuning.parquet")
    assert rows.loc["knob", "tuning_tasks"] == table["tasks"].sum()
    assert rows.loc["knob", "tasks"] == 50
    assert pd.isna(rows.loc["plain", "tuning_tasks"])


def test_the_verdict_names_what_is_tuned_and_what_that_cost(place: Path) -> None:
    said = (place / "said").read_text()
    assert re.search(r"use knob( ∅)?, tuned \(5 trials\)", said)
    assert "the search for its settings took" in said
    assert "plain on sinusoid: is not tuned: its class declares nothing to search" in said


def test_fields_are_listed_with_what_was_chosen(place: Path) -> None:
    table = pd.read_csv(place / "out" / "tuning.csv").set_index("field")
    assert [*table.index] == ["offset", "layers", "count"]
    assert float(table.loc["offset", "default"]) == 5.0
    index = (place / "out" / "index.md").read_text()
    assert "### Tuning" in index
    assert "plain: nothing is tuned, as its class declares nothing to search" in index


def test_a_second_run_does_nothing(place: Path) -> None:
    run = ("run", place / "m.toml", "--plugin", LEARNERS, "--out", place / "out", "--no-figures")
    said = reml_says(*run)
    assert "5 trials each, 0 to run" in said
    assert "6 done already, 0 to run" in said


def test_status_tells_of_the_search(place: Path) -> None:
    said = reml_says("status", place / "out")
    assert "tuning   knob on sinusoid: 5 of 5 trials, the best so far is number" in said
    assert "tuning   as given on sinusoid: nothing, as tune = false" in said


def test_what_is_published_has_the_search_and_goes_on_from_it(place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    reml_says("publish", place / "out", "--out", copy, "--figures", "best-so-far")
    assert (copy / "figures" / "best-so-far.png").is_file()
    before, after = (reml.load(it, plugins=[LEARNERS]) for it in (place / "out", copy))
    pd.testing.assert_frame_equal(after._results.tuning, before._results.tuning, rtol=1e-4)
    text = render_index(after._results, copy)
    assert "tuned (5 trials)" in text
    assert "### Tuning" in text
    again = shutil.copytree(copy, tmp_path / "again")
    run = ("run", place / "m.toml", "--plugin", LEARNERS, "--out", again, "--no-figures")
    said = reml_says(*run)
    assert "5 trials each, 0 to run" in said
    assert "0 to run; in" in said


def test_the_figure_is_drawn_for_all_who_are_tuned(place: Path) -> None:
    results = reml.load(place / "out", plugins=[LEARNERS])
    assert "best-so-far" in results.figures()
    (ax,) = results.plot("best-so-far").figure.axes
    losses = ax.lines[0].get_ydata()
    assert len(ax.lines) == 1
    assert [*losses] == sorted(losses, reverse=True)


def test_tune_alone_wants_a_table_and_tests_nothing(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text(MATRIX.replace("tuning = { trials = 5 }", ""))
    assert main(["tune", str(plain), "--plugin", str(LEARNERS), "--out", str(tmp_path / "o")]) == 2
    assert "key 'tuning' is missing" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
    copy = shutil.copytree(place / "out", tmp_path / "copy")
    shutil.rmtree(copy / "trials")
    for name in ("scores.parquet", "trials.json"):
        (copy / name).unlink()
    said = reml_says("tune", place / "m.toml", "--plugin", LEARNERS, "--out", copy)
    assert "0 to run" in said
    assert not any((copy / "trials").glob("sinusoid*"))
