"""Files in the forms that people have, from the matrix through a score to a prediction."""

import datetime
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
from benchmarks.harness.evaluation.evaluator import score
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict
from benchmarks.harness.trial.trial import run_trial
from benchmarks.tasks.sniffing import sniff
from benchmarks.tasks.table import Table
from benchmarks.testing import check_family

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
            delimiter.join(
                str(c).replace(".", point) if isinstance(c, float) else str(c) for c in cells
            )
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


WHEN = pd.Timestamp("2021-03-05") + pd.to_timedelta(np.arange(64) * 31.5, "h")
DATES = {
    "ISO": [str(it) for it in WHEN],
    "ISO with a T": [it.isoformat() for it in WHEN],
    "Greenwich": [f"{it.isoformat()}Z" for it in WHEN],
    "a time zone": [it.tz_localize("UTC").tz_convert("Asia/Kolkata").isoformat() for it in WHEN],
    "zones that differ": [
        it.tz_localize("UTC").tz_convert(("Asia/Tokyo", "America/New_York")[i % 2]).isoformat()
        for i, it in enumerate(WHEN)
    ],
    "dd/mm/yyyy": [f"{it:%d/%m/%Y %H:%M}" for it in WHEN],
    "mm/dd/yyyy": [f"{it:%m/%d/%Y %I:%M %p}" for it in WHEN],
    "dd.mm.yyyy": [f"{it:%d.%m.%Y %H:%M:%S}" for it in WHEN],
    "slashes": [f"{it:%Y/%m/%d %H:%M}" for it in WHEN],
    "months by name": [f"{it:%d %b %Y %H:%M}" for it in WHEN],
    "American": [f"{it:%B %d, %Y %H:%M}" for it in WHEN],
    "pandas": WHEN,
    "nanoseconds": WHEN.astype("datetime64[ns]"),
    "pandas with a time zone": WHEN.tz_localize("UTC").tz_convert("Europe/London"),
    "Python": WHEN.to_pydatetime(),
}


@pytest.mark.parametrize("case", DATES)
def test_dates_are_days_since_the_first_that_is_trained_on(tmp_path, case):
    data = frame().assign(when=DATES[case])
    paths = [tmp_path / "d.parquet"]
    data.to_parquet(paths[0])
    if isinstance(DATES[case], list):
        paths.append(put(tmp_path, "d.csv", written(data, ";")))
    if case == "pandas":
        paths.append(put(tmp_path, "d.xlsx", data))
    for path in paths:
        keys = {"task": ("g",), "x": ("when", "x"), "y": "y", "split_by": "g"}
        if path.suffix == ".csv":
            keys["delimiter"] = ";"
        if path.suffix == ".xlsx":
            keys["sheet"] = "data"
        family = Table(str(path), dates=("when",), **keys)
        train = data["g"].isin(family.groups("train")).to_numpy()
        first = WHEN[train].min().normalize()
        days = ((WHEN - first) / pd.Timedelta("1D")).to_numpy()
        order = f", {case}" if case in ("dd/mm/yyyy", "mm/dd/yyyy") else ""
        order = ", dd/mm/yyyy" if case == "dd.mm.yyyy" else order
        assert family.problem.inputs == (f"when (days since {first:%Y-%m-%d}{order})", "x")
        assert family.problem.input_offset[0] == pytest.approx(days[train].mean())
        assert family.problem.input_scale[0] == pytest.approx(days[train].std())
        with pytest.raises(
            DataError, match=r"column 'when' holds .* or the column's name in dates"
        ):
            Table(str(path), **keys).problem  # noqa: B018


def test_dates_are_asked_about_in_the_order_they_were_trained_on(tmp_path):
    data = frame().assign(when=[f"{it:%d/%m/%Y}" for it in WHEN])
    put(tmp_path, "d.csv", written(data))
    folder = scored(tmp_path, 'path = "d.csv"\ndates = "when"', x='["when", "x"]')
    checkpoint = load_checkpoint(folder, Registry())
    answers = []
    for days in (["03/04/2021", "05/04/2021"], ["2021-04-03", "2021-04-05"]):
        path = put(tmp_path, "q.csv", written(data[:2].assign(when=days)))
        answers.append(predict(checkpoint, path, path, None)[0]["y"])
    pd.testing.assert_series_equal(*answers)
    assert answers[0][0] != answers[0][1]


