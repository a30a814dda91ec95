"""A run with nothing to do: its matrix, data, code and folder are what they were when it ended.

What it would say is kept in the folder, beside hashes of all that it depends on; then nothing slow
is imported to find that nothing is to be done.
"""

import hashlib
import json
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from benchmarks.core.errors import NotKept
from benchmarks.harness.disk.claim import CLAIM
from benchmarks.harness.plan.matrix_file import find_matrix, read_toml
from benchmarks.harness.source.code import OURS, files_of
from benchmarks.harness.store.ledger import LIST, SAID, Ledger
from benchmarks.harness.store.lock import LOCK
from benchmarks.harness.store.provenance import ROOT, head

RESTLESS = frozenset({LIST, SAID, LOCK, CLAIM})
"""Files of a results folder that each run writes, whatever it does."""
WHOLE_ONLY = ("only", "force", "shard", "detach")
"""Options of runs that are no run of the whole matrix as it is."""


class Unchanged:
    """Knows a run by its options, and whether it has ended before with nothing changed since."""

    def __init__(self, options: Namespace) -> None:
        """Read the matrix that the options name, as a file.

        Raises:
            MatrixError: it cannot be read.
        """
        path = find_matrix(options.matrix)
        self._directory = options.out or Path("results") / str(read_toml(path).get("name"))
        self._whole = not any(getattr(options, it) for it in WHOLE_ONLY) and not _has_foreign()
        files = [path, path.with_name("engine.toml")]
        try:
            files += [it for plugin in options.plugin for it in sorted(files_of(plugin)[1])]
        except (OSError, SyntaxError, ValueError):  # the run says what is wrong with it
            self._whole = False
        chosen = {name: str(it) for name, it in vars(options).items() if name != "jobs"}
        surroundings = {name: it for name, it in os.environ.items() if name.startswith("REML")}
        self._key = [
            chosen,
            surroundings,
            os.getcwd(),
            sys.version,
            head(),
            _hash(_names(sys.path)),
            _hash(_stats([ROOT / it for it in sorted(OURS)])),
            _hash(_stats(files)),
        ]

    def said(self) -> Sequence[str] | None:
        """What the run has to say if it has nothing to do; None where that is not known."""
        if not self._whole:
            return None
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            kept = json.loads((self._directory / SAID).read_text(encoding="utf-8"))
            if kept["of"] == self._of([Path(it) for it in kept["data"]]):
                return [str(it) for it in kept["said"]]
        return None

    def keep(self, directory: Path, trials: Iterable[Any], said: Sequence[str]) -> None:
        """Note what such a run would say, once the folder holds all that it will.

        Args:
            directory: the results folder.
            trials: all of the matrix.
            said: line by line.
        """
        if self._whole and directory == self._directory:
            files = sorted(_read_by(trials))
            value = {"of": self._of(files), "data": [str(it) for it in files], "said": list(said)}
            with suppress(NotKept):  # the next run looks for itself
                Ledger(directory).write_json(SAID, value)

    def _of(self, data: Sequence[Path]) -> list[Any]:
        folder = [it for it in self._directory.iterdir() if it.name not in RESTLESS]
        return [*self._key, _hash(_stats(data)), _hash(_stats(sorted(folder)))]


def _read_by(trials: Iterable[Any]) -> set[Path]:
    """Files and folders that fields of the trials' families name."""
    entries = [it for trial in trials for it in (trial.family, trial.other) if it is not None]
    values = {it for entry in entries for it in entry.fields.values() if isinstance(it, str)}
    return {Path(it) for it in values if os.path.exists(it)}


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


def _stats(paths: Iterable[Path]) -> Iterator[str]:
    """Of all files at and below some paths: where they are, how long, and when last written."""
    for path in paths:
        for folder, folders, files in os.walk(path):
            folders[:] = sorted(it for it in folders if it != "__pycache__")
            for name in sorted(files):
                yield _stat(os.path.join(folder, name))
        if not path.is_dir():
            yield _stat(str(path))


def _stat(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return f"{path} is not there"
    return f"{path} {found.st_size} {found.st_mtime_ns}"


def _hash(lines: Iterable[str]) -> str:
    hashed = hashlib.sha256()
    for it in lines:
        hashed.update(it.encode(errors="surrogateescape") + b"\n")
    return hashed.hexdigest()
