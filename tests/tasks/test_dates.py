"""Columns of any type give the same tasks: numbers as texts or missing, dates, times of day."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from user_tables import drawn, frame, matrix, put, scored, usual, written

from benchmarks.core.errors import DataError
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict
from benchmarks.tasks.sniffing import sniff
from benchmarks.tasks.table import Table

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
