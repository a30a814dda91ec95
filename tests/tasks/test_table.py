"""Tasks of the rows of a table."""

import dataclasses
import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from towns import frame

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError
from benchmarks.tasks.splitting import SPLITS
from benchmarks.tasks.table import Table

ROOT = Path(__file__).parents[2]
MATRIX = ROOT / "benchmarks" / "matrices" / "metoffice.toml"
SHARED = ROOT.parent / "shared"


def targets(family, split="train", n=None, shots=2, queries=100, seed=0):
    """The targets, in their own units, of all points drawn, one row a task; NaN where masked."""
    n = family.size(split, shots) if n is None else n
    batch = family.sample(n, split, generator_of(seed), shots=shots, queries=queries)
    query = batch.query.y.masked_fill(~batch.query.mask.unsqueeze(2), math.nan)
    problem = family.problem
    return torch.cat([batch.support.y, query], 1)[..., 0] * problem.target_scale + (
        problem.target_offset
    )


def test_construction_reads_nothing():
    Table("no/such/file.csv", task=("a",), x=("b",), y="c", split_by="d")


def test_a_task_is_what_shares_the_task_columns(table):
    y = targets(table(), queries=4)
    assert y.shape == (6 * 3, 6)  # of 10 groups, 2 validate and 2 test
    for row in y.round().int().tolist():
        first = min(row)
        assert first % 10 == 0
        assert sorted(row) == list(range(first, first + 6))


