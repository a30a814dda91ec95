"""How Omniglot comes: downloaded and converted once, and what is wrong is said."""

import re
import zipfile
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
from alphabets import ARCHIVES, complaint

from benchmarks.core.errors import DataError
from benchmarks.tasks import omniglot_files
from benchmarks.tasks.omniglot import Omniglot
from benchmarks.tasks.omniglot_files import ARRAY, LIST, find, read, read_archive

BACKGROUND, EVALUATION = "images_background.zip", "images_evaluation.zip"


def cached(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


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
