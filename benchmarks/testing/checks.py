"""How a law is run: it raises where it is broken, and its first docstring line says what it is."""

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from benchmarks.core.errors import ContractError

Case = TypeVar("Case")


@dataclass(frozen=True)
class Check:
    """The outcome of one law; `message` is the law when it holds and what broke it when not."""

    name: str
    passed: bool
    message: str


def run_laws(laws: Iterable[Callable[[Case], None]], case: Case) -> list[Check]:
    """Run every law on `case`; a law that raises anything at all is broken."""
    checks = []
    for law in laws:
        name = law.__name__.replace("_", " ")
        try:
            law(case)
        except ContractError as error:
            checks.append(Check(name, False, str(error)))
        except Exception as error:
            checks.append(Check(name, False, f"raised {type(error).__name__}: {error}"))
        else:
            checks.append(Check(name, True, (law.__doc__ or name).partition("\n")[0]))
    return checks


def demand(holds: bool, message: str) -> None:
    """Raise `ContractError` unless `holds`."""
    if not holds:
        raise ContractError(message)


def same_bits(a: Any, b: Any) -> bool:
    """Whether two nests of mappings, sequences, tensors and plain values are equal, bit for bit."""
    if isinstance(a, torch.Tensor):
        return (
            isinstance(b, torch.Tensor)
            and a.shape == b.shape
            and a.dtype == b.dtype
            and bool(((a == b) | (a.isnan() & b.isnan())).all())
        )
    if isinstance(a, Mapping):
        return (
            isinstance(b, Mapping)
            and a.keys() == b.keys()
            and all(same_bits(a[key], b[key]) for key in a)
        )
    if isinstance(a, Sequence) and not isinstance(a, str):
        return (
            isinstance(b, Sequence)
            and len(a) == len(b)
            and all(same_bits(x, y) for x, y in zip(a, b, strict=True))
        )
    return bool(a == b)


def gap_between(a: torch.Tensor, b: torch.Tensor) -> float:
    """How far `a` is from `b`, relative to the largest entry of `b`, or to 1."""
    return float((a - b).abs().max()) / max(1.0, float(b.abs().max()))


def demand_close(a: torch.Tensor, b: torch.Tensor, tolerance: float, what: str) -> None:
    """Demand that `a` equals `b` within `tolerance` times the largest entry of `b`, or 1."""
    demand(a.shape == b.shape, f"{what}: shapes are {tuple(a.shape)} and {tuple(b.shape)}")
    gap = gap_between(a, b)
    demand(gap <= tolerance, f"{what}: they differ by {gap:.2g}, more than {tolerance:g}")


def global_state() -> dict[str, Any]:
    """Everything outside a learner or family that they must leave alone."""
    _, keys, *place = np.random.get_state()
    return {
        "torch's random state": torch.get_rng_state(),
        "numpy's random state": (torch.from_numpy(np.array(keys)), *place),
        "Python's random state": random.getstate(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's default device": torch.get_default_device(),
        "torch's gradient mode": torch.is_grad_enabled(),
        "torch's number of threads": torch.get_num_threads(),
    }


@contextlib.contextmanager
def leaving_global_state_alone(by: str) -> Iterator[Callable[[], None]]:
    """Demand that the block leaves the global state alone; the value demands it there and then.

    The random states are moved on first, so that setting them to a constant is seen even where
    somebody did so before; they are put back at the end.
    """
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.rand(1), np.random.random(), random.random()
    before = global_state()

    def demand_untouched() -> None:
        after = global_state()
        for name, value in before.items():
            demand(same_bits(value, after[name]), f"{by} changes {name}")

    try:
        yield demand_untouched
        demand_untouched()
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])