def test_tasks_are_called_by_their_columns_and_grouped_by_the_split(table):
    family = table()
    batch = family.sample(6, "test", generator_of(0), shots=2, queries=4)
    y = batch.query.y[:, 0, 0] * family.problem.target_scale + family.problem.target_offset
    for name, group, value in zip(batch.names, batch.groups, y.round().int().tolist(), strict=True):
        assert (name, group) == (f"{value // 100}, {value % 100 // 10}", str(value // 100))
    assert {*batch.groups} == {*family.groups("test")}
    assert family.grouped_by == "group"
    alone = table(task=("group",)).sample(2, "test", generator_of(0), shots=2)
    assert alone.names == alone.groups


def test_points_are_drawn_anew_and_tasks_once(table):
    family = table()
    one, two = targets(family, seed=1), targets(family, seed=2)
    assert not torch.equal(one.sort().values, two.sort().values)  # another order of tasks
    assert not torch.equal(one[:, 0] % 10, two[:, 0] % 10)  # and of rows
    assert len(set(one.min(1).values.tolist())) == len(one)


def test_more_tasks_than_there_are_come_again_only_after_all(table):
    family = table(frame(groups=3, tasks=4), validation=(0,), test=(1,))
    first = targets(family, n=6).min(1).values.round().tolist()
    assert sorted(first[:4]) == [200, 210, 220, 230]
    assert len(set(first[4:])) == 2


def test_the_same_generator_visits_the_same_tasks_at_every_k(table):
    family = table()
    few, many = (targets(family, shots=k, n=5) for k in (1, 5))
    torch.testing.assert_close(few.nan_to_num(1e9).min(1), many.nan_to_num(1e9).min(1))
    torch.testing.assert_close(few[:, :1], many[:, :1])


def test_splits_are_whole_groups_and_do_not_depend_on_the_order_of_rows(table):
    data = frame()
    one, two = table(data), table(data.sample(frac=1, random_state=1), file="shuffled.csv")
    groups = [one.groups(split) for split in SPLITS]
    assert [len(g) for g in groups] == [6, 2, 2]
    assert sorted(sum(groups, ())) == sorted(map(str, range(10)))
    assert groups == [two.groups(split) for split in SPLITS]
    assert one.groups("test") != dataclasses.replace(one, split_seed=1).groups("test")
    for split in SPLITS:
        seen = {str(int(y // 100)) for y in targets(one, split).flatten().tolist()}
        assert seen == set(one.groups(split))


def test_named_groups_are_taken_and_the_rest_trains(table):
    family = table(test=(3, "4"), validation=(0,))
    assert family.groups("test") == ("3", "4")
    assert family.groups("validation") == ("0",)
    assert len(family.groups("train")) == 7
    only = table(train=(1,), test=(2,), validation=(0,))
    assert only.groups("train") == ("1",)


def test_only_the_training_split_standardises(table):
    data = frame()
    family = table(data, x=("x", "row"))
    train = data[data["group"].astype(str).isin(family.groups("train"))]
    problem = family.problem
    assert problem.inputs == ("x", "row")
    assert problem.input_offset == pytest.approx((train["x"].mean(), 2.5))
    assert problem.input_scale == pytest.approx((train["x"].std(ddof=0), np.std(range(6))))
    assert problem.target_offset == pytest.approx(train["y"].mean())
    assert problem.target_scale == pytest.approx(train["y"].std(ddof=0))
    assert (problem.metric, problem.target, problem.outputs) == ("rmse", "y", 1)
    batch = family.sample(family.size("train", 5), "train", generator_of(0), shots=5, queries=9)
    x = torch.cat([batch.support.x, batch.query.x], 1).flatten(0, 1)
    torch.testing.assert_close(x.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(2))


def test_constant_columns_are_only_shifted(table):
    family = table(frame().assign(x=0.1))
    assert family.problem.input_offset == pytest.approx((0.1,))
    assert family.problem.input_scale == (1.0,)
    x = family.sample(18, "train", generator_of(0), shots=2, queries=4).support.x
    torch.testing.assert_close(x, torch.zeros(18, 2, 1))


def test_categories_are_those_of_the_training_split(table):
    data = frame()
    data.loc[data["group"] == 9, "colour"] = "green"
    family = table(data, x=("colour", "x"), categorical=("colour",), test=(9,))
    assert family.problem.inputs == ("colour=blue", "colour=red", "x")
    assert family.problem.input_scale[:2] == (1.0, 1.0)
    train = family.sample(4, "train", generator_of(0), shots=2, queries=2).support.x
    assert (train[..., :2].sum(2) == 1).all()
    unseen = family.sample(3, "test", generator_of(0), shots=2, queries=2).support.x
    assert (unseen[..., :2] == 0).all()


def test_na_is_a_category_but_no_number(table):
    data = frame().assign(colour=np.where(frame()["row"] % 2, "NA", "blue"))
    family = table(data, x=("colour",), categorical=("colour",))
    assert family.problem.inputs == ("colour=NA", "colour=blue")
    holey = table(data.assign(x=["NA", "NaN", *data["x"].astype(str)[2:]]))
    with pytest.raises(DataError, match="column 'x' is empty in 2 of 180 rows"):
        holey.size("train", 1)


def test_numbers_may_be_categories(table):
    family = table(x=("row",), categorical=("row",))
    assert family.problem.inputs == tuple(f"row={i}" for i in range(6))


def test_short_tasks_are_left_out_and_counted(table):
    data = frame(groups=3, tasks=4)
    data = data[(data["task"] != 2) | (data["row"] < 3)]
    family = table(data)
    assert [family.size("test", k) for k in (2, 3, 5, 6)] == [4, 3, 3, 0]
    assert [family.left_out("test", k) for k in (2, 3, 5, 6)] == [0, 1, 1, 4]
    assert 20 not in (targets(family, "test", shots=3).nan_to_num(0) % 100 // 10 * 10).unique()
    with pytest.raises(DataError, match="6 shots need tasks of at least 7 rows, but the largest"):
        family.sample(1, "test", generator_of(0), shots=6, queries=1)


def test_short_query_sets_are_masked_and_repeat_a_point(table):
    data = frame(groups=3, tasks=4)
    data = data[(data["task"] != 2) | (data["row"] < 3)]
    query = table(data).sample(4, "test", generator_of(0), shots=2, queries=3).query
    assert sorted(query.mask.sum(1).tolist()) == [1, 3, 3, 3]
    short = int(query.mask.sum(1).argmin())
    assert query.y[short].unique().numel() == 1


def test_csv_and_parquet_give_the_same_tasks(table):
    data = frame()
    csv, parquet = table(data), table(data, file="data.parquet")
    assert csv.problem == parquet.problem
    torch.testing.assert_close(targets(csv), targets(parquet), rtol=0, atol=0)


def test_missing_cells_are_left_out_and_counted_if_asked(table):
    data = frame()
    data.loc[[0, 7], "y"] = np.nan
    data.loc[7, "x"] = np.nan
    for file in ("gaps.csv", "gaps.parquet"):
        family = table(data, file=file, drop_missing=True)
        assert family.dropped_rows == 2
        with pytest.raises(DataError, match=f"{file}: column 'x' is empty in 1 of 180 rows; set"):
            dataclasses.replace(family, drop_missing=False).problem  # noqa: B018


def test_missing_whole_numbers_in_parquet_leave_the_names_of_groups_alone(table):
    data = frame()
    data["group"] = data["group"].astype("Int64")
    data.loc[0, "group"] = None
    family = table(data, file="gaps.parquet", drop_missing=True)
    assert {*family.groups("test")} < {*map(str, range(10))}


def test_the_fingerprint_is_that_of_the_content(table):
    data = frame()
    one, same = table(data), table(data, file="copy.csv")
    other = table(data.assign(y=data["y"] + 1), file="other.csv")
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 64


def test_bools_are_categories(table):
    data = frame().assign(flag=frame()["row"] > 2)
    with pytest.raises(DataError, match="column 'flag' holds 'False' in row 1"):
        table(data, file="flags.parquet", x=("flag",)).problem  # noqa: B018
    family = table(data, file="flags.parquet", x=("flag",), categorical=("flag",))
    assert family.problem.inputs == ("flag=False", "flag=True")


@pytest.mark.skipif(not SHARED.exists(), reason="the shared Met Office data is not here")
def test_met_office_temperatures():
    (fields,) = tomllib.loads(MATRIX.read_text(encoding="utf-8"))["family"]
    assert fields.pop("name") == "table"
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    family = Table(**{**fields, **lists, "path": str(SHARED / "data" / fields["path"])})
    assert family.problem.unit == "°C"
    assert family.dropped_rows == 928
    assert [len(family.groups(split)) for split in SPLITS] == [22, 6, 9]
    assert [family.size(split, 5) for split in SPLITS] == [2036, 538, 653]
    assert [family.left_out(split, 5) for split in SPLITS] == [9, 6, 5]
    batch = family.sample(653, "test", generator_of(0), shots=5, queries=20)
    assert batch.query.x.shape == (653, 7, 1)
    celsius = targets(family, "test").nan_to_num(10.0)
    assert -5 < celsius.min() < 5
    assert 20 < celsius.max() < 30
