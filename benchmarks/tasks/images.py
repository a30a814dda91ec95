"""Pictures of the user's own: a folder that holds a folder of pictures for each class."""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal, final

import numpy as np
from annotated_types import Ge, Gt, Lt
from PIL import Image, ImageOps

from benchmarks.core import Split
from benchmarks.core.errors import DataError
from benchmarks.tasks.fetch import cache_folder, write_whole
from benchmarks.tasks.names import plain
from benchmarks.tasks.pictures import PictureFamily, Pictures, Rotations, cut

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
Colour = Literal["grey", "rgb"]
Fraction = Annotated[float, Gt(0), Lt(1)]


@final
@dataclass(frozen=True)
class Images(PictureFamily):
    """Tell the classes of a folder apart: `path/CLASS/*.png`, `*.jpg` and so on.

    Every picture is stretched to a square; what is transparent is white. Pixels go from 0 (black)
    to 1 (white), for each colour. Whole classes go to one split, by their names and `split_seed`
    alone. Decoded pictures are kept in the user's cache. Files with another suffix than those in
    `SUFFIXES`, and those in folders further down, are no pictures.

    Attributes:
        path: the folder of class folders, read on first use.
        ways: classes of a task.
        side: height and width that pictures are brought to, in pixels.
        colour: "grey" makes one channel, "rgb" three.
        rotations: where pictures turned by multiples of 90° are classes of their own.
        validation_fraction: the share of all classes that is for validation.
        test_fraction: the share of all classes that is for the test.
        split_seed: which classes those are.
    """

    path: str
    ways: Annotated[int, Ge(2)] = 5
    side: Annotated[int, Ge(4)] = 28
    colour: Colour = "grey"
    rotations: Rotations = "none"
    validation_fraction: Fraction = 0.15
    test_fraction: Fraction = 0.25
    split_seed: Annotated[int, Ge(0)] = 0

    name: ClassVar[str] = "images"
    version: ClassVar[int] = 1

    @property
    def source(self) -> str:
        return self.path

    @property
    def image(self) -> tuple[int, int, int]:
        return 1 if self.colour == "grey" else 3, self.side, self.side

    @cached_property
    def fingerprint(self) -> str:
        """Changes with the content of the pictures' files, and with the names of the classes."""
        digest = hashlib.sha256()
        for name, files in self._files.items():
            digest.update(f"{name}\0{len(files)}\0".encode())
            for file in files:
                digest.update(_content(file))
        return digest.hexdigest()

    def load(self) -> Pictures:
        numbers = [len(files) for files in self._files.values()]
        kept = self._kept_pixels(sum(numbers))
        each = np.split(kept, np.cumsum(numbers)[:-1])
        return Pictures.stacked(dict(zip(self._files, each, strict=True)), self.image)

    def assign(self, names: tuple[str, ...]) -> Mapping[Split, Sequence[str]]:
        validation = max(1, round(self.validation_fraction * len(names)))
        test = max(1, round(self.test_fraction * len(names)))
        train = len(names) - validation - test
        if train < 1:
            raise DataError(
                f"{self.path}: no class is left for the train split; of {len(names)} classes "
                f"{validation} would be for validation and {test} for the test"
            )
        sizes: dict[Split, int] = {"train": train, "validation": validation, "test": test}
        return cut(names, self.split_seed, sizes)

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        """The pictures of each class, sorted."""
        try:
            folders = [path for path in Path(self.path).iterdir() if path.is_dir()]
            found = {
                folder.name: sorted(file for file in folder.iterdir() if _is_picture(file))
                for folder in sorted(folders)
                if not folder.name.startswith(".")
            }
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from error
        named: dict[str, str] = {}
        for name in found:
            if (other := named.setdefault(plain(name), name)) != name:
                raise DataError(
                    f"{self.path}: the folders {other!r} and {name!r} differ only in spaces, "
                    "Unicode form or a final '.0'; expected one folder for each class"
                )
        if not any(found.values()):
            raise DataError(
                f"{self.path}: holds no pictures; expected a folder of them for each class, in "
                f"files that end in {', '.join(SUFFIXES)}"
            )
        return found

    def _kept_pixels(self, number: int) -> np.ndarray:
        """All pictures, one a row: from the user's cache, or decoded and kept there."""
        name = f"{self.fingerprint}-{self.side}-{self.colour}-{self.version}.npy"
        path, shape = cache_folder("images") / name, (number, *self.image)
        with contextlib.suppress(OSError, ValueError, EOFError):
            kept: np.ndarray = np.load(path)
            if kept.shape == shape and kept.dtype == np.uint8:
                return kept
        files = [file for files in self._files.values() for file in files]
        pixels = np.stack([decode(file, self.side, self.colour) for file in files])
        with contextlib.suppress(DataError):  # where nothing can be kept, it is decoded again
            write_whole(path, lambda whole: np.save(whole, pixels))
        return pixels


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and file.is_file()


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    except OSError as error:
        raise DataError(f"{file}: cannot be read ({error.strerror})") from error


def decode(file: Path, side: int, colour: Colour) -> np.ndarray:
    """A picture as bytes, (channels, side, side), upright as its camera was held.

    Raises:
        DataError: it cannot be read, or has more than 8 bits a channel.
    """
    try:
        with Image.open(file) as opened:
            if opened.mode.startswith(("I", "F")):
                raise DataError(f"{file}: has more than 8 bits a pixel (mode {opened.mode})")
            picture: Image.Image = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture.convert("RGBA"))
            plain = picture.convert("L" if colour == "grey" else "RGB")
            small = plain.resize((side, side), Image.Resampling.LANCZOS)
    except DataError:
        raise
    except Exception as error:  # decoders raise errors of every kind
        raise DataError(f"{file}: is no picture that can be read ({error})") from error
    return np.asarray(small).reshape(side, side, -1).transpose(2, 0, 1)
