"""Forms of a user's file: how it is separated, what stands for nothing, what is warned of."""

import gzip
import json
import sys

import pandas as pd
import pytest
import torch
from user_tables import drawn, frame, matrix, put, scored, usual, written

from benchmarks.core.errors import DataError, MatrixError, MissingDependency
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict
from benchmarks.tasks.sniffing import sniff
from benchmarks.tasks.table import Table

FORMS = {
    "semicolons and decimal commas": (
        "d.csv", written(frame(), ";", ","), {"delimiter": ";", "decimal": ","},
    ),
    "tabs": ("d.tsv", written(frame(), "\t"), {}),
    "tabs in a .txt": ("d.txt", written(frame(), "\t"), {}),
    "tabs in a .csv": ("d.csv", written(frame(), "\t"), {"delimiter": "\t"}),
    "bars": ("d.txt", written(frame(), "|"), {"delimiter": "|"}),
    "runs of spaces": ("d.txt", written(frame(), "   "), {"delimiter": " "}),
    "gzip": ("d.csv.gz", gzip.compress(written(frame())), {}),
    "gzip with tabs": ("D.TSV.GZ", gzip.compress(written(frame(), "\t")), {}),
    "Latin-1": ("d.csv", written(frame(), encoding="latin-1"), {"encoding": "latin-1"}),
    "UTF-16": ("d.tsv", written(frame(), "\t", encoding="utf-16"), {"encoding": "utf-16"}),
    "Excel": ("d.xlsx", frame(), {"sheet": "data"}),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMS)
def test_a_file_in_its_own_form_gives_the_same_tasks(tmp_path, case):
    name, content, keys = FORMS[case]
    path = put(tmp_path, name, content)
    family = Table(str(path), task=("g",), x=("x",), y="y", split_by="g", **keys)
    same = usual(tmp_path)
    assert family.problem == same.problem
    assert family.groups("test") == same.groups("test")
    torch.testing.assert_close(drawn(family), drawn(same), rtol=0, atol=0)


@pytest.mark.parametrize("case", [it for it in FORMS if FORMS[it][2] and it != "Excel"])
def test_a_file_in_another_form_is_refused_with_the_keys_that_would_read_it(tmp_path, case):
    name, content, keys = FORMS[case]
    path = put(tmp_path, name, content)
    with pytest.raises(DataError) as error:
        Table(str(path), task=("g",), x=("x",), y="y", split_by="g").problem  # noqa: B018
    message = str(error.value)
    for key, value in keys.items():
        assert f"{key} = {json.dumps(value)}" in message
    assert message.endswith("or let `reml init FILE` write the matrix")
    assert "\n" not in message
    form = sniff(str(path))
    assert all(getattr(form, key) == value for key, value in keys.items())


def test_a_file_of_semicolons_is_run_and_asked_in_its_form_or_in_another(tmp_path):
    put(tmp_path, "d.csv", written(frame(), ";", ","))
    folder = scored(tmp_path, 'path = "d.csv"\ndelimiter = ";"\ndecimal = ","')
    checkpoint = load_checkpoint(folder, Registry())
    told = frame()[:3]
    answers = []
    for name, content in (
        ("a.csv", written(told, ";", ",")),
        ("b.csv", written(told)),
        ("c.tsv", written(told, "\t", ",")),
    ):
        path = put(tmp_path, name, content)
        answers.append(predict(checkpoint, path, path, None)[0]["y"])
    pd.testing.assert_series_equal(answers[0], answers[1])
    pd.testing.assert_series_equal(answers[0], answers[2])


def test_one_name_needs_no_brackets(tmp_path):
    (tmp_path / "d.csv").write_bytes(written(frame()))
    (one, *_), _ = matrix(tmp_path, 'path = "d.csv"')
    (other, *_), _ = matrix(tmp_path, 'path = "d.csv"', task='["g"]', x='["x"]')
    assert one.id == other.id
    with pytest.raises(MatrixError, match="key 'task': expected a valid string, got 3"):
        matrix(tmp_path, 'path = "d.csv"', task="3")


@pytest.mark.parametrize("text", ["n/a", ".", "?", "-999", "-999.0", " ? ", "#DIV/0!"])
def test_texts_for_an_empty_cell_are_named_and_left_out(tmp_path, text):
    data = frame().astype({"x": object})
    data.loc[[3, 17], "x"] = text
    path = put(tmp_path, "d.csv", written(data))
    keys = {"task": ("g",), "x": ("x",), "y": "y", "split_by": "g"}
    missing = (text.strip(),)
    family = Table(str(path), missing=missing, drop_missing=True, **keys)
    assert family.dropped_rows == 2
    assert "2 more left out, as a cell was empty" in family.notes()[0]
    with pytest.raises(DataError, match="column 'x' is empty in 2 of 64 rows; set drop_missing"):
        Table(str(path), missing=missing, **keys).problem  # noqa: B018
    if "999" not in text:
        with pytest.raises(DataError) as error:
            Table(str(path), drop_missing=True, **keys).problem  # noqa: B018
        assert f"set missing = {json.dumps([text.strip()])} and drop_missing = true" in str(
            error.value
        )
    data.astype({"x": str}).to_parquet(tmp_path / "d.parquet")
    assert (
        Table(str(tmp_path / "d.parquet"), missing=missing, drop_missing=True, **keys).dropped_rows
        == 2
    )


