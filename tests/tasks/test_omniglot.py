import io
import re
import threading
import zipfile
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.core import generator_of
from benchmarks.core.errors import DataError
from benchmarks.tasks import omniglot_files
from benchmarks.tasks.omniglot import Omniglot, alphabet_of
from benchmarks.tasks.omniglot_files import ARRAY, LIST, find, read, read_archive

DATA = Path(__file__).parents[3] / "shared" / "data"
ORIGINAL = DATA / "omniglot" / "images_background_small1.zip"
with_data = pytest.mark.skipif(
    not (DATA / "omniglot").is_dir(), reason="no ../shared/data beside the project"
)
BACKGROUND, EVALUATION = "images_background.zip", "images_evaluation.zip"
ALPHABETS = {"background": [f"Alphabet_{i}" for i in range(6)], "evaluation": ["New_0", "New_1"]}
"""Of three characters with four drawings each: what the archives of these tests hold."""


def drawing(*names):
    """A 1-bit PNG of 105×105, as the originals are, that depends on the names."""
    ink = np.random.default_rng(list("/".join(map(str, names)).encode())).random((105, 105)) < 0.3
    file = io.BytesIO()
    Image.fromarray(~ink).save(file, "png")
    return file.getvalue()


def archive(kind):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for alphabet in reversed(ALPHABETS[kind]):
            for character in (2, 1, 3):
                for number in (4, 2, 1, 3):
                    name = f"{alphabet}/character{character:02}/0001_{number:02}.png"
                    zipped.writestr(f"images_{kind}/{name}", drawing(name))
    return file.getvalue()


ARCHIVES = {f"images_{kind}.zip": archive(kind) for kind in ALPHABETS}


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A home of a small Omniglot, an empty cache and no REML_DATA; what is served can change."""
    files, asked = dict(ARCHIVES), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.rpartition("/")[2]
            asked.append(name)
            self.send_response(200)
            self.send_header("Content-Length", str(len(ARCHIVES[name])))
            self.end_headers()
            self.wfile.write(files[name])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    checksums = {name: md5(content).hexdigest() for name, content in ARCHIVES.items()}
    monkeypatch.setattr(omniglot_files, "HOME", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(omniglot_files, "ARCHIVES", checksums)
    monkeypatch.setattr(omniglot_files, "CHARACTERS", 24)
    monkeypatch.setattr(omniglot_files, "DRAWINGS", 4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("REML_DATA", raising=False)
    yield files, asked
    server.shutdown()
    server.server_close()


def cached(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def complaint():
    with pytest.raises(DataError) as error:
        Omniglot().size("train", 1)
    return str(error.value)


def test_it_is_downloaded_and_converted_once(served, tmp_path):
    _, asked = served
    family = Omniglot(split="original")
    assert family.size("test", 3) is None
    assert asked == [BACKGROUND, EVALUATION]
    assert cached(tmp_path) == sorted([LIST, BACKGROUND, EVALUATION, ARRAY])
    read.cache_clear()
    assert Omniglot(split="original").fingerprint == family.fingerprint
    assert len(asked) == 2


def test_the_archives_may_lie_under_reml_data(served, tmp_path, monkeypatch):
    _, asked = served
    expected = Omniglot(split="original").fingerprint
    asked.clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("REML_DATA", str(tmp_path / "data"))
    for name, content in ARCHIVES.items():
        path = tmp_path / "data" / "omniglot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert Omniglot(split="original").fingerprint == expected
    assert not asked
    assert cached(tmp_path / "other") == [LIST, ARRAY]
    monkeypatch.setenv("REML_DATA", str(find().parent))  # what was made can be moved there
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none"))
    assert Omniglot(split="original").fingerprint == expected
    assert not asked


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


def test_no_network_and_no_data(served, monkeypatch, tmp_path):
    monkeypatch.setattr(omniglot_files, "HOME", "http://127.0.0.1:9")
    assert re.fullmatch(
        r"http://127.0.0.1:9/images_background.zip: cannot be downloaded \(ConnectionError\); "
        r"connect to the network and run again, or let REML_DATA name a folder in which "
        r"omniglot/ holds omniglot_28.npz and characters.csv, or images_background.zip and "
        r"images_evaluation.zip",
        complaint(),
    )
    assert not cached(tmp_path)


def test_a_truncated_download(served, tmp_path):
    files, asked = served
    files[EVALUATION] = files[EVALUATION][:-1000]
    assert f"{EVALUATION}: cannot be downloaded" in complaint()
    assert cached(tmp_path) == [BACKGROUND]
    files[EVALUATION] = ARCHIVES[EVALUATION]
    assert Omniglot(split="original").size("train", 1) is None
    assert asked == [BACKGROUND, EVALUATION, EVALUATION]


def test_a_wrong_checksum(served, tmp_path):
    files, _ = served
    files[BACKGROUND] = bytes(len(ARCHIVES[BACKGROUND]))
    expected = omniglot_files.ARCHIVES[BACKGROUND]
    assert f"{BACKGROUND}: what was downloaded does not have the MD5 checksum {expected}" in (
        complaint()
    )
    assert not cached(tmp_path)


def test_an_archive_of_the_users_with_a_wrong_checksum(served, tmp_path, monkeypatch):
    path = tmp_path / "omniglot" / BACKGROUND
    path.parent.mkdir()
    path.write_bytes(b"another")
    monkeypatch.setenv("REML_DATA", str(tmp_path))
    expected = omniglot_files.ARCHIVES[BACKGROUND]
    assert complaint() == (
        f"{path}: expected a file with the MD5 checksum {expected}, got "
        f"{md5(b'another').hexdigest()}"
    )
    assert not cached(tmp_path / "cache")


def test_an_archive_of_something_else(tmp_path):
    path = tmp_path / "other.zip"
    path.write_bytes(ARCHIVES[BACKGROUND][:5000])
    with pytest.raises(DataError, match=r"other\.zip: is not an archive of Omniglot"):
        read_archive(path)
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("images_background/Latin/character01/0001_01.png", b"no picture")
    with pytest.raises(DataError, match=r"other\.zip: is not an archive of Omniglot"):
        read_archive(path)


def test_a_cache_that_cannot_be_written(served, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "cannot be written (Not a directory)" in complaint()


def test_a_conversion_that_stops_leaves_nothing(served, tmp_path, monkeypatch):
    def stop(path, images):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", stop)
        assert complaint().endswith(f"{ARRAY}: cannot be written (No space left on device)")
    assert cached(tmp_path) == sorted([LIST, BACKGROUND, EVALUATION])
    assert Omniglot(split="original").size("test", 1) is None


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
