"""From a folder of pictures, one folder a class, to what it holds, and a matrix for it."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.core.errors import DataError
from benchmarks.core.text import count, line
from benchmarks.start.contenders import (
    PICTURE_TASKS,
    Contender,
    for_pictures,
)
from benchmarks.start.draft import drafted, name_from, relative
from benchmarks.start.sketch import can_show, pixels
from benchmarks.tasks.images import SUFFIXES, Images, decode
from benchmarks.tasks.pictures import SPLITS

WAYS = 5
LEAST_CLASSES = 5
SHOWN = 4
LOOKED_AT = 20
WORDS = {"train": "to train on", "validation": "to validate", "test": "to test"}
LARGE = 128
"""Photographs of so many pixels and more a side are brought to `LARGE_SIDE`."""
LARGE_SIDE, SIDE = 40, 28


@dataclass(frozen=True)
class Album:
    """A folder of class folders; `classes` are the pictures of each."""

    path: Path
    classes: Mapping[str, Sequence[Path]]

    @cached_property
    def some(self) -> list[Path]:
        """Some pictures, of all classes."""
        every = [file for files in self.classes.values() for file in files]
        return every[:: max(1, len(every) // LOOKED_AT)][:LOOKED_AT]

    @cached_property
    def fields(self) -> dict[str, Any]:
        """The keys of the family `images`, its path aside."""
        number = len(self.classes)
        fields: dict[str, Any] = {}
        family = Images(str(self.path))
        if round(family.test_fraction * number) < 2:
            fields["test_fraction"] = 2 / number
        shares = Images(str(self.path), **fields)
        split = shares.assign(tuple(self.classes))
        fields["ways"] = min(WAYS, len(split["train"]), len(split["test"]))
        sides = [max(_size(file)) for file in self.some]
        if np.median(sides) >= LARGE:
            fields["side"] = LARGE_SIDE
        if any(_coloured(file) for file in self.some):
            fields["colour"] = "rgb"
        return fields

    @property
    def shots(self) -> tuple[int, ...]:
        """1 and 5, if classes have so many pictures and as many again."""
        family = Images(str(self.path), **self.fields)
        split = family.assign(tuple(self.classes))
        ways = self.fields["ways"]
        # the ways-th largest class of either split is what limits
        room = min(
            sorted((len(self.classes[name]) for name in split[it]), reverse=True)[ways - 1]
            for it in ("train", "test")
        )
        if room < 2:
            raise DataError(
                f"{self.path}: too few classes have two pictures; expected some to show and others "
                "to ask about in each"
            )
        return (1, 5) if room >= 10 else (1,)

    def said(self) -> list[str]:
        numbers = [len(files) for files in self.classes.values()]
        family = Images(str(self.path), **self.fields)
        split = family.assign(tuple(self.classes))
        ways = self.fields["ways"]
        parts = ", ".join(f"{len(split[it])} {WORDS[it]}" for it in SPLITS)
        colour = "in colour" if "colour" in self.fields else "in grey"
        few = f"note: {len(numbers)} classes are few to learn from"
        shown = " or ".join(map(str, self.shots))
        return [
            f"{self.path}: {count(sum(numbers), 'picture')} in {len(numbers)} classes, of "
            f"{int(np.median(numbers))} each ({min(numbers)} to {max(numbers)})",
            f"  task      {ways} classes, told apart after {shown} of each",
            f"  pictures  are brought to {family.side} by {family.side} pixels, {colour}",
            f"  classes   {parts}",
            *([few] if len(numbers) < 20 else []),
        ]

    def picture(self) -> str:
        names = list(self.classes)[:: max(1, len(self.classes) // SHOWN)][:SHOWN]
        grey = []
        for name in names:
            square = decode(self.classes[name][0], 24, "grey")[0] / 255
            grey.append((name, square.reshape(12, 2, 24).mean(1)))
        drawn = pixels(grey, plain=False)
        return drawn if can_show(drawn, sys.stdout.encoding) else pixels(grey, plain=True)

    @property
    def contenders(self) -> list[Contender]:
        return for_pictures()

    def matrix(self, out: Path) -> str:
        shots, ways = self.shots, self.fields["ways"]
        protocol: dict[str, Any] = {
            "kind": "few_shot",
            "shots": shots,
            "steps": (0, 1, 3, 5, 10),
            "tasks": 200,
            "queries": 5 * ways,
        }
        return drafted(
            f"Made by `reml init`: {sum(map(len, self.classes.values())):,} pictures in "
            f"{len(self.classes):,} classes.",
            name_from(self.path),
            PICTURE_TASKS,
            protocol,
            {"name": "images", "path": relative(self.path, out), **self.fields},
            self.contenders,
            {"shots": "pictures of each class that learners are shown; they name others"},
        )


def album(path: Path) -> Album:
    """Look at a folder.

    Raises:
        DataError: its pictures are not in one folder for each class, or the classes are too few.
    """
    classes = _classes(path)
    if not classes:
        _refuse(path)
    if len(classes) < LEAST_CLASSES:
        raise DataError(
            f"{path}: holds {len(classes)} class{'es' * (len(classes) > 1)} with pictures; "
            f"expected at least {LEAST_CLASSES}: 2 to train on, 1 to validate on, 2 to test on"
        )
    return Album(path, classes)


def _classes(path: Path) -> dict[str, list[Path]]:
    try:
        folders = sorted(it for it in path.iterdir() if it.is_dir() and it.name[0] != ".")
        found = {folder.name: _pictures(folder) for folder in folders}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    return {name: files for name, files in found.items() if files}


def _pictures(folder: Path) -> list[Path]:
    return sorted(
        it
        for it in folder.iterdir()
        if it.suffix.lower() in SUFFIXES and it.name[0] != "." and it.is_file()
    )


def _refuse(path: Path) -> None:
    """Say where the pictures lie instead."""
    here = _pictures(path)
    if here:
        raise DataError(
            f"{path}: holds {count(len(here), 'picture')} in no class; expected a folder of "
            f"pictures for each class, {path}/CLASS/{line(here[0].name, 40)}"
        )
    deeper = {it: len(_classes(it)) for it in sorted(path.iterdir()) if it.is_dir()}
    best = max(deeper, key=lambda it: deeper[it], default=None)
    if best is not None and deeper[best]:
        albums = count(sum(map(bool, deeper.values())), "folder")
        raise DataError(
            f"{path}: holds no class of pictures, but {albums} of classes; name one, as in "
            f"`reml init {shlex.quote(str(best))}`"
        )
    tables = sorted(it.name for it in path.iterdir() if it.suffix.lower() in (".csv", ".parquet"))
    hint = f"; for a table, `reml init {shlex.quote(str(path / tables[0]))}`" if tables else ""
    raise DataError(
        f"{path}: holds no pictures; expected a folder of them for each class, in files that "
        f"end in {', '.join(SUFFIXES)}{hint}"
    )


def _size(file: Path) -> tuple[int, int]:
    try:
        with Image.open(file) as opened:
            return opened.size
    except Exception as error:  # decoders raise errors of every kind
        raise DataError(f"{file}: is no picture that can be read ({error})") from error


def _coloured(file: Path) -> bool:
    pixels = decode(file, 16, "rgb").astype(int)
    return int(np.abs(pixels - pixels.mean(0)).max()) > 12
