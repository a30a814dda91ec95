"""A run with nothing to do: its matrix, data, code and folder are what they were when it ended.

What it would say is kept in the folder, beside hashes of all that it depends on; then nothing slow
is imported to find that nothing is to be done. Where it is not known, the run looks for itself.
"""

import hashlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from benchmarks.core.errors import NotKept
from benchmarks.harness.disk.claim import CLAIM
from benchmarks.harness.disk.files import replace
from benchmarks.harness.plan.matrix_file import find_matrix, read_toml
from benchmarks.harness.source.code import OURS, files_of
from benchmarks.harness.store.folder import SAID
from benchmarks.harness.store.ledger import BESIDE, LIST
from benchmarks.harness.store.lock import LOCK
from benchmarks.harness.store.provenance import ROOT, head

RESTLESS = frozenset({LIST, BESIDE, SAID, LOCK, CLAIM})
"""Files of a results folder that each run writes, whatever it does."""
WHOLE_ONLY = ("only", "force", "shard", "detach")
"""Options of runs that are no run of the whole matrix as it is."""
GENERATED = frozenset(
    {"digits", "line", "mixture", "quadratic", "sinusoid", "square_wave", "triangle_wave"}
)
"""Families that read nothing; of others the matrix has to say what, as `path`."""
READING = frozenset({"images", "oboe", "table"})
LARGEST = 10_000_000
"""Bytes of what is kept, at most."""
FLAWS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError)
"""What looking at files of others may end in; all of them mean that nothing is known."""


class Unchanged:
    """Knows a run by its options, and whether it has ended before with nothing changed since."""

    def __init__(self, options: Namespace) -> None:
        """Look at the matrix that the options name, and at what it reads.

        Raises:
            MatrixError: it cannot be read.
        """
        path = find_matrix(options.matrix)
        table = read_toml(path)
        self._directory = options.out or Path("results") / str(table.get("name"))
        self._whole = options.device == "cpu" and not any(getattr(options, it) for it in WHOLE_ONLY)
        self._key: list[Any] = []
        self._data: Sequence[Path] = ()
        try:
            self._whole = self._whole and _is_known(table) and not _has_foreign()
            if self._whole:
                self._data = sorted(set(_read_by(table, path.parent)))
                self._key = [*self._about(options), path.name, *self._now(path, options.plugin)]
        except (*FLAWS, SyntaxError):  # the run says what is wrong
            self._whole = False

    def said(self) -> Sequence[str] | None:
        """What the run has to say if it has nothing to do; None where that is not known."""
        kept = self._kept() if self._whole else None
        if kept is None:
            return None
        with suppress(*FLAWS):
            if kept["of"] == [*self._key, self._folder()]:
                return [str(it) for it in kept["said"]]
        return None

    def keep(self, directory: Path, said: Sequence[str]) -> None:
        """Note what such a run would say, once the folder holds all that it will.

        Nothing where what the run depends on is no longer what it was when it began, nor where the
        file is somebody else's.
        """
        place = directory / SAID
        if not self._whole or directory != self._directory:
            return
        if os.path.lexists(place) and self._kept() is None:
            return
        with suppress(NotKept, *FLAWS):
            if self._hash_of_data() == self._key[-1]:
                value = {"of": [*self._key, self._folder()], "said": list(said)}
                replace(place, lambda it: it.write_text(json.dumps(value), encoding="utf-8"))

    def _kept(self) -> Mapping[str, Any] | None:
        """What the file holds, if it is one of ours."""
        place = self._directory / SAID
        with suppress(*FLAWS):
            if place.is_file() and place.stat().st_size <= LARGEST:
                kept = json.loads(place.read_text(encoding="utf-8"))
                return kept if kept.keys() == {"of", "said"} else None
        return None

    def _about(self, options: Namespace) -> Iterator[Any]:
        yield {name: str(it) for name, it in vars(options).items() if name != "jobs"}
        yield {name: it for name, it in os.environ.items() if name.startswith("REML")}
        yield from (os.getcwd(), sys.version, head())

    def _now(self, path: Path, plugins: Iterable[Path]) -> Iterator[str]:
        code = [ROOT / it for it in sorted(OURS)]
        beside = [path, path.with_name("engine.toml"), Path("engine.toml")]
        yield _hash(_names(sys.path))
        yield _hash(line for it in code for line in _stats(it, "__pycache__"))
        for plugin in plugins:
            beside += sorted(files_of(plugin)[1])
        yield _hash(line for it in beside for line in _stats(it))
        yield self._hash_of_data()

    def _hash_of_data(self) -> str:
        return _hash(line for it in self._data for line in _stats(it))

    def _folder(self) -> str:
        there = sorted(it for it in self._directory.iterdir() if it.name not in RESTLESS)
        return _hash(line for it in there for line in _stats(it))


def _is_known(table: Mapping[str, Any]) -> bool:
    """Whether all that the families of a matrix read stands in it."""
    return all(
        it["name"] in GENERATED or (it["name"] in READING and isinstance(it["path"], str))
        for it in table["family"]
    )


def _read_by(table: Mapping[str, Any], beside: Path) -> Iterator[Path]:
    """Where the families of a matrix look for data, whether there is something or not."""
    root = os.environ.get("REML_DATA")
    places = [beside]
    if root is not None:
        places += [Path(root), *sorted(it for it in Path(root).glob("*") if it.is_dir())]
    for entry in table["family"]:
        if "path" in entry:
            yield from (place / entry["path"] for place in places)


def _has_foreign() -> bool:
    """Whether other packages have put something in, whose code may be anywhere."""
    groups = [it for it in entry_points().groups if it.startswith("reml.")]
    points = [it for group in groups for it in entry_points(group=group)]
    return any(it.module.partition(".")[0] not in OURS for it in points)


def _names(places: Iterable[str]) -> Iterator[str]:
    """What is installed, with the versions."""
    for place in places:
        with suppress(OSError):
            yield from sorted(it for it in os.listdir(place) if it.endswith(".dist-info"))


def _stats(path: Path, leave: str = "") -> Iterator[str]:
    """Of what is at and below a path: what it is, how long, and when last written."""
    yield f"{_stat(path, path.is_dir())} {path.resolve()}"
    for folder, folders, files in os.walk(path, followlinks=True):
        folders[:] = sorted(it for it in folders if it != leave)
        for name in (*folders, *sorted(files)):
            yield _stat(os.path.join(folder, name), name in folders)


def _stat(path: str | Path, folder: bool = False) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} is not there"
    return f"{path} {found.st_mode} {'' if folder else f'{found.st_size} {found.st_mtime_ns}'}"


def _hash(lines: Iterable[str]) -> str:
    hashed = hashlib.sha256()
    for it in lines:
        hashed.update(it.encode(errors="surrogateescape") + b"\n")
    return hashed.hexdigest()
