"""Where Omniglot is, and how its archives become one array."""

import csv
import io
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from benchmarks.core.errors import DataError
from benchmarks.tasks.fetch import cache_folder, check, data_folder, fetch, write_whole
from benchmarks.tasks.pictures import Pictures

HOME = "https://raw.githubusercontent.com/brendenlake/omniglot/master/python"
ARCHIVES = {
    "images_background.zip": "68d2efa1b9178cc56df9314c21c6e718",
    "images_evaluation.zip": "6b91aef0f799c5bb55b94e3f2daec811",
}
"""The MD5 checksums that torchvision knows them by too."""
ARRAY, LIST = "omniglot_28.npz", "characters.csv"
UNZIPPING = (zipfile.BadZipFile, zlib.error)
CHARACTERS, DRAWINGS, SIDE = 1623, 20, 28
WAYS_OUT = (
    "connect to the network and run again, or let REML_DATA name a folder in which "
    f"omniglot/ holds {ARRAY} and {LIST}, or {' and '.join(ARCHIVES)}"
)


@dataclass(frozen=True)
class Omniglots:
    """All characters, called alphabet/character, and which of them are the background set."""

    pictures: Pictures
    background: frozenset[str]
    digest: str


def find() -> Path:
    """The folder with the array: under REML_DATA, or in the user's cache, made there if need be.

    Raises:
        DataError: there are no data and no network, or the data are damaged.
    """
    cached, root = cache_folder("omniglot"), data_folder()
    given = None if root is None else root / "omniglot"
    if given is not None and (given / ARRAY).is_file():
        return given
    if not (cached / ARRAY).is_file():
        convert([_archive(name, given, cached) for name in ARCHIVES], cached)
    return cached


def _archive(name: str, given: Path | None, cached: Path) -> Path:
    if given is None or not (given / name).is_file():
        return fetch(f"{HOME}/{name}", ARCHIVES[name], cached, WAYS_OUT)
    check(given / name, ARCHIVES[name])
    return given / name


def convert(archives: list[Path], folder: Path) -> None:
    """Make the array and the list of its characters out of the original archives.

    Raises:
        DataError: an archive is damaged, or the folder cannot be written.
    """
    lines, drawings = [("char_id", "split", "alphabet", "folder")], []
    for archive in archives:
        for name, drawn in read_archive(archive):
            alphabet, _, character = name.partition("/")
            lines.append((str(len(lines)), archive.stem.partition("_")[2], alphabet, character))
            drawings.append(drawn)
    images = np.stack(drawings)

    def write_list(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(lines)

    # the array comes last: where it is, all is
    write_whole(folder / LIST, write_list)
    write_whole(folder / ARRAY, lambda path: np.savez_compressed(path, images=images))


def read_archive(path: Path) -> list[tuple[str, np.ndarray]]:
    """The name of every character and its drawings, (drawings, 28, 28) with ink at 255, sorted.

    Raises:
        DataError: the archive is damaged.
    """
    files: dict[str, list[str]] = defaultdict(list)
    try:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.namelist()):
                where = PurePosixPath(member)
                if where.suffix == ".png":
                    files["/".join(where.parts[-3:-1])].append(member)
            return [
                (name, np.stack([_shrink(archive.read(member)) for member in files[name]]))
                for name in sorted(files)
            ]
    except (OSError, EOFError, ValueError, *UNZIPPING) as error:
        raise DataError(f"{path}: is not an archive of Omniglot ({error})") from error


def _shrink(png: bytes) -> np.ndarray:
    """A drawing in 28×28; in grey first, as one of 1 bit would lose its ink to the resizing."""
    with Image.open(io.BytesIO(png)) as picture:
        grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(ImageOps.invert(grey))


@cache
def read(folder: Path) -> Omniglots:
    """What the folder holds, once for each process.

    Raises:
        DataError: it is not what `convert` writes.
    """
    images, lines = _read_array(folder / ARRAY), _read_list(folder / LIST)
    try:
        names = [f"{line['alphabet']}/{line['folder']}" for line in lines]
        sets = [line["split"] for line in lines]
    except KeyError as error:
        raise DataError(f"{folder / LIST}: no column {error}") from None
    by_name: Mapping[str, np.ndarray] = dict(zip(names, images, strict=False))
    if len(by_name) != CHARACTERS or len(names) != CHARACTERS:
        raise DataError(
            f"{folder / LIST}: expected {CHARACTERS:,} lines, one for each character, got "
            f"{len(names):,} with {len(by_name):,} different ones"
        )
    pictures = Pictures.stacked(by_name, (1, SIDE, SIDE))
    background = frozenset(n for n, kind in zip(names, sets, strict=True) if kind == "background")
    return Omniglots(pictures, background, pictures.digest())


def _read_array(path: Path) -> np.ndarray:
    expected = (CHARACTERS, DRAWINGS, SIDE, SIDE)
    try:
        with np.load(path) as file:
            images: np.ndarray = file["images"]
    except (OSError, EOFError, LookupError, TypeError, ValueError, *UNZIPPING) as error:
        raise DataError(f"{path}: is damaged ({error}); remove it, and it is made again") from error
    if images.shape != expected or images.dtype != np.uint8:
        raise DataError(
            f"{path}: expected images of shape {expected} and uint8, got {images.shape} and "
            f"{images.dtype}; remove it, and it is made again"
        )
    return images


def _read_list(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