def test_times_of_day_are_hours(tmp_path):
    clock = [datetime.time(i % 24, 30) for i in range(64)]
    data = frame().assign(when=clock)
    data.to_parquet(tmp_path / "d.parquet")
    put(tmp_path, "d.csv", written(data.assign(when=[f"{it:%H:%M}" for it in clock])))
    for name in ("d.parquet", "d.csv"):
        keys = {"task": ("g",), "x": ("when",), "y": "y", "split_by": "g"}
        family = Table(str(tmp_path / name), dates=("when",), **keys)
        assert family.problem.inputs == ("when (hours since midnight)",)
        assert 5 < family.problem.input_scale[0] < 9


NO_DATES = {
    "days or months": (["03/04/2021"] * 63 + ["01/02/2021"], "of which none tells the day from"),
    "both": (["13/04/2021"] * 63 + ["04/13/2021"], "'13/04/2021', where the day comes first,"),
    "a year of two digits": (["13/04/21"] * 64, "column 'when' holds '13/04/21' in row 1 and in"),
    "no day": (["2021-04-13"] * 63 + ["2021-04-31"], "holds '2021-04-31' in row 64; exp"),
    "half with a zone": (
        ["2021-04-13 12:00Z"] * 63 + ["2021-04-13 12:00"], "of which one has a time zone",
    ),
    "words": (["2021-04-13"] * 63 + ["later"], "holds 'later' in row 64; expected dates like"),
    "a month of nobody's": (["13 Foo 2021"] * 64, "holds '13 Foo 2021' in row 1"),
    "nothing": (["2021-04-13"] * 63 + [""], "column 'when' is empty in 1 of 64 rows"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_DATES)
def test_what_is_no_date_or_may_be_two_is_refused(tmp_path, case):
    cells, message = NO_DATES[case]
    path = put(tmp_path, "d.csv", written(frame().assign(when=cells)))
    keys = {"task": ("g",), "x": ("when", "x"), "y": "y", "split_by": "g", "dates": ("when",)}
    with pytest.raises(DataError) as error:
        Table(str(path), **keys).problem  # noqa: B018
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_empty_dates_are_left_out(tmp_path):
    cells = ["NaT", "?", "", "NA", *(str(it) for it in WHEN[4:])]
    put(tmp_path, "d.csv", written(frame().assign(when=cells)))
    keys = 'path = "d.csv"\ndates = "when"\nmissing = "?"\ndrop_missing = true'
    _, notes = matrix(tmp_path, keys, x='"when"')
    assert "4 more left out" in notes[0]
    assert sniff(str(tmp_path / "d.csv")).missing == ("?", "NaT")


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
    assert "s.csv: column 'kind' holds 'new' in row 9, a" in words[0]
    assert "q.csv: column 'kind' holds 'new' in row 3, a category that no training row" in words[1]


def test_tasks_that_are_too_small_are_counted_before_training(tmp_path):
    put(tmp_path, "d.csv", written(frame()[:-6]))
    _, notes = matrix(tmp_path, 'path = "d.csv"\ntest = ["gé6", "gé7"]')
    assert "table: 1 test task left out at 2 shots, with no more than 2 points" in notes


def flowers(groups=9, rows=30, kinds=("seta", "versi", "virgin")):
    """Kinds are told apart by x and z; group 0 lacks one, group 1 has but two rows of another."""
    rng = np.random.default_rng(0)
    index = np.arange(groups * rows)
    kind = index % len(kinds)
    data = pd.DataFrame(
        {
            "g": [f"g{i // rows}" for i in index],
            "x": kind * 2.0 + rng.normal(0, 0.2, len(index)),
            "z": (index // rows) * 0.1 - kind + rng.normal(0, 0.2, len(index)),
            "kind": [kinds[number] for number in kind],
        }
    )
    lacks = (data["g"] == "g0") & (data["kind"] == kinds[0])
    rare = (data["g"] == "g1") & (data["kind"] == kinds[1])
    return data[~lacks & ~(rare & (rare.cumsum() > 2))]


@pytest.mark.parametrize("fields", [{}, {"ways": 2}])
def test_a_table_of_classes_keeps_the_laws(tmp_path, fields):
    flowers().to_csv(tmp_path / "d.csv", index=False)
    keys = {"x": ("x", "z"), "y": "kind", "split_by": "g", "categorical": ("kind",)}

    def make():
        splits = {"validation": ("g2", "g6"), "test": ("g1", "g5")}
        return Table(str(tmp_path / "d.csv"), task=("g",), **splits, **keys, **fields)

    assert not [check for check in check_family(make) if not check.passed]


def test_tasks_of_text_are_classified_and_those_without_a_class_left_out(tmp_path):
    flowers().to_csv(tmp_path / "d.csv", index=False)
    keys = 'path = "d.csv"\ncategorical = "kind"\ntest = ["g0", "g1", "g2"]'
    columns = {"x": '["x", "z"]', "y": '"kind"'}
    _, notes = matrix(tmp_path, keys, **columns)
    assert "table: column 'kind' holds 3 classes (seta, versi, virgin); a task is of 3" in notes
    assert any(
        it.startswith("table: 2 test tasks left out at 2 shots, with no more") for it in notes
    )
    folder = scored(tmp_path, keys, **columns)
    scores = pd.read_parquet(folder / "scores.parquet")
    assert {*scores["metric"]} == {"accuracy"}
    assert {*scores["group"]} == {"g2"}
    confusion = pd.read_parquet(folder / "confusion.parquet")
    assert {*confusion["true"]} <= {"seta", "versi", "virgin"}
    two, _ = matrix(tmp_path, keys, **columns, more="ways = 2")
    assert two[0].id != matrix(tmp_path, keys, **columns)[0][0].id
    family = Table(
        str(tmp_path / "d.csv"), task=("g",), x=("x",), y="kind", split_by="g", ways=2,
        test=("g0", "g1", "g2"),
    )  # fmt: skip
    assert (family.size("test", 2), family.left_out("test", 2)) == (3, 0)
    with pytest.raises(DataError, match="11 shots of 2 ways need tasks with 2 classes of at least"):
        family.sample(1, "test", generator_of(0), shots=11)


def test_classes_of_new_groups_are_predicted_by_name(tmp_path):
    flowers().to_csv(tmp_path / "d.csv", index=False)
    columns = {"x": '["x", "z"]', "y": '"kind"'}
    text = 'path = "d.csv"\ncategorical = "kind"'
    (tmp_path / "m.toml").write_text(
        MATRIX.replace('"maml"\nhidden = [4]', '"nearest_centroid"').replace(
            "tasks = 20", "tasks = 0"
        )
        + "\n".join(['task = "g"', *(f"{key} = {it}" for key, it in columns.items()), text])
    )
    (spec, *_) = expand(load_matrix(str(tmp_path / "m.toml")), Registry())
    (tmp_path / "trial").mkdir()
    assert run_trial(spec, Registry(), tmp_path / "trial")["status"] == "done"
    checkpoint = load_checkpoint(tmp_path / "trial", Registry())
    here = flowers().query("g == 'g5'")
    here[:7].to_csv(tmp_path / "s.csv", index=False)
    here[7:].drop(columns="kind").to_csv(tmp_path / "q.csv", index=False)
    predicted, words, _ = predict(checkpoint, tmp_path / "s.csv", tmp_path / "q.csv", None)
    assert (predicted["kind"].to_numpy() == here[7:]["kind"].to_numpy()).mean() > 0.9
    chances = predicted[[f"p({it})" for it in sorted({*here["kind"]})]]
    assert chances.sum(axis=1).to_numpy() == pytest.approx(1)
    assert (chances.idxmax(axis=1) == "p(" + predicted["kind"] + ")").all()
    assert len(words) == 1
    assert words[0].endswith("several times, so that each class weighs the same")
    here[:2].to_csv(tmp_path / "s.csv", index=False)
    with pytest.raises(DataError, match="holds 2 classes, and the learner tells 3 from each other"):
        predict(checkpoint, tmp_path / "s.csv", tmp_path / "q.csv", None)


NO_CLASSES = {
    "text without a key": ({"y": '"kind"'}, "", "or the column's name in categorical"),
    "too many ways": ({"y": '"kind"'}, "ways = 4", "holds 3 classes; expected at least 4, as ways"),
    "one way": ({"y": '"kind"'}, "ways = 1", "key 'ways': expected"),
    "one class": ({"y": '"g"', "task": '"kind"'}, "", "the target 'g' is also"),
}


@pytest.mark.parametrize("case", NO_CLASSES)
def test_classes_that_cannot_be_told_are_refused(tmp_path, case):
    columns, more, message = NO_CLASSES[case]
    flowers().to_csv(tmp_path / "d.csv", index=False)
    with pytest.raises((DataError, MatrixError)) as error:
        matrix(tmp_path, 'path = "d.csv"', **columns, more=more)
    assert message in str(error.value)


def test_learners_for_pictures_or_for_numbers_say_so_before_training(tmp_path):
    flowers().to_csv(tmp_path / "d.csv", index=False)
    text = MATRIX + 'task = "g"\nx = ["x", "z"]\ny = "kind"\npath = "d.csv"\nways = 3\n'
    for learner, message in (
        ('"protonet"', "learner 'protonet': its network is for pictures"),
        ('"maml"\nnetwork = "cnn4"', "learner 'maml': its network is for pictures"),
        ('"gp"', "learner 'gp' is not for classification"),
    ):
        (tmp_path / "m.toml").write_text(text.replace('"maml"\nhidden = [4]', learner))
        with pytest.raises(MatrixError, match=message):
            expand(load_matrix(str(tmp_path / "m.toml")), Registry())


TWO = {"y": '["y", "warmth"]'}


def test_several_targets_are_scored_and_predicted_each_in_its_own_units(tmp_path):
    data = frame()
    data["warmth"] = (300 + 40 * data["x"] - 5 * data["y"]).round(2)
    put(tmp_path, "d.csv", written(data))
    keys = 'path = "d.csv"\nunit = ["m", "K"]'
    folder = scored(tmp_path, keys, **TWO)
    scores = pd.read_parquet(folder / "scores.parquet")
    wide = scores[scores["steps"] == 1].pivot(index="task", columns="metric", values="value")
    sureness = {"nll", "crps", "coverage_90", "width_90"}
    assert {*wide} - sureness == {"nmse", "rmse of y", "rmse of warmth"}
    problem = json.loads((folder / "trial.json").read_text())["problem"]
    assert (problem["targets"], problem["units"]) == (["y", "warmth"], ["m", "K"])
    assert problem["metric"] == "nmse"
    checkpoint = load_checkpoint(folder, Registry())
    batch = Table(
        str(tmp_path / "d.csv"), task=("g",), x=("x",), y=("y", "warmth"), split_by="g"
    ).sample(len(wide), "test", generator_of(0), shots=2, queries=6)
    (answer,) = checkpoint.learner.adapt(batch.support, [1])
    values = score(answer(batch.query.x), batch, checkpoint.problem)
    error = (answer(batch.query.x) - batch.query.y).double() * torch.tensor(
        problem["target_scales"]
    )
    for number, name in enumerate(problem["targets"]):
        torch.testing.assert_close(
            values[f"rmse of {name}"], error[..., number].square().mean(1).sqrt()
        )
    support = put(tmp_path, "s.csv", written(data[:3]))
    query = put(tmp_path, "q.csv", written(data[3:8][["x"]]))
    predicted = predict(checkpoint, support, query, None).table
    assert list(predicted) == ["x", "y", "warmth"]
    assert 100 < predicted["warmth"].mean() < 500
    assert predicted["y"].abs().max() < 30


def test_one_target_in_brackets_is_one_target(tmp_path):
    (tmp_path / "d.csv").write_bytes(written(frame()))
    (one, *_), _ = matrix(tmp_path, 'path = "d.csv"')
    (other, *_), _ = matrix(tmp_path, 'path = "d.csv"', y='["y"]')
    assert one.id == other.id


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ('unit = ["m"]', "unit names 1 units for 2 targets; expected one for each"),
        ("ways = 2", "classes are of one target; y names 2"),
        ('unit = "m"', "unit names 1 units for 2 targets"),
    ],
)
def test_several_targets_that_cannot_be(tmp_path, keys, message):
    put(tmp_path, "d.csv", written(frame().assign(warmth=frame()["x"])))
    with pytest.raises(DataError, match=message):
        matrix(tmp_path, f'path = "d.csv"\n{keys}', **TWO)
