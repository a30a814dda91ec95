"""A results folder while trials run: one folder a trial, renamed into place whole."""

import contextlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.core.errors import NotKept, StoreError
from benchmarks.harness.disk.claim import CLAIM, demand_kept
from benchmarks.harness.disk.files import as_json, fresh_name, make_folder, sync
from benchmarks.harness.disk.pulse import forget
from benchmarks.harness.disk.shapes import (
    LEFTOVER,
    TEMPORARY,
    TRAININGS,
    is_id,
    read_matrix,
    read_record,
    read_records,
)
from benchmarks.harness.disk.sums import SUMS, write_sums
from benchmarks.harness.disk.traces import clear
from benchmarks.harness.store.kept import LEARNER, check_learner, check_trial
from benchmarks.harness.store.ledger import BESIDE, LIST, MATRIX, RECORDS, Ledger
from benchmarks.harness.store.lock import LOCK, locked

SAID = ".reml.unchanged.json"
"""What a run has to say that finds nothing to do; see `benchmarks.commands.unchanged`."""
RESTORING = ".restoring-"
WRITTEN = "|".join(map(re.escape, (MATRIX, LIST, BESIDE, SAID)))
HALF = re.compile(rf"(\.restoring-|\.({WRITTEN})-|{re.escape(CLAIM)}-)[a-z0-9_]{{8}}")
"""What a killed process can leave in the folder itself."""
ENDED = frozenset({"done", "cannot"})
"""What a trial that is not to be tried again says of itself."""


def seal(folder: Path) -> None:
    """Bring what a trial has left to the disk, with the sums that tell whether it is whole."""
    forget(folder)
    for path in folder.iterdir():
        sync(path)
    write_sums(folder)
    sync(folder)