def test_a_number_that_stands_for_nothing_does_so_in_any_spelling(tmp_path):
    data = frame()
    data.loc[5, "x"] = -999.0
    data.to_parquet(tmp_path / "d.parquet")
    keys = "path = 'd.parquet'\ndrop_missing = true\n"
    for missing in ("[-999]", '["-999"]', "[-999.0]", "-999"):
        _, notes = matrix(tmp_path, f"{keys}missing = {missing}")
        assert "1 more left out" in notes[0]


WRONG = {
    "a point among commas": (
        "d.csv", written(frame(), ";"), {"delimiter": ";", "decimal": ","},
        "numbers without a point, as decimal = ',' says; the file looks as if with decimal points: "
        'set decimal = "."',
    ),
    "an encoding of nobody's": (
        "d.csv", written(frame()), {"encoding": "utf-9"}, "encoding = 'utf-9' is none that Python",
    ),
    "a long delimiter": ("d.csv", b"", {"delimiter": ";;"}, "delimiter = ';;'; expected one"),
    "a letter for a delimiter": ("d.csv", b"", {"delimiter": "a"}, "delimiter = 'a'; expected one"),
    "no gzip": ("d.csv.gz", written(frame()), {}, "d.csv.gz: is not a gzip file"),
    "half a gzip": ("d.csv.gz", gzip.compress(written(frame()))[:99], {}, "is not a gzip file"),
    "no Excel": ("d.xlsx", b"PK\x03\x04", {}, "d.xlsx: is not an Excel file ("),
    "an unknown sheet": ("d.xlsx", frame(), {"sheet": "dta"}, "no sheet 'dta'; did you mean"),
    "a sheet of a csv": ("d.csv", b"", {"sheet": "data"}, "is for files that end in .xlsx"),
    "the sheet before": ("d.xlsx", frame(), {}, "no column 'g'; known: n"),
    "a folder's suffix": ("d.xls", b"", {}, "expected a file that ends in .csv, .tsv, .txt, "),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_one_sentence(tmp_path, case):
    name, content, keys, message = WRONG[case]
    path = put(tmp_path, name, content)
    with pytest.raises(DataError) as error:
        Table(str(path), task=("g",), x=("x",), y="y", split_by="g", **keys).problem  # noqa: B018
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_excel_without_openpyxl_says_what_to_type(tmp_path, monkeypatch):
    path = put(tmp_path, "d.xlsx", frame())
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MissingDependency, match="type: pip install openpyxl"):
        Table(str(path), task=("g",), x=("x",), y="y", split_by="g").problem  # noqa: B018


def test_rows_that_are_there_twice_are_counted_or_left_out(tmp_path):
    data = frame()
    twice = pd.concat([data, data[10:13].assign(note="other")])
    twice["note"] = twice["note"].fillna("some")
    put(tmp_path, "d.csv", written(twice))
    _, notes = matrix(tmp_path, 'path = "d.csv"')
    assert notes[0].startswith("table: read 67 rows")
    assert "table: 3 rows repeat another in all columns used" in notes[1]
    _, notes = matrix(tmp_path, 'path = "d.csv"\ndrop_duplicates = true')
    assert notes[0].startswith("table: read 64 rows")
    assert notes[1] == "table: left out 3 rows that repeat another in all columns used"


def test_inputs_that_never_vary_within_a_task_are_pointed_out(tmp_path):
    data = frame()
    number = data["g"].str[2:].astype(int)
    put(tmp_path, "d.csv", written(data.assign(dose=number * 1.5, kind="k", weight=7)))
    _, notes = matrix(
        tmp_path, 'path = "d.csv"\ncategorical = "kind"', x='["dose", "x", "kind", "weight"]'
    )
    assert (
        "table: input 'dose' is one value within every task: it can only be learnt from 5 training "
        "groups" in notes
    )
    for name in ("kind", "weight"):
        assert any(f"input '{name}' is one and the same in all training rows" in it for it in notes)
    assert not any("input 'x'" in it for it in notes)


def test_categories_seen_only_in_test_groups_are_counted_and_warned_of(tmp_path):
    data = frame().assign(kind=["a" if i % 2 else "b" for i in range(64)])
    data.loc[data["g"] == "gé3", "kind"] = "new"
    put(tmp_path, "d.csv", written(data))
    keys = 'path = "d.csv"\ncategorical = "kind"\ntest = ["gé3", "gé4"]'
    _, notes = matrix(tmp_path, keys, x='["x", "kind"]')
    assert any(
        "column 'kind': 8 of 16 test rows hold a category that no training row has ('new', say)"
        in note
        for note in notes
    )
    checkpoint = load_checkpoint(scored(tmp_path, keys, x='["x", "kind"]'), Registry())
    support, query = (
        put(tmp_path, name, written(data[rows]))
        for name, rows in (("s.csv", slice(16, 30)), ("q.csv", slice(22, 26)))
    )
    words = predict(checkpoint, support, query, None).warnings
    assert len(words) == 2
    assert "s.csv: column 'kind' holds 'new' in row 9 (line 10), a" in words[0]
    assert "q.csv: column 'kind' holds 'new' in row 3 (line 4), a category that no" in words[1]


def test_tasks_that_are_too_small_are_counted_before_training(tmp_path):
    put(tmp_path, "d.csv", written(frame()[:-6]))
    _, notes = matrix(tmp_path, 'path = "d.csv"\ntest = ["gé6", "gé7"]')
    assert "table: 1 test task left out at 2 shots, with no more than 2 points" in notes
