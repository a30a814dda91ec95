"""What meta-training has made, kept as soon as it is over and wherever a trial ends then."""

import io
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd
import torch

from benchmarks.core import State
from benchmarks.core.errors import ContractError, RemlError, StoreError
from benchmarks.core.text import described
from benchmarks.harness.disk.files import (
    fresh_name,
    make_folder,
    read_json,
    sync,
    write_json,
    write_parquet,
)
from benchmarks.harness.disk.sums import check_sums, write_sums
from benchmarks.harness.trial.training import HISTORY_TYPES, SPENDS, THEN

LEARNER, HISTORY, RECORD = "learner.pt", "history.parquet", "training.json"
PLACE = ".trainings"
"""The folder beside those of the trials where there is one for every training."""


class Training(NamedTuple):
    """A trained learner's state, its training curve, what it spent, and the trial that trained.

    `made` is the provenance of that trial, whoever takes the training over.
    """

    state: State
    history: pd.DataFrame
    spent: Mapping[str, Any]
    by: str
    made: Mapping[str, Any] = MappingProxyType({})


def keep(folder: Path, training: Training) -> None:
    """Write a training into the folder of a trial.

    Raises:
        ContractError: the learner's state is nothing that can be stored and loaded again.
        StoreError: it cannot be written.
    """
    data = pack(training.state)
    make_folder(folder)
    path = folder / LEARNER
    temporary = path.with_name(fresh_name(f".{LEARNER}-"))
    try:
        temporary.write_bytes(data)
        sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    write_parquet(folder / HISTORY, training.history)
    record = {"trained_by": training.by, "trained_with": dict(training.made)}
    write_json(folder / RECORD, {**record, "spending": dict(training.spent)})


def share(folder: Path, place: Path) -> None:
    """Let other trials have what `keep` has written to `folder`, in place of what is there."""
    unfinished = folder / fresh_name("training-")
    try:
        unfinished.mkdir()
        for name in (LEARNER, HISTORY, RECORD):
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
        check_sums(place, (LEARNER, HISTORY))
        state = torch.load(path, map_location="cpu", weights_only=True)
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
    except RemlError:
        raise
    except Exception as error:  # torch and pyarrow have many ways to say that a file is damaged
        raise StoreError(f"{place}: cannot be used as a training ({described(error)})") from None
    history = history[~history["metric"].str.endswith(THEN)]
    return Training(state, history, known, str(by), dict(made))


def pack(state: Any) -> bytes:
    """The bytes of `learner.pt`, which have been seen to load again.

    Raises:
        ContractError: they don't, or there can be none.
    """
    if not isinstance(state, Mapping):
        raise ContractError(
            f"state() returned an object of type {type(state).__name__}, where a dict was expected"
        )
    file = io.BytesIO()
    try:
        torch.save(on_cpu(state), file)
    except Exception as error:
        raise ContractError(f"state() cannot be stored: {described(error)}") from error
    try:
        torch.load(io.BytesIO(file.getvalue()), map_location="cpu", weights_only=True)
    except Exception as error:
        what = _strange(state, "state()") or described(error)
        raise ContractError(
            f"state() would not load again with weights_only=True: {what}"
        ) from error
    return file.getvalue()


def on_cpu(value: Any) -> Any:
    """The same nest of values, tensors moved: a checkpoint made on a GPU loads without one."""
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, Mapping):
        return {key: on_cpu(inner) for key, inner in value.items()}
    if isinstance(value, list) or type(value) is tuple:
        return type(value)(on_cpu(inner) for inner in value)
    return value


def _strange(value: Any, where: str) -> str:
    """The first value in a nest that is no tensor, number, string or nest of those, in words."""
    if value is None or isinstance(value, torch.Tensor | int | float | str | bytes):
        return ""
    if isinstance(value, Mapping):
        inner = [(f"{where}[{key!r}]", it) for key, it in value.items()]
    elif type(value) in (list, tuple, set):
        inner = [(f"{where}[{place}]", it) for place, it in enumerate(value)]
    else:
        return f"{where} is an object of type {type(value).__name__}"
    return next(filter(None, (_strange(it, at) for at, it in inner)), "")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)
        sync(target)