class ResultsFolder:
    """Where the trials of one matrix are kept.

    A trial is written to a folder of `begin`, `seal` makes it whole, and it is there once `commit`
    has renamed it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.trials = directory / "trials"
        self._damage = ""

    @contextlib.contextmanager
    def open(
        self, matrix: Mapping[str, Any], restore: Callable[[], object] = lambda: None
    ) -> Iterator[int]:
        """Hold the folder for one run; what killed runs have left is removed, or put in its place.

        Args:
            matrix: what `describe` takes.
            restore: is called before, if `matrix.json` does not say that: a run that is killed in
                between leaves no tables of another matrix that look as if they were of this one.

        Yields:
            How many of the trials that are done are no part of the matrix (any longer).

        Raises:
            StoreError: it cannot be written, holds what is not ours or another matrix's results, or
                another run has it. Nothing has been written then.
        """
        self._strays(matrix)
        make_folder(self.directory)
        with locked(self.directory, "run"):
            listed = Ledger(self.directory).listed()
            strays = self._strays(matrix)
            if self._damage:
                print(f"reml: {self._damage}", file=sys.stderr)
            self.clear()
            if not self._says(matrix):
                restore()
            self.describe(matrix)
            try:
                yield strays
            finally:
                with contextlib.suppress(NotKept):
                    Ledger(self.directory).tidy(listed)

    def describe(self, matrix: Mapping[str, Any]) -> None:
        """Keep what `expand.describe` says of the matrix, and of the trials that are known by now.

        Raises:
            NotKept: it cannot be written.
        """
        Ledger(self.directory).write_json(MATRIX, matrix)

    def _says(self, matrix: Mapping[str, Any]) -> bool:
        """Whether `matrix.json` is that of this one already."""
        with contextlib.suppress(OSError, ValueError):
            there = (self.directory / MATRIX).read_text(encoding="utf-8")
            return there == as_json(matrix)
        return False

    def record(self, trial: str) -> dict[str, Any] | None:
        """What is known of a trial; None if it never ended, or is damaged, which is said."""
        place = self.trials / trial
        if not place.exists():
            return None
        try:
            return check_trial(place)
        except StoreError as error:
            print(f"reml: {error}; the trial counts as missing", file=sys.stderr)
            return None

    def learner(self, trial: str) -> Path | None:
        """The folder of a trial that has kept its trained learner; None where there is none.

        Nor where it is damaged, which is said.
        """
        place = self.trials.resolve() / trial
        if not (place / "learner.pt").is_file():
            return None
        try:
            check_learner(place, (*LEARNER, "history.parquet"))
        except StoreError as error:
            print(f"reml: {error}; what needs it is trained anew", file=sys.stderr)
            return None
        return place

    def begin(self, trial: str) -> Path:
        """A fresh folder for a trial to write to."""
        folder = self.trials / fresh_name(f"{TEMPORARY}{trial}-")
        make_folder(folder)
        return folder

    def commit(self, folder: Path, trial: str) -> None:
        """Put a sealed folder of `begin` in its place, instead of what is there.

        Raises:
            NotKept: the results folder was removed meanwhile.
        """
        demand_kept(self.directory)
        self.remove(trial)
        folder.rename(self.trials / trial)
        sync(self.trials)

    def remove(self, trial: str) -> None:
        """Forget a trial, whole at once."""
        place = self.trials / trial
        if place.exists() or place.is_symlink():
            old = self.begin(trial)
            place.rename(old / "old")
            shutil.rmtree(old)

    def discard(self, folder: Path, trial: str) -> None:
        """Drop a folder of `begin`, unless it is whole and what it was to replace is gone already.

        That is so where a run was killed before it had put a sealed trial in its place. What the
        trial has left elsewhere goes, too.
        """
        clear(folder)
        place = self.trials / trial
        with contextlib.suppress(StoreError, OSError):
            if not place.exists() and (folder / SUMS).is_file():
                check_trial(folder)
                if read_record(folder / "trial.json")["trial"] == trial:
                    forget(folder)  # what a driver told for it that was killed right after
                    folder.rename(place)
                    return
        shutil.rmtree(folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove what killed runs have left, or put it in its place; the folder has to be held."""
        for path in self.directory.iterdir():
            if HALF.fullmatch(path.name):
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
        for path in self.trials.glob(f"{TEMPORARY}*"):
            if found := LEFTOVER.fullmatch(path.name):
                self.discard(path, found["trial"])

    def _strays(self, matrix: Mapping[str, Any]) -> int:
        """The number of done trials that are not the matrix's; an error if none of them is."""
        there = self._name(matrix["name"])
        if there is None:
            return 0
        if there != matrix["name"]:
            raise StoreError(
                f"{self.directory}: holds the results of matrix {there!r}, not of "
                f"{matrix['name']!r}; name another folder with --out"
            )
        done = self._done()
        strays = done - {row["trial"] for row in matrix["trials"]}
        # which trials there are depends on the settings that a search will choose
        if done and strays == done and "tuning" not in matrix:
            raise StoreError(
                f"{self.directory}: none of the {len(done)} trials that are done there is part of "
                f"this {there!r}; name another folder with --out, or remove this one"
            )
        return len(strays)

    def _name(self, expected: str) -> str | None:
        """The name of the matrix whose results are there; None if there is nothing yet.

        That of a damaged one is taken to be the expected.

        Raises:
            StoreError: there is something else.
        """
        directory = self.directory
        try:
            there = {path.name: path for path in directory.iterdir()} if directory.exists() else {}
        except NotADirectoryError:
            raise StoreError(f"{directory}: is a file, and no folder for results") from None
        except OSError as error:
            raise StoreError(f"{directory}: cannot be read ({error.strerror})") from None
        if MATRIX in there:
            try:
                Ledger(directory).check(MATRIX)
                return read_matrix(directory)["name"]
            except StoreError as error:
                if LIST not in there or MATRIX not in Ledger(directory).names():
                    raise
                self._damage = f"{error}; it is written anew"
                return expected
        others = [name for name, path in there.items() if not self._is_start(path)]
        if others and not (LIST in there and Ledger(directory).names()):
            raise StoreError(
                f"{directory}: is not empty and holds no results (there is no {MATRIX}); name a "
                "new or an empty folder with --out"
            )
        return None

    def _is_start(self, path: Path) -> bool:
        """Whether a run that was killed at once may have made this."""
        if path.is_symlink():
            return False
        if path.name == CLAIM:
            return path.is_file()
        if path.name == LOCK:
            return path.is_file() and path.read_bytes() in (b"", b"run", b"report")
        if HALF.fullmatch(path.name):
            return True
        if path == self.trials and path.is_dir():
            # or a run whose folder was removed meanwhile
            return all(LEFTOVER.fullmatch(it.name) or _is_ours(it) for it in path.iterdir())
        return path.name == LIST and set(Ledger(self.directory).names()) <= {MATRIX}

    def _done(self) -> set[str]:
        """The trials that are done, be they published without their folders."""
        done = set()
        names = [path.parent for path in self.trials.glob("[!.]*/trial.json")]
        for place in names:
            with contextlib.suppress(StoreError):
                if is_id(place.name) and read_record(place / "trial.json")["status"] == "done":
                    done.add(place.name)
        if not names and (self.directory / RECORDS).is_file():
            records, _ = read_records(self.directory / RECORDS)
            done = {it for it, record in records.items() if record["status"] == "done"}
        return done


def _is_ours(place: Path) -> bool:
    """Whether a folder among trials is one, or the place of trainings."""
    return place.name == TRAININGS or (is_id(place.name) and (place / SUMS).is_file())
