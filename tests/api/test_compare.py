"""`reml.compare`: rows in memory, roles of columns, and what its results say."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reml
from benchmarks.core.errors import DataError, StoreError, UnknownName, UserError

SMALL: dict[str, Any] = {
    "shots": [3],
    "steps": [0],
    "budget": 10,
    "seeds": 1,
    "report": False,
    "progress": False,
}
LABELS = ("noted", "noted (bandwidth=0.2)", "gp", "cnp")


def test_everybody_is_there(compared: reml.Results) -> None:
    assert compared.learners == LABELS
    assert list(compared.trials["status"]) == ["done"] * 8
    assert set(compared.scores["learner"]) == set(LABELS)
    assert {"trial", "family", "protocol", "seed", "metric", "value"} <= set(compared.scores)
    assert set(compared.history["metric"]) == {"targets", "query_loss", "validation"}


def test_tables_are_frames(compared: reml.Results) -> None:
    table, pairs = compared.table(), compared.pairs(against="gp")
    assert list(table["learner"].unique()) == list(LABELS)
    assert table["mean"].notna().all()
    assert set(pairs["against"]) == {"gp"}
    with pytest.raises(UnknownName, match="unknown learner 'gpp'; did you mean 'gp'"):
        compared.pairs(against="gpp")


def test_a_figure_has_axes_of_the_learners_asked_for(compared: reml.Results) -> None:
    axes = compared.plot("error-against-steps", learners=["gp", "cnp"])
    shown = {it.get_text() for legend in axes.figure.legends for it in legend.get_texts()}
    assert {it.partition(" ")[0] for it in shown} == {"gp", "cnp"}  # marks aside
    assert "RMSE of answer" in axes[0].get_ylabel()
    with pytest.raises(UnknownName, match="unknown figure 'error'"):
        compared.plot("error")
    with pytest.raises(UnknownName, match="unknown learner 'maml'"):
        compared.plot("error-against-steps", learners=["maml"])


def test_a_notebook_shows_the_verdict_and_the_table(compared: reml.Results) -> None:
    best = compared.table().query("metric == 'rmse' and steps == 1").nsmallest(1, "mean")
    assert best["learner"].item() in compared.verdict().split("\n")[0]
    shown = compared._repr_html_()
    assert shown.count("<table") == 1
    assert "noted (bandwidth=0.2)" in shown


def test_the_report_is_written_when_asked_for(compared: reml.Results) -> None:
    assert not (compared.directory / "report.html").exists()
    page = compared.report()
    assert page == compared.directory / "report.html"
    assert "noted (bandwidth=0.2)" in page.read_text()
    assert (compared.directory / "table.csv").is_file()


def test_rows_lie_in_the_folder_by_their_hash(
    frame: pd.DataFrame, compared: reml.Results, noted: Any, tmp_path: Path
) -> None:
    out = shutil.copytree(compared.directory, tmp_path / "out")
    (file,) = (out / "data").iterdir()
    assert pd.read_parquet(file).equals(frame)
    before = {it: it.stat().st_mtime_ns for it in out.glob("trials/*/trial.json")}
    again: dict[str, Any] = {**SMALL, "steps": [0, 1], "budget": 40}
    asked: dict[str, Any] = {"task": "site", "y": "answer", "out": out, **again}
    reml.compare(frame.copy(), learners=[noted], **asked)
    assert {it: it.stat().st_mtime_ns for it in before} == before
    changed = frame.assign(answer=frame["answer"] + 1)
    with pytest.raises(StoreError, match="holds the results of matrix"):
        reml.compare(changed, learners=[noted], **asked)
    assert [*(out / "data").iterdir()] == [file]


def test_frames_as_people_have_them(noted: Any, frame: pd.DataFrame, tmp_path: Path) -> None:
    """A named index, nullable and Arrow types, categories, and dates are rows like any."""
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(len(frame)) % 9, "D")
    odd = frame.assign(
        dose=frame["dose"].astype("Float64"),
        kind=frame["kind"].astype("category"),
        answer=frame["answer"].astype("float64[pyarrow]"),
        day=days,
    ).set_index("site")
    wanted: dict[str, Any] = {"task": "site", "x": ["dose", "kind", "day"], "y": "answer"}
    results = reml.compare(odd, **wanted, learners=[noted], out=tmp_path / "odd", **SMALL)
    assert list(results.trials["status"]) == ["done"]
    adapted = results.learner("noted").adapt(odd.iloc[:4], odd["answer"].iloc[:4])
    assert np.isfinite(adapted.predict(odd.iloc[4:9])).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"task": "sight"}, r"the DataFrame: .*unknown column 'sight'; did you mean 'site'"),
        ({"y": "kind"}, r"the DataFrame: "),
        ({"shots": 0}, "matrix: .*key 'shots'"),
        ({"learners": ["mamml"]}, "unknown learner 'mamml'"),
        ({"seeds": 0}, "matrix: key 'seeds'"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    frame: pd.DataFrame, noted: Any, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    asked: dict[str, Any] = {"task": "site", "y": "answer", "learners": [noted], **SMALL, **change}
    with pytest.raises(UserError, match=sentence) as error:
        reml.compare(frame, out=tmp_path / "out", **asked)
    said = str(error.value)
    assert "--" not in said
    assert "/tmp" not in said
    assert "\n" not in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("rows.csv", "data: expected a DataFrame, got 'rows.csv'"),
        (pd.DataFrame({1: [2]}), "the DataFrame: column 1; expected texts"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "the DataFrame: has two columns 'a'"),
        (pd.DataFrame({"a": [1, "b", [3]]}), "the DataFrame: cannot be kept as a table"),
    ],
)
def test_what_is_no_table_of_rows_is_refused(data: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=sentence):
        reml.compare(data, out=tmp_path / "out", **SMALL)


def test_the_tasks_drawn_follow_from_the_bytes_of_the_data(tmp_path: Path) -> None:
    rows = pd.DataFrame({"who": np.repeat(np.arange(20), 6), "x": np.tile(np.arange(6.0), 20)})
    rows["y"] = rows["x"] * (1 + rows["who"])
    rows.to_csv(tmp_path / "a.csv", index=False)
    shutil.copy(tmp_path / "a.csv", tmp_path / "copy.csv")
    family = {"name": "table", "task": "who", "x": "x", "y": "y", "split_by": "who"}
    few = {"kind": "few_shot", "shots": [3], "steps": [0], "tasks": 4}
    matrix = {"seeds": 1, "budget": {"tasks": 5}, "protocol": few, "learner": "mean"}

    def scores(name: str, path: Any) -> list[float]:
        asked = {**matrix, "name": name, "family": {**family, "path": path}}
        found = reml.run(asked, out=tmp_path / name, jobs=1, report=False, progress=False)
        return found.scores["value"].tolist()

    once = scores("once", tmp_path / "a.csv")
    assert scores("again", tmp_path / "copy.csv") == once
    assert scores("frame", pd.read_csv(tmp_path / "a.csv")) != once
