"""Results folders of one matrix, put together: of shards, say, or of several machines."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.core.errors import NotKept, StoreError
from benchmarks.harness.disk.columns import TABLES, TUNING
from benchmarks.harness.disk.files import fresh_name, make_folder
from benchmarks.harness.disk.shapes import read_matrix
from benchmarks.harness.store.folder import ENDED, ResultsFolder
from benchmarks.harness.store.kept import check_trial
from benchmarks.harness.store.ledger import Ledger
from benchmarks.harness.store.reading import stored, tuning_in
from benchmarks.harness.store.results import restore
from benchmarks.harness.trial.trainings import PLACE

TIMED = "history"
"""The table that tells when something was logged, too: no two trainings have the same."""


@dataclass(frozen=True)
class Merged:
    """What came together: how many trials there are, have ended, and are new in the folder."""

    trials: int
    ended: int
    copied: int
    damage: Sequence[str]


def merge(sources: Sequence[Path], target: Path) -> Merged:
    """Copy the trials of several folders into one, which may be new, or hold some of them already.

    A trial that several have is taken from the first in which it is done, whole. Of a published
    target the trials are made again first.

    Raises:
        StoreError: a folder holds no results, those of another matrix or only published ones, or
            two differ in what one trial came to. Nothing has been copied then.
        NotKept: the target cannot be written.
    """
    matrix = _matrix_of(sources)
    folder = ResultsFolder(target)
    damage: list[str] = []
    found = _choose_all(matrix, [target, *sources], damage)
    with folder.open(matrix):
        if not folder.trials.is_dir():
            restore(target)
            damage.clear()
            found = _choose_all(matrix, [target, *sources], damage)
        copied = 0
        for trial, (place, _) in ((trial, it) for trial, it in found.items() if it):
            if place.resolve() != (folder.trials / trial).resolve():
                _copy(place, folder, trial)
                copied += 1
        for source in sources:
            _copy_trainings(source, target)
            _copy_search(source, target)
    ended = sum(it is not None and it[1]["status"] in ENDED for it in found.values())
    return Merged(len(found), ended, copied, damage)


def _matrix_of(sources: Sequence[Path]) -> dict[str, Any]:
    """The matrix of which all folders hold trials."""
    first = read_matrix(sources[0])
    for source in sources:
        matrix = read_matrix(source)
        if (one := first["name"]) != (other := matrix["name"]):
            raise StoreError(f"{source}: holds results of {other!r}, and {sources[0]} of {one!r}")
        if _bare(matrix) != _bare(first):
            keys = (it for it in _bare(first) if first[it] != matrix.get(it))
            what = next(keys, "what one of them says")
            raise StoreError(
                f"{source}: is of another version of matrix {one!r} than {sources[0]}: they differ "
                f"in {what}; run both with the same matrix, data, plugins and commit"
            )
        if not (source / "trials").is_dir():
            raise StoreError(
                f"{source}: has no folder trials/ (it is a published copy, or nothing has run "
                "there); expected the folder that a run wrote to"
            )
    return first


def _bare(matrix: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in matrix.items() if key not in ("notes", "title")}


Place = tuple[Path, dict[str, Any]]


def _choose_all(
    matrix: Mapping[str, Any], places: Sequence[Path], damage: list[str]
) -> dict[str, Place | None]:
    return {row["trial"]: _choose(row["trial"], places, damage) for row in matrix["trials"]}


def _choose(trial: str, sources: Sequence[Path], damage: list[str]) -> Place | None:
    """Where a trial is taken from; from nowhere where it never ended.

    Raises:
        StoreError: it came to one thing in one folder, and to another in the next.
    """
    there = list(_sound(trial, sources, damage))
    ended = [it for it in there if it[1]["status"] in ENDED]
    for other, record in ended[1:]:
        place, mine = ended[0]
        if what := _difference(place, mine, other, record):
            raise StoreError(
                f"{place.parents[1]} and {other.parents[1]}: trial {trial} is in both, with "
                f"different {what}; leave one of the folders out, or remove the trial from it"
            )
    return next(iter([*ended, *there]), None)


def _sound(trial: str, sources: Sequence[Path], damage: list[str]) -> Iterator[Place]:
    for source in dict.fromkeys(it.resolve() for it in sources):
        place = source / "trials" / trial
        if place.exists():
            try:
                yield place, check_trial(place)
            except StoreError as error:
                damage.append(f"{error}; this copy of the trial is left out")


def _difference(one: Path, mine: Mapping[str, Any], other: Path, theirs: Mapping[str, Any]) -> str:
    if mine["status"] != theirs["status"]:
        return "outcomes"
    for name in TABLES:
        if name != TIMED and not _same_rows(name, one, other):
            return name
    return ""


def _same_rows(name: str, one: Path, other: Path) -> bool:
    """Whether two trials have the same table; one of a published folder has smaller columns."""
    files = [it / f"{name}.parquet" for it in (one, other)]
    if all(it.is_file() for it in files) and files[0].read_bytes() == files[1].read_bytes():
        return True
    types = TABLES[name]
    mine, theirs = (stored(it, name, types).to_pandas().astype(types) for it in (one, other))
    return mine.equals(theirs)


def _copy(place: Path, folder: ResultsFolder, trial: str) -> None:
    new = folder.begin(trial)
    try:
        for path in place.iterdir():
            if path.is_file():
                _link(path, new / path.name)
        check_trial(new)
        folder.commit(new, trial)
    except OSError as error:
        raise NotKept(f"{new}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _copy_trainings(source: Path, target: Path) -> None:
    """Also those that are over of trials that are not, and those that can go on."""
    for place in (source / "trials" / PLACE).glob("[!.]*"):
        new = target / "trials" / PLACE / place.name
        if new.exists():
            continue
        make_folder(new.parent)
        half = new.with_name(fresh_name(".half-"))
        try:
            if place.is_dir():
                shutil.copytree(place, half, copy_function=_link)
            else:
                shutil.copy2(place, half)  # when it was seen last says what was lost
            half.rename(new)
        except (OSError, shutil.Error) as error:
            raise NotKept(f"{new}: cannot be written ({error})") from None
        finally:
            shutil.rmtree(half, ignore_errors=True)


def _copy_search(source: Path, target: Path) -> None:
    """What was tried before the matrix was parted; it is the same in all parts."""
    if (source / TUNING).is_file() and not (target / TUNING).exists():
        Ledger(target).write_parquet(TUNING, tuning_in(source))


def _link(source: Path | str, target: Path | str) -> None:
    """What has been written is never changed in place, so a link does; a copy elsewhere."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
