"""Omniglot from its array or archives: splits, drawings, and what does not fit."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from alphabets import ALPHABETS, complaint, drawing
from PIL import Image

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError
from benchmarks.tasks.omniglot import Omniglot, alphabet_of
from benchmarks.tasks.omniglot_files import ARRAY, LIST, find, read, read_archive

DATA = Path(__file__).parents[3] / "shared" / "data"
ORIGINAL = DATA / "omniglot" / "images_background_small1.zip"
with_data = pytest.mark.skipif(
    not (DATA / "omniglot").is_dir(), reason="no ../shared/data beside the project"
)


def test_the_original_split_is_by_alphabet(served):
    family = Omniglot(split="original", rotations="none")
    alphabets = {split: {*map(alphabet_of, names)} for split, names in family.classes.items()}
    assert alphabets["test"] == {"New_0", "New_1"}
    assert len(alphabets["train"]) == 1
    assert len(alphabets["validation"]) == 5
    assert alphabets["train"] | alphabets["validation"] == {*ALPHABETS["background"]}
    assert {len(names) for names in family.classes.values()} == {3, 6, 15}
    others = {
        Omniglot(split="original", split_seed=seed, rotations="none").classes["train"]
        for seed in range(20)
    }
    assert len(others) > 3
    assert family.grouped_by == "set of alphabets"
    groups = family.sample(200, "test", generator_of(0), shots=1, queries=5).groups
    assert set(groups) == {"New_0, New_1"}  # of six characters, any five are of both


def test_every_drawing_is_where_it_belongs(served):
    found = read(find()).pictures
    place = found.names.index("Alphabet_3/character02")
    rows = found.pixels[found.first[place] : found.first[place] + 4]
    for number, row in enumerate(rows.unflatten(1, (28, 28)).numpy(), 1):
        png = drawing(f"Alphabet_3/character02/0001_{number:02}.png")
        grey = Image.open(io.BytesIO(png)).convert("L")
        small = grey.resize((28, 28), Image.Resampling.LANCZOS)
        assert np.array_equal(row, 255 - np.asarray(small))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive", "is damaged"),
        (b"", "is damaged"),
        ({"images": np.zeros((24, 4, 28, 27), np.uint8)}, r"got \(24, 4, 28, 27\) and uint8"),
        ({"images": np.zeros((24, 4, 28, 28))}, r"got \(24, 4, 28, 28\) and float64"),
        ({"others": np.zeros(3)}, "is damaged"),
        (np.zeros(3), "is damaged"),
    ],
)
def test_an_array_that_is_none(served, tmp_path, monkeypatch, content, said):
    path = tmp_path / "omniglot" / ARRAY
    path.parent.mkdir()
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        np.savez(path, **content)
    else:
        with path.open("wb") as file:
            np.save(file, content)
    monkeypatch.setenv("REML_DATA", str(tmp_path))
    assert re.match(f"{path}: .*{said}.*; remove it, and it is made again$", complaint())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("split,alphabet,folder\nbackground,Latin,character01\n", "got 1 with 1 different ones"),
        ("split,alphabet,folder\n" + "a,b,c\n" * 24, "got 24 with 1 different ones"),
        ("alphabet,folder\nLatin,character01\n", "no column 'split'"),
    ],
)
def test_a_list_that_does_not_fit(served, text, said):
    path = find() / LIST
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert complaint().startswith(f"{path}: ")
    assert said in complaint()


def test_more_ways_than_characters(served):
    with pytest.raises(DataError, match=r"^omniglot: 16 ways .* the validation split has 15$"):
        Omniglot(split="original").sample(1, "validation", generator_of(0), ways=16)


def test_more_shots_than_drawings(served):
    family = Omniglot(split="original")
    assert family.left_out("test", 4) == 6
    with pytest.raises(
        DataError,
        match=r"^omniglot: 4 shots need classes of at least 5 pictures, and 5 ways 5 such classes, "
        r"but the test split has 0; its smallest, 'New_0/character01', has 4$",
    ):
        family.sample(1, "test", generator_of(0), shots=4)


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setenv("REML_DATA", str(DATA))


@with_data
def test_the_real_characters_are_split_as_in_the_papers(real):
    family = Omniglot()
    assert {split: len(names) for split, names in family.classes.items()} == {
        "train": 4 * 1100,
        "validation": 100,
        "test": 423,
    }
    original = Omniglot(split="original", rotations="none").classes
    assert len(original["test"]) == 659
    assert len(original["train"]) + len(original["validation"]) == 964
    assert len({*map(alphabet_of, original["train"])}) == 25


@with_data
def test_a_batch_of_real_characters(real):
    batch = Omniglot(ways=20).sample(8, "train", generator_of(0), shots=5, queries=100)
    assert batch.support.x.shape == (8, 100, 784)
    assert batch.query.x.shape == (8, 100, 784)
    assert (float(batch.query.x.min()), float(batch.query.x.max())) == (0.0, 1.0)
    ink = batch.query.x.mean()
    assert 0.05 < float(ink) < 0.15  # paper is 0
    nearest = torch.cdist(batch.query.x, batch.support.x).argmin(2)
    label = batch.support.y.argmax(2).gather(1, nearest)
    assert float((label == batch.query.y.argmax(2)).double().mean()) > 0.35  # by chance 0.05


@with_data
def test_originals_are_converted_to_the_very_bytes_of_the_array(real, tmp_path):
    with zipfile.ZipFile(ORIGINAL) as whole, zipfile.ZipFile(tmp_path / "some.zip", "w") as some:
        for member in whole.namelist():
            if "/character07/" in member:
                some.writestr(member, whole.read(member))
    found = read_archive(tmp_path / "some.zip")
    assert len(found) == 5  # one of each alphabet
    pictures = read(DATA / "omniglot").pictures
    for name, drawings in found:
        first = int(pictures.first[pictures.names.index(name)])
        rows = pictures.pixels[first : first + 20].unflatten(1, (28, 28)).numpy()
        assert np.array_equal(rows, drawings), name
