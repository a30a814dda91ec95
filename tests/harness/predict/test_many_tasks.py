"""`reml predict RESULTS`: many tasks in one file or two, all seeds as one, and how sure that is."""

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reml
from benchmarks.cli import main
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict

GROUPS, EACH = 14, 8


def rows(groups: range = range(GROUPS), **more: Any) -> pd.DataFrame:
    """A line for each plot of two fields, called by numbers; its kind follows from x."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        [(g // 2, g % 2, x) for g in groups for x in np.linspace(0, 7, EACH)],
        columns=["field", "plot", "x"],
    )
    slope = 1 + table["field"] + 0.5 * table["plot"]
    table["yield"] = (100 + slope * table["x"] + rng.normal(0, 0.1, len(table))).round(3)
    table["kind"] = np.where(table["x"] > 3.2, "late", "early")
    return table.assign(**more)


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> reml.Results:
    small = {"name": "fine_tuning", "hidden": [8], "families": ["numbers"]}
    simple = {"name": "logistic_regression", "families": ["classes"]}
    learners = [*({"name": it, "families": ["numbers"]} for it in ("mean", "gp")), small, simple]
    folder = tmp_path_factory.mktemp("fields") / "out"
    table = {"name": "table", "task": ["field", "plot"], "x": "x", "split_by": "field"}
    few = {"kind": "few_shot", "shots": [3], "steps": [0, 2], "tasks": 4, "queries": 4}
    matrix = {"name": "fields", "seeds": 2, "budget": {"tasks": 60}, "protocol": few}
    numbers = {**table, "label": "numbers", "path": rows(), "y": "yield"}
    classes = {**table, "label": "classes", "path": rows(), "y": "kind", "ways": 2}
    return reml.run(
        {**matrix, "family": [numbers, classes], "learner": learners},
        out=folder,
        jobs=1,
        report=False,
        progress=False,
    )


@pytest.fixture
def ask(fields: reml.Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The predictions that `reml predict` prints, and what it says beside them."""

    def run(data: pd.DataFrame, query: pd.DataFrame | None = None, *options: str) -> Any:
        data.to_csv(tmp_path / "s.csv", index=False)
        files = [str(tmp_path / "s.csv")]
        if query is not None:
            query.to_csv(tmp_path / "q.csv", index=False)
            files = ["--support", *files, "--query", str(tmp_path / "q.csv")]
        options = options if "--family" in options else (*options, "--family", "numbers")
        code = main(["predict", str(fields.directory), *files, *options])
        out, errors = capsys.readouterr()
        if code:
            assert code == 2
            assert errors.count("\n") == 1
            return errors
        return pd.read_csv(io.StringIO(out)), errors

    return run


