"""A results folder while trials run: one folder a trial, renamed into place whole."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.core.errors import StoreError
from benchmarks.harness.files import fresh_name, make_folder, read_json, sync, write_json

TEMPORARY = ".tmp-"
KEYS = {
    "trial": "str",
    "family": "str",
    "protocol": "str",
    "learner": "str",
    "seed": "int64",
    "privileged": "bool",
}
"""The columns that name a trial in every table, and their types."""
ENDED = frozenset({"done", "cannot"})
"""What a trial that is not to be tried again says of itself."""
NEEDED = {"learners": {"label"}, "protocols": {"label", "split"}, "trials": set(KEYS)}
"""What is read of `matrix.json`, besides the name."""


class ResultsFolder:
    """Where the trials of one matrix are kept.

    A trial is written to a folder of `begin`, and is there once `commit` has renamed it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.trials = directory / "trials"

    @contextlib.contextmanager
    def open(self, matrix: Mapping[str, Any]) -> Iterator[int]:
        """Hold the folder for one run; leftovers of killed runs are removed.

        Yields:
            How many of the trials that are done are no part of the matrix (any longer).

        Raises:
            StoreError: it cannot be written, holds another matrix's results, or another run has it.
        """
        for needed in (self.directory, self.trials):
            make_folder(needed)
        try:
            lock = (self.directory / ".lock").open("a")
        except OSError as error:
            raise StoreError(f"{self.directory}: cannot be written ({error.strerror})") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(f"{self.directory}: another `reml run` is writing here") from None
            strays = self._strays(matrix)
            for leftover in self.trials.glob(f"{TEMPORARY}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            write_json(self.directory / "matrix.json", matrix)
            yield strays

    def record(self, trial: str) -> dict[str, Any] | None:
        """What is known of a trial; None if it never ended."""
        path = self.trials / trial / "trial.json"
        return read_json(path) if path.is_file() else None

    def learner(self, trial: str) -> Path | None:
        """The folder of a trial that has kept its trained learner; None where there is none."""
        place = (self.trials / trial).resolve()
        return place if (place / "learner.pt").is_file() else None

    def begin(self, trial: str) -> Path:
        """A fresh folder for a trial to write to."""
        folder = self.trials / fresh_name(f"{TEMPORARY}{trial}-")
        make_folder(folder)
        return folder

    def commit(self, folder: Path, trial: str) -> None:
        """Put a folder of `begin` in its place, instead of what is there."""
        for path in folder.iterdir():
            sync(path)
        sync(folder)
        self.remove(trial)
        folder.rename(self.trials / trial)
        sync(self.trials)

    def remove(self, trial: str) -> None:
        """Forget a trial, whole at once."""
        place = self.trials / trial
        if place.exists():
            old = self.begin(trial)
            place.rename(old / "old")
            shutil.rmtree(old)

    def _strays(self, matrix: Mapping[str, Any]) -> int:
        """The number of done trials that are not the matrix's; an error if none of them is."""
        if not (self.directory / "matrix.json").exists():
            return 0
        there = read_matrix(self.directory)["name"]
        if there != matrix["name"]:
            raise StoreError(
                f"{self.directory}: holds the results of matrix {there!r}, not of "
                f"{matrix['name']!r}; name another folder with --out"
            )
        done = self._done()
        strays = done - {row["trial"] for row in matrix["trials"]}
        if done and strays == done:
            raise StoreError(
                f"{self.directory}: none of the {len(done)} trials that are done there is part of "
                f"this {there!r}; name another folder with --out, or remove this one"
            )
        return len(strays)

    def _done(self) -> set[str]:
        """The trials that are done, be they published without their folders."""
        names = [path.parent.name for path in self.trials.glob("[!.]*/trial.json")]
        published = self.directory / "trials.json"
        if names:
            records = {name: self.record(name) or {} for name in names}
        elif published.is_file():
            records = {record["trial"]: record for record in read_json(published)}
        else:
            records = {}
        return {name for name, record in records.items() if record.get("status") == "done"}


def read_matrix(directory: Path) -> dict[str, Any]:
    """Read the `matrix.json` of a results folder.

    Raises:
        StoreError: it is missing or damaged.
    """
    path = directory / "matrix.json"
    if not path.is_file():
        raise StoreError(f"{directory}: holds no results (there is no matrix.json)")
    matrix = read_json(path)
    if not isinstance(matrix, dict) or not isinstance(matrix.get("name"), str):
        raise StoreError(f"{path}: expected a JSON object with the key 'name'")
    for key, needed in NEEDED.items():
        rows = matrix.get(key)
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and needed <= row.keys() for row in rows
        ):
            raise StoreError(
                f"{path}: key {key!r}: expected a list of objects with {', '.join(sorted(needed))}"
            )
    return matrix
