"""Learners' states as bytes that load again without unpickling anything."""

import io
from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.core.errors import ContractError
from benchmarks.core.text import described


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
