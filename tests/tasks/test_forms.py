"""Files in the forms that people have, from the matrix through a score to a prediction."""

import decimal
import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError, MatrixError, MissingDependency
from benchmarks.harness.expand import expand
from benchmarks.harness.matrix import load_matrix
from benchmarks.harness.predict import load_checkpoint, predict
from benchmarks.harness.registry import Registry
from benchmarks.harness.trial import run_trial
from benchmarks.tasks.sniffing import sniff
from benchmarks.tasks.table import Table

MATRIX = """
name = "forms"
seeds = 1
[budget]
tasks = 20
[[protocol]]
kind = "few_shot"
shots = [2]
steps = [0, 1]
tasks = 4
[[learner]]
name = "maml"
hidden = [4]
[[family]]
name = "table"
split_by = "g"
"""


def frame(groups=8, rows=8):
    index = np.arange(groups * rows)
    x = index * 0.37 % 3.1
    return pd.DataFrame(
        {
            "g": [f"gé{i // rows}" for i in index],
            "x": x.round(3),
            "y": (1.5 * x + index // rows - 2.25).round(3),
        }
    )


def written(data, delimiter=",", point=".", empty="", encoding="utf-8"):
    lines = [delimiter.join(data.columns)]
    for row in data.astype(object).itertuples(index=False):
        cells = [empty if it is None or it != it else it for it in row]  # NaN is not itself
        lines.append(
            delimiter.join(str(c).replace(".", point) if isinstance(c, float) else c for c in cells)
        )
    return "\n".join([*lines, ""]).encode(encoding)


def matrix(folder: Path, keys: str, task='"g"', x='"x"', y='"y"', more="") -> list:
    text = f"{MATRIX}task = {task}\nx = {x}\ny = {y}\n{keys}\n{more}"
    (folder / "m.toml").write_text(text, encoding="utf-8")
    notes: list[str] = []
    return [expand(load_matrix(str(folder / "m.toml")), Registry(), notes.append), notes]


def scored(folder: Path, keys: str, **columns: str) -> Path:
    """The folder of a trial that was run on the file."""
    (spec, *_), _ = matrix(folder, keys, **columns)
    (folder / "trial").mkdir(exist_ok=True)
    record = run_trial(spec, Registry(), folder / "trial")
    assert record["status"] == "done", record.get("traceback")
    return folder / "trial"


def drawn(family: Table) -> torch.Tensor:
    batch = family.sample(4, "train", generator_of(0), shots=2, queries=4)
    return torch.cat([batch.query.x, batch.query.y, batch.query.mask.unsqueeze(2)], 2)


def usual(folder: Path) -> Table:
    (folder / "usual.csv").write_bytes(written(frame()))
    return Table(str(folder / "usual.csv"), task=("g",), x=("x",), y="y", split_by="g")


def excel(path: Path, data: pd.DataFrame, sheet="Sheet1") -> None:
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"n": ["notes"]}).to_excel(book, sheet_name="about", index=False)
        data.to_excel(book, sheet_name=sheet, index=False)


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


def put(folder: Path, name: str, content) -> Path:
    path = folder / name
    if isinstance(content, pd.DataFrame):
        excel(path, content, "data")
    else:
        path.write_bytes(content)
    return path


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


COLUMNS = {
    "nullable": lambda d: pa.Table.from_pandas(
        d.astype({"g": "string", "x": "Float64", "y": "Float64"})
    ),
    "Arrow": lambda d: pa.Table.from_pandas(
        d.astype({"g": "string[pyarrow]", "x": "double[pyarrow]", "y": "double[pyarrow]"})
    ),
    "strings": lambda d: pa.Table.from_pandas(d.astype(str)),
    "large strings": lambda d: pa.Table.from_pandas(d).cast(
        pa.schema([("g", pa.large_string()), ("x", pa.float64()), ("y", pa.float64())])
    ),
    "views of strings": lambda d: pa.Table.from_pandas(d.astype(str)).cast(
        pa.schema([(name, pa.string_view()) for name in d])
    ),
    "dictionaries": lambda d: pa.Table.from_pandas(d.astype({"g": "category", "x": "category"})),
    "decimals": lambda d: pa.Table.from_pandas(
        d.assign(x=[decimal.Decimal(str(x)) for x in d["x"]])
    ),
    "bytes": lambda d: pa.table({"g": [g.encode() for g in d["g"]], "x": d["x"], "y": d["y"]}),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_columns_of_any_type_give_the_same_tasks(tmp_path, case):
    pq.write_table(COLUMNS[case](frame()), tmp_path / "d.parquet")
    family = Table(str(tmp_path / "d.parquet"), task=("g",), x=("x",), y="y", split_by="g")
    torch.testing.assert_close(drawn(family), drawn(usual(tmp_path)), rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["Int64", "int64[pyarrow]", "UInt8", "Int16"])
def test_nullable_numbers_may_be_empty(tmp_path, kind):
    data = frame().assign(x=np.arange(64) % 7).astype({"x": kind})
    data.loc[4, "x"] = pd.NA
    data.to_parquet(tmp_path / "d.parquet")
    folder = scored(tmp_path, 'path = "d.parquet"\ndrop_missing = true')
    assert json.loads((folder / "trial.json").read_text())["dropped_rows"] == 1