def halves(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    known = table["x"] % 2 == 0
    return table[known], table[~known].drop(columns=["yield", "kind"])


def test_each_task_of_a_file_is_adapted_to_on_its_own(ask: Any) -> None:
    table = rows()
    support, query = halves(table)
    answer, said = ask(support, query, "--learner", "gp")
    assert list(answer) == ["field", "plot", "x", "yield", "low", "high"]
    truth = table.loc[query.index, "yield"].to_numpy()
    assert answer["yield"].to_numpy() == pytest.approx(truth, abs=1.5)
    assert ((answer["low"] < truth) & (truth < answer["high"])).mean() > 0.5
    assert "predicted by gp, the mean of 2 trainings: seed 0, seed 1" in said
    assert "low and high: where 90 % of new values lie, if" in said
    alone, _ = ask(support[:4], query[:4], "--learner", "gp")
    pd.testing.assert_frame_equal(alone, answer[:4], rtol=1e-6)
    shuffled, _ = ask(support.sample(frac=1, random_state=0), query[::-1], "--learner", "gp")
    pd.testing.assert_frame_equal(shuffled[::-1].reset_index(drop=True), answer, rtol=1e-5)


def test_one_file_may_hold_both(ask: Any, fields: reml.Results) -> None:
    table = rows()
    support, query = halves(table)
    answer, _ = ask(support, query, "--learner", "gp")
    table.loc[query.index, "yield"] = np.nan
    one, _ = ask(table, None, "--learner", "gp")
    pd.testing.assert_frame_equal(one, answer)
    # from Python
    again = fields.predict(table, learner="gp", family="numbers")
    assert again["yield"].to_numpy() == pytest.approx(answer["yield"])
    assert "so there is none to predict" in ask(rows(), None)
    assert "is empty, so there is no row to adapt on" in ask(rows(**{"yield": np.nan}), None)


def test_a_dataframe_comes_back_as_it_went_in(fields: reml.Results) -> None:
    table = rows().astype({"plot": "int8", "x": "float32"}).assign(kind=pd.Categorical(["a"] * 112))
    table.index = pd.RangeIndex(1000, 1112)[::-1]
    asked = table["x"] % 2 == 1
    support, query = table[~asked], table[asked].drop(columns=["yield", "kind"])
    who = {"learner": "gp", "family": "numbers"}
    answer = fields.predict(support, query, **who)
    pd.testing.assert_frame_equal(answer[["field", "plot", "x"]], query)
    one = fields.predict(table.assign(**{"yield": table["yield"].mask(asked)}), **who)
    pd.testing.assert_frame_equal(one, answer)
    keys = ["field", "plot"]
    indexed = fields.predict(support.set_index(keys), query.set_index(keys), **who)
    pd.testing.assert_frame_equal(indexed[["x"]], query.set_index(keys))
    assert list(indexed) == ["x", "yield", "low", "high"]


def test_tasks_that_are_in_one_file_alone_are_named(ask: Any) -> None:
    support, query = halves(rows())
    answer, said = ask(support[:12], query[4:], "--learner", "mean")
    assert answer["yield"].notna().sum() == 8
    assert len(answer) == len(query) - 4  # rows stay where they are
    assert "warning: " in said
    assert "11 tasks of which" in said
    assert "they are not predicted: 1, 1; 2, 0; 2, 1; 3, 0; 3, 1 and 6 more" in said
    assert "1 task of which" in said
    assert "to predict: 0, 0" in said
    assert "no 'field' or 'plot' of it is in" in ask(support[:4], query[4:])


def test_which_task_is_asked_has_to_be_told(ask: Any) -> None:
    support, query = halves(rows())
    assert "no column 'plot', and" in ask(support, query.drop(columns="plot"))
    assert "holds several tasks by it (0; 1)" in ask(support, query.drop(columns="plot"))
    assert "no column 'field' or 'plot'" in ask(support.drop(columns=["field", "plot"]), query)
    one, _ = ask(support[:4], query[:4].drop(columns=["field", "plot"]), "--learner", "mean")
    assert one["yield"].to_numpy() == pytest.approx(support["yield"][:4].mean())


def test_seeds_are_averaged_and_their_disagreement_is_no_uncertainty(
    ask: Any, fields: reml.Results
) -> None:
    support, query = halves(rows(range(2)))
    answer, said = ask(support, query, "--learner", "fine_tuning")
    each = [ask(support, query, "--learner", "fine_tuning", "--seed", it)[0] for it in "01"]
    both = np.stack([it["yield"] for it in each])
    assert answer["yield"].to_numpy() == pytest.approx(both.mean(0))
    assert answer["seed_std"].to_numpy() == pytest.approx(both.std(0))
    assert "how far new values lie from their mean this learner does not tell" in said
    assert list(each[0]) == ["field", "plot", "x", "yield"]
    adapted = fields.learner("fine_tuning", family="numbers").adapt(
        support[["x"]][:4], support["yield"][:4]
    )
    assert adapted.predict(query[["x"]][:4]) == pytest.approx(answer["yield"][:4], rel=1e-5)
    assert adapted.disagreement(query[["x"]][:4]) == pytest.approx(answer["seed_std"][:4], rel=1e-3)
    same, said = ask(support, query, "--learner", "mean")
    assert "seed_std" not in same
    assert "all 2 trainings answer alike, and none tells how sure it is" in said


def test_without_a_name_it_is_the_learner_of_the_verdict(ask: Any, fields: reml.Results) -> None:
    support, query = halves(rows(range(3)))
    _, said = ask(support, query)
    (best,) = [it for it in ("gp", "mean", "fine_tuning") if f"predicted by {it}," in said]
    assert any(best in it and "numbers" in it for it in fields.verdict().splitlines())
    assert fields.learner(family="numbers").name == best


def test_classes_have_a_probability_each(ask: Any) -> None:
    table = rows()
    support = table[(table["x"] < 2) | (table["x"] > 5.5)]
    support = support[(support["plot"] == 0) | (support["x"] < 6.5)]  # one row of "late", not two
    query = table.drop(columns=["yield", "kind"])
    options = ("--family", "classes", "--learner", "logistic_regression")
    answer, said = ask(support, query, *options)
    assert list(answer) == ["field", "plot", "x", "kind", "p(early)", "p(late)"]
    assert (answer["p(early)"] + answer["p(late)"]).to_numpy() == pytest.approx(1)
    assert ((answer["p(late)"] > 0.5) == (answer["kind"] == "late")).all()
    assert (answer["kind"] == table["kind"]).mean() > 0.8
    assert "classes have unequally many rows in 7 tasks" in said
    lacking = support[(support["field"] > 0) | (support["kind"] == "early")]
    answer, said = ask(lacking, query, *options)
    assert answer["kind"].isna().sum() == 2 * EACH
    assert "of task 0, 0 holds 1 class, and the learner tells 2 from each other" in said
    assert "so does 1 more task" in said
    assert "expected as many" in ask(lacking[lacking["field"] == 0], query, *options)


def test_inputs_far_outside_are_warned_of(ask: Any) -> None:
    support, query = halves(rows(range(2)))
    _, said = ask(support, query, "--learner", "mean")
    assert "warning" not in said
    query.loc[query.index[2], "x"] = 40
    _, said = ask(support, query, "--learner", "mean")
    assert (
        "q.csv: column 'x' holds 40.0 in row 3 (line 4), far outside of all that was trained on, 0"
        in said
    )
    assert "(1 of 8) is a guess" in said


def test_rows_left_out_are_told_apart_and_counted_as_an_editor_does(
    fields: reml.Results, tmp_path: Path
) -> None:
    (place,) = fields.directory.glob("trials/numbers-mean-s0-*")
    trained = replace(load_checkpoint(place, Registry()), drop_missing=True)
    (tmp_path / "s.csv").write_text(
        "field,plot,x,yield\n0,0,1,5\n\n0,0,,6\n0,0,2,7\n0,0,,\n0,0,3,\n"
    )
    found = predict(trained, tmp_path / "s.csv")
    left = "s.csv: 1 row to {} left out, as a cell is empty (column 'x' in {}, say)"
    assert [it.rpartition("/")[2] for it in found.warnings] == [
        left.format("adapt on", "row 2 (line 4)"),
        left.format("predict", "row 4 (line 6)"),
    ]


WRONG = {
    "no rows": ("", "holds no rows|No columns to parse"),
    "a header alone": ("field,plot,x\n", "holds no rows"),
    "no input": ("field,plot,z\n0,0,1\n", "no column 'x'"),
    "text": ("field,plot,x\n0,0,much\n", "column 'x' holds 'much' in row 1"),
    "a date": ("field,plot,x\n0,0,2020-01-02\n", "column 'x' holds '2020-01-02' in row 1"),
    "an empty input": ("field,plot,x\n0,0,\n0,0,1\n", "column 'x' is empty in 1 of 2 rows"),
    "an empty name": ("field,plot,x\n0,,2\n0,0,1\n", "column 'plot' is empty in 1 of 2 rows"),
    "infinity": ("field,plot,x\n0,0,inf\n", "expected finite numbers"),
    "binary": ("\0\1\2", "NUL"),
}


@pytest.mark.parametrize("case", WRONG)
def test_rows_that_cannot_be_used_are_one_sentence(
    fields: reml.Results, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    text, sentence = WRONG[case]
    halves(rows(range(2)))[0].to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "q.csv").write_text(text)
    files = ["--support", str(tmp_path / "s.csv"), "--query", str(tmp_path / "q.csv")]
    assert main(["predict", str(fields.directory), "--family", "numbers", *files]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "q.csv" in said
    assert any(it in said for it in sentence.split("|"))


def test_what_is_asked_for_has_to_be_there(
    fields: reml.Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, file = str(fields.directory), str(tmp_path / "d.csv")
    rows().to_csv(file, index=False)
    (trial,) = (fields.directory / "trials").glob("numbers-gp-s0-*")

    def complaint(*options: str) -> str:
        assert main(["predict", *options]) == 2
        return capsys.readouterr().err

    assert "unknown learner 'gb'; did you mean 'gp'?" in complaint(place, file, "--learner", "gb")
    numbers = ("--family", "numbers")
    assert "unknown seed '7'" in complaint(place, file, "--learner", "gp", *numbers, "--seed", "7")
    assert "trained on 'classes', 'numbers'; name a family" in complaint(place, file)
    assert "no rows to adapt on; give a file in which" in complaint(place)
    assert "is one file too many beside --support" in complaint(place, file, "--support", file)
    assert "is one trained learner; --seed is for" in complaint(str(trial), file, "--seed", "0")
    assert "is what is read; give another" in complaint(place, file, "--out", file)
    assert "expected a file that ends in .csv" in complaint(place, file, "--out", "p.parquet")
    assert "not the folder of a finished trial" in complaint(str(tmp_path), file)
    assert os.listdir(tmp_path) == ["d.csv"]


def test_a_sheet_is_named_or_asked_for(
    fields: reml.Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("openpyxl")
    file, table = str(tmp_path / "b.xlsx"), rows(range(2))
    table.loc[3, "yield"] = np.nan
    with pd.ExcelWriter(file) as book:
        pd.DataFrame({"n": ["notes"]}).to_excel(book, sheet_name="about", index=False)
        table.to_excel(book, sheet_name="rows", index=False)
    options = ["predict", str(fields.directory), file, "--family", "numbers", "--learner", "gp"]
    assert main(options) == 2
    said = capsys.readouterr().err
    assert "no column 'x'" in said
    assert "the file has the sheets 'about', 'rows': name one" in said
    assert main([*options, "--sheet", "rows"]) == 0
    assert len(pd.read_csv(io.StringIO(capsys.readouterr().out))) == 1
