"""What a table may have as its target: classes as texts, or several numbers."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from user_tables import MATRIX, frame, matrix, put, scored, written

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError, MatrixError
from benchmarks.harness.evaluation.evaluator import score
from benchmarks.harness.plan.expand import expand
from benchmarks.harness.plan.matrix import load_matrix
from benchmarks.harness.plan.registry import Registry
from benchmarks.harness.predict.checkpoint import load_checkpoint
from benchmarks.harness.predict.new_task import predict
from benchmarks.harness.trial.trial import run_trial
from benchmarks.tasks.table import Table
from benchmarks.testing import check_family


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
    predicted, words, *_ = predict(checkpoint, tmp_path / "s.csv", tmp_path / "q.csv", None)
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
