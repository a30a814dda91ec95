"""A results folder while trials run: one folder a trial, renamed into place whole."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.core.errors import StoreError
from benchmarks.harness.files import read_json, sync, write_json

TEMPORARY = ".tmp-"


class ResultsFolder:
    """Where the trials of one matrix are kept.

    A trial is written to a folder of `begin`, and is there once `commit` has renamed it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.trials = directory / "trials"

    @contextlib.contextmanager
    def open(self, matrix: Mapping[str, Any]) -> Iterator[None]:
        """Hold the folder for one run; leftovers of killed runs are removed.

        Raises:
            StoreError: it cannot be written, holds another matrix's results, or another run has it.
        """
        try:
            self.trials.mkdir(parents=True, exist_ok=True)
            lock = (self.directory / ".lock").open("a")
        except OSError as error:
            raise StoreError(f"{self.directory}: cannot be written ({error.strerror})") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise StoreError(f"{self.directory}: another `reml run` is writing here") from None
            self._check_name(str(matrix["name"]))
            for leftover in self.trials.glob(f"{TEMPORARY}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            try:
                write_json(self.directory / "matrix.json", matrix)
            except OSError as error:
                raise StoreError(
                    f"{self.directory}: cannot be written ({error.strerror})"
                ) from None
            yield

    def record(self, trial: str) -> dict[str, Any] | None:
        """What is known of a trial; None if it never ended."""
        path = self.trials / trial / "trial.json"
        return read_json(path) if path.is_file() else None

    def begin(self, trial: str) -> Path:
        """A fresh folder for a trial to write to."""
        return Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{trial}-", dir=self.trials))

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

    def _check_name(self, name: str) -> None:
        path = self.directory / "matrix.json"
        if path.exists():
            there = read_json(path).get("name")
            if there != name:
                raise StoreError(
                    f"{self.directory}: holds the results of matrix {there!r}, not of {name!r}; "
                    "name another folder with --out"
                )
