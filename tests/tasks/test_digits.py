import pytest
import torch
from sklearn.datasets import load_digits

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError
from benchmarks.tasks.digits import Digits
from benchmarks.testing import check_family


def draw(family, split, **sizes):
    return family.sample(30, split, generator_of("digits"), shots=1, queries=6, **sizes)


def test_ten_digits_are_split_by_the_seed():
    classes = Digits(rotations="none").classes
    assert [len(classes[split]) for split in ("train", "validation", "test")] == [4, 3, 3]
    assert sorted(name for names in classes.values() for name in names) == list("0123456789")
    assert len({Digits(split_seed=seed).classes["test"] for seed in range(10)}) > 5


@pytest.mark.parametrize(
    ("rotations", "train", "test"), [("none", 4, 3), ("train", 16, 3), ("all", 16, 12)]
)
def test_rotations_make_classes(rotations, train, test):
    family = Digits(rotations=rotations)
    for split, number in (("train", train), ("test", test)):
        assert len(family.classes[split]) == number
        ids = draw(family, split).support.privileged["class"]
        assert ids.unique().tolist() == list(range(number))


def test_examples_are_those_of_scikit_learn():
    family = Digits()
    pixels, digit = load_digits(return_X_y=True)
    known = {tuple(row): str(label) for row, label in zip(pixels, digit, strict=True)}
    batch = draw(family, "test")
    assert (float(batch.query.x.min()), float(batch.query.x.max())) == (0.0, 1.0)
    ids = batch.support.privileged["class"].gather(1, batch.query.y.argmax(2))
    for picture, number in zip(batch.query.x.flatten(0, 1), ids.flatten(), strict=True):
        assert known[tuple((picture * 16).tolist())] == family.classes["test"][number]


def test_more_digits_to_test_on_make_more_sets_of_them():
    family = Digits(test_classes=5)
    assert [len(family.classes[split]) for split in ("train", "validation", "test")] == [8, 3, 5]
    groups = set(family.sample(200, "test", generator_of("sets"), shots=1, queries=6).groups)
    assert len(groups) == 10  # of three digits out of five
    assert family.notes() == []
    (note,) = Digits().notes()
    assert note.startswith("3 test classes make 1 set of 3, ")
    assert "1 group, too few" in note
    with pytest.raises(ValueError, match="at most 9, so that a digit is left to train on, got 10"):
        Digits(test_classes=7)


def test_tasks_of_the_same_digits_are_one_group():
    batch = draw(Digits(), "test")
    assert set(batch.groups) == {", ".join(sorted(Digits().classes["test"]))}
    assert batch.names == batch.groups
    assert len(set(draw(Digits(rotations="none"), "train").groups)) == 4  # of 3 out of 4 digits
    turned = draw(Digits(ways=16), "train")
    assert set(turned.names) == {", ".join(sorted(Digits(ways=16).classes["train"]))}


def test_no_problem_is_worth_reading_for():
    problem = Digits(ways=4).problem
    assert (problem.image, problem.features, problem.outputs) == ((1, 8, 8), 64, 4)
    assert problem.kind == "classification"


def test_more_ways_than_digits():
    assert Digits(ways=4).size("test", 1) == 0
    assert Digits(ways=4).size("train", 1) is None
    with pytest.raises(
        DataError, match=r"^digits: 4 ways need at least 4 classes, but the test split has 3$"
    ):
        draw(Digits(ways=4), "test")
    assert draw(Digits(), "train", ways=16).support.y.shape == (30, 16, 16)
    with pytest.raises(DataError, match=r"17 ways .* the train split has 16$"):
        draw(Digits(), "train", ways=17)


def test_more_shots_than_pictures():
    family = Digits(rotations="none")
    assert (family.size("train", 200), family.left_out("train", 200)) == (0, 4)
    with pytest.raises(DataError, match=r"^digits: 200 shots .* 201 pictures, and 3 ways 3 such"):
        family.sample(1, "train", generator_of(0), shots=200, queries=3)


def test_the_laws_hold_with_rotations_everywhere():
    broken = [c for c in check_family(lambda: Digits(rotations="all", ways=5)) if not c.passed]
    assert not broken


def test_the_nearest_picture_is_of_the_same_digit():
    batch = Digits().sample(200, "test", generator_of("nearest"), shots=1, queries=15)
    nearest = torch.cdist(batch.query.x, batch.support.x).argmin(2, keepdim=True)
    label = batch.support.y.argmax(2).gather(1, nearest.squeeze(2))
    assert float((label == batch.query.y.argmax(2)).double().mean()) > 0.7
