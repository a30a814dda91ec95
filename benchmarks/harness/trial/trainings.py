"""What meta-training has made, kept as soon as it is over and wherever a trial ends then."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd
import torch

from benchmarks.core import State
from benchmarks.core.errors import RemlError, StoreError
from benchmarks.core.protocol import Place
from benchmarks.core.text import described
from benchmarks.harness.disk.checkpoints import Checkpoint, files_of, seconds_between
from benchmarks.harness.disk.columns import HISTORY_TYPES, VALIDATION
from benchmarks.harness.disk.files import (
    fresh_name,
    make_folder,
    read_json,
    remove,
    sync,
    write_json,
)
from benchmarks.harness.disk.shapes import TRAININGS
from benchmarks.harness.disk.sums import check_sums, write_sums
from benchmarks.harness.disk.tables import write_parquet
from benchmarks.harness.plan.identity import TrialSpec
from benchmarks.harness.trial.moments import MOMENTS, Moment, load_moments, packed_moments
from benchmarks.harness.trial.packing import pack
from benchmarks.harness.trial.training import LOST, SPENDS, THEN

LEARNER, HISTORY, RECORD = "learner.pt", "history.parquet", "training.json"
PLACE = TRAININGS
"""The folder beside those of the trials where there is one for every training."""


class Training(NamedTuple):
    """A trained learner's state, its training curve, what it spent, and the trial that trained.

    `made` is the provenance of that trial, whoever takes the training over. `moments` are states on
    the way, the last of them at the end; none of a training whose last state is all that is asked.
    """

    state: State
    history: pd.DataFrame
    spent: Mapping[str, Any]
    by: str
    made: Mapping[str, Any] = MappingProxyType({})
    moments: tuple[Moment, ...] = ()


def keep(folder: Path, training: Training) -> None:
    """Write a training into the folder of a trial.

    Raises:
        ContractError: the learner's state is nothing that can be stored and loaded again.
        StoreError: it cannot be written.
    """
    data = pack(training.state)
    make_folder(folder)
    _write(folder / LEARNER, data)
    if training.moments:
        _write(folder / MOMENTS, packed_moments(training.moments))
    write_parquet(folder / HISTORY, training.history)
    record = {"trained_by": training.by, "trained_with": dict(training.made)}
    write_json(folder / RECORD, {**record, "spending": dict(training.spent)})


def keep_history(folder: Path, history: pd.DataFrame) -> None:
    """The training curve of a trial that has failed, as far as it came and can be written."""
    if not history.empty:
        with suppress(StoreError):
            make_folder(folder)
            write_parquet(folder / HISTORY, history)


def keep_state(folder: Path, state: State) -> None:
    """Put another state of the training in the place of that which `keep` has written.

    Raises:
        StoreError: it cannot be written.
    """
    make_folder(folder)
    _write(folder / LEARNER, pack(state))


def checkpoint_of(
    trainings: Path | None,
    spec: TrialSpec,
    place: Place,
    device: str,
    before: Sequence[Mapping[str, Any]],
) -> Checkpoint | None:
    """That of a trial's training on the family of a place, after what was spent `before`."""
    if trainings is None:
        return None
    of: dict[str, Any] = {
        "training": spec.training if place == "own" else spec.id,
        "place": place,
        "device": device,
        "training before": [spent["seconds"] for spent in before],
        "bars": None if spec.tried is None else [*spec.tried.bars],
    }
    return Checkpoint(_place(trainings, spec, place), of, seconds_between())


def checkpoints_of(trainings: Path, spec: TrialSpec) -> list[Path]:
    """The files that trainings of a trial go on from, where they were cut off."""
    return [_place(trainings, spec, it) for it in ("own", "other")]


def forget(trainings: Path, spec: TrialSpec, *places: Place) -> None:
    """The trainings of a trial on the families of these places do not go on: they are over, say.

    Raises:
        NotKept: a checkpoint cannot be removed.
    """
    for place in places:
        for path in files_of(_place(trainings, spec, place)):
            remove(path)


def _place(trainings: Path, spec: TrialSpec, place: Place) -> Path:
    own = place == "own"
    return trainings / (f"{spec.training}.checkpoint" if own else f"{spec.id}.then.checkpoint")


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(fresh_name(f".{path.name}-"))
    try:
        temporary.write_bytes(data)
        sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def share(folder: Path, place: Path) -> None:
    """Let other trials have what `keep` has written to `folder`, in place of what is there."""
    unfinished = folder / fresh_name("training-")
    try:
        unfinished.mkdir()
        for name in (LEARNER, MOMENTS, HISTORY, RECORD):
            if name != MOMENTS or (folder / name).is_file():
                _link(folder / name, unfinished / name)
        write_sums(unfinished)
        sync(unfinished)
        make_folder(place.parent)
        if place.exists():
            place.rename(folder / fresh_name("former-"))
        unfinished.rename(place)
        sync(place.parent)
        for leftover in folder.glob("former-*"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"{place}: cannot be written ({error.strerror or error})") from None


def load(place: Path) -> Training:
    """What `share` has put there, or what a trial of a former version has left in its folder.

    Raises:
        StoreError: it is damaged, or some of it is missing.
    """
    path = place / LEARNER
    try:
        check_sums(place, (LEARNER, HISTORY, MOMENTS))
        moments = load_moments(place / MOMENTS)
        # of a trial, `path` is the state that was tested
        state = (
            moments[-1].state
            if moments
            else torch.load(path, map_location="cpu", weights_only=True)
        )
        history = pd.read_parquet(place / HISTORY).astype(HISTORY_TYPES)
        if (place / RECORD).is_file():
            record = read_json(place / RECORD)
            spent, by = record["spending"], record["trained_by"]
        else:
            record = read_json(place / "trial.json")
            spent = record.get("first_spending") or record["spending"]
            by = place.name
        made = record.get("trained_with") or record.get("provenance") or {}
        known = {key: spent.get(key, 0) for key in SPENDS}
        known |= {key: spent[key] for key in (LOST,) if key in spent}
    except RemlError:
        raise
    except Exception as error:  # torch and pyarrow have many ways to say that a file is damaged
        raise StoreError(f"{place}: cannot be used as a training ({described(error)})") from None
    named = history["metric"].str
    history = history[~(named.endswith(THEN) | named.startswith(VALIDATION))]
    return Training(state, history, known, str(by), dict(made), moments)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
        sync(target)
