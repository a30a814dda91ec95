"""Tasks of an error matrix: a data set each, with the configurations of an algorithm."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from error_matrices import SVM, frame, header

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError
from benchmarks.harness.plan.fields import build
from benchmarks.tasks.oboe import Oboe, is_geometric
from benchmarks.tasks.splitting import SPLITS

MATRIX = Path(__file__).parents[3] / "shared" / "data" / "oboe" / "error_matrix.csv"


def points(family, split="train", shots=1):
    """All points of all tasks in their own units: x and error, one row a task."""
    n = family.size(split, shots)
    batch = family.sample(n, split, generator_of("oboe"), shots=shots, queries=100)
    problem = family.problem
    x, y = (torch.cat([getattr(batch.support, it), getattr(batch.query, it)], 1) for it in "xy")
    x = x * torch.tensor(problem.input_scale) + torch.tensor(problem.input_offset)
    y = y[..., 0] * problem.target_scale + problem.target_offset
    mask = torch.cat([torch.ones(n, shots, dtype=torch.bool), batch.query.mask], 1)
    return x, y.masked_fill(~mask, math.nan)


def test_a_task_is_a_data_set_and_its_points_are_the_algorithm_s_configurations(oboe):
    x, y = points(oboe())
    assert y.shape == (6, 8)  # of 10 data sets, 2 validate and 2 test
    for inputs, errors in zip(x, y, strict=True):
        assert len(errors.floor().unique()) == 1
        column = (errors.frac() * 100).round().int()
        assert column.sort().values.tolist() == list(range(8))
        torch.testing.assert_close(inputs[:, 0], (column // 2 - 1).float())  # log10 of 0.1 ... 100
        assert torch.equal(inputs[:, 1].round(), (column % 2 == 1).float())  # poly comes second


def test_inputs_are_what_varies(oboe):
    """C is geometric, n_neighbors even, the kernel a category, and tol always the same."""
    assert oboe().problem.inputs == ("log10(C)", "kernel=poly", "kernel=rbf")
    assert oboe("KNN").problem.inputs == ("n_neighbors", "p")
    assert oboe("Odd").problem.inputs == ("depth", "weights=None", "weights=same")
    problem = oboe().problem
    assert (problem.metric, problem.target, problem.outputs) == ("rmse", "error", 1)


def test_shares_of_a_data_set_are_no_counts(oboe):
    family = oboe("Tree")
    assert family.problem.inputs == ("log10(min_samples_split)",)
    x, _ = points(family)
    torch.testing.assert_close(10 ** x[0, :, 0].sort().values, torch.tensor([2.0, 4, 8, 16]))
    assert family.dropped_rows == 0


@pytest.mark.parametrize(
    ("grid", "geometric"),
    [
        ([1, 10, 100], True),
        ([0.125, 0.25, 0.5, 0.75, 1, 2, 4, 8, 16], True),
        ([0.001, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5], True),
        ([1, 1.5, 2, 2.5, 3], False),
        ([1, 3, 5, 7, 9, 11, 13, 15], False),
        ([50, 100], False),
        ([0, 1, 10, 100], False),
        ([-1, 1, 10], False),
    ],
)
def test_a_grid_is_geometric_or_not(grid, geometric):
    values = np.array(grid * 2, float)
    assert is_geometric(values) is geometric
    assert is_geometric(np.random.default_rng(0).permutation(values)) is geometric


def test_fixed_values_leave_one_curve(oboe):
    family = oboe(fixed={"kernel": "poly"})
    assert family.problem.inputs == ("log10(C)",)
    _, y = points(family)
    assert y.shape == (6, 4)
    assert ((y[0] % 1 * 100).round().int() % 2 == 1).all()
    assert oboe("KNN", fixed={"p": 2}).problem.inputs == ("n_neighbors",)
    assert oboe("KNN", fixed={"n_neighbors": 1}).problem.inputs == ("p",)
    assert oboe("Odd", fixed={"weights": "None"}).problem.inputs == ("depth",)


def test_a_matrix_file_can_say_what_is_fixed(oboe):
    fields = {"path": "a.csv", "algorithm": "SVM", "fixed": {"kernel": "rbf", "C": 1, "tol": 0.1}}
    made = build(Oboe, {}, fields, "here")
    assert made == Oboe("a.csv", "SVM", fixed={"kernel": "rbf", "C": 1, "tol": 0.1})


def test_missing_cells_are_left_out_and_counted(oboe):
    data = frame().astype(object)
    for row, column, cell in ((0, 0, None), (0, 3, "NA"), (4, 7, "nan"), (4, 8, None)):
        data.iloc[row, column] = cell
    data.iloc[6, :8] = None
    family = oboe(data=data)
    assert family.dropped_rows == 3 + 8  # the one in another algorithm's column does not count
    assert "00006" not in sum((family.groups(split) for split in SPLITS), ())
    with pytest.raises(DataError, match="8 shots need tasks of at least 9 rows"):
        family.sample(1, "train", generator_of("oboe"), shots=8)
    there = [~points(family, split)[1].isnan() for split in SPLITS]
    counts = torch.cat([rows.sum(1) for rows in there]).sort().values
    assert counts.tolist() == [6, 7, 8, 8, 8, 8, 8, 8, 8]


def test_a_data_set_that_is_there_twice_counts_once(oboe):
    """Else a task of the training split could be at test again, under another name."""
    data = frame()
    data.loc["00002"] = data.loc["00007"]
    data.loc["00009"] = data.loc["00007"]
    data.loc["00005", SVM] = data.loc["00007", SVM].to_numpy()  # only as far as SVM can tell
    for rows in (data, data.sample(frac=1, random_state=1)):
        family = oboe(data=rows)
        assert family.repeats == ("00007", "00009")
        groups = sum((family.groups(split) for split in SPLITS), ())
        assert sorted(groups) == [n for n in data.index if n not in family.repeats]
        assert family.dropped_rows == 0
        with pytest.raises(DataError, match="which the first column, repeats left out, does not"):
            dataclasses.replace(family, test=("00007",)).size("test", 1)
    assert oboe().repeats == ()


def test_data_sets_without_any_error_are_no_repeats(oboe):
    data = frame()
    data.loc[["00002", "00003"]] = None
    assert oboe(data=data).repeats == ()


def test_splits_are_whole_data_sets_whatever_their_order(oboe):
    family = oboe()
    groups = [family.groups(split) for split in SPLITS]
    assert [len(names) for names in groups] == [6, 2, 2]
    assert sorted(sum(groups, ())) == list(frame().index)
    for split in SPLITS:
        errors = points(family, split)[1]
        assert {f"{int(error):05}" for error in errors.flatten()} == {*family.groups(split)}
    shuffled = oboe(data=frame().sample(frac=1, random_state=1))
    assert [shuffled.groups(split) for split in SPLITS] == groups
    assert oboe(split_seed=1).groups("test") != family.groups("test")
    assert oboe(test=("00003",)).groups("test") == ("00003",)


def test_only_the_training_split_standardises(oboe):
    family = oboe(fixed={"kernel": "poly"})
    train = frame().loc[list(family.groups("train")), SVM[1::2]].to_numpy()
    problem = family.problem
    assert problem.target_offset == pytest.approx(train.mean())
    assert problem.target_scale == pytest.approx(train.std())
    assert problem.input_offset == pytest.approx((0.5,))
    assert problem.input_scale == pytest.approx((np.std([-1, 0, 1, 2]),))


def test_the_fingerprint_is_that_of_the_content(oboe):
    one = oboe().fingerprint
    assert one == oboe("Tree").fingerprint
    assert one != oboe(data=frame() + 1).fingerprint
    assert len(one) == 64


def test_construction_reads_nothing():
    Oboe("no/such/file.csv", "SVM")


@pytest.mark.skipif(not MATRIX.exists(), reason="no ../shared/data beside the project")
def test_the_error_matrix_of_oboe():
    family = Oboe(str(MATRIX), "DT")
    assert family.problem.inputs == ("log10(min_samples_split)",)
    assert len(family.repeats) == 10  # of 418
    assert [len(family.groups(split)) for split in SPLITS] == [245, 61, 102]
    assert [family.size(split, 5) for split in SPLITS] == [245, 61, 102]
    assert family.size("test", 10) == 0
    assert family.dropped_rows == 0
    x, y = points(family, "test")
    torch.testing.assert_close(10 ** x[0, :, 0].sort().values, 2.0 ** torch.arange(1, 11))
    assert 0 <= y.min() < 0.01
    assert 0.6 < y.max() <= 1
    support_vectors = dataclasses.replace(family, algorithm="kSVM", fixed={"kernel": "rbf"})
    assert support_vectors.problem.inputs == ("log10(C)", "coef0")
    three = [header("AB", n_estimators=50, learning_rate=rate) for rate in (1, 1.5, 2)]
    errors = pd.read_csv(MATRIX, index_col=0, dtype={0: str}).loc["00003", three]
    named = dataclasses.replace(family, algorithm="AB", fixed={"n_estimators": 50}, test=("3", 8))
    with pytest.raises(DataError, match="test names '3', which the first column, repeats left"):
        named.size("test", 1)
    boosted = dataclasses.replace(named, test=("00003",))
    x, y = points(boosted, "test")
    found = dict(zip(x[0, :, 0].round(decimals=3).tolist(), y[0].tolist(), strict=True))
    assert [found[rate] for rate in (1, 1.5, 2)] == pytest.approx(list(errors), abs=1e-5)
