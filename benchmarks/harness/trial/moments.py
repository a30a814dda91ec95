"""The states that a learner goes through while it trains, at tenths of its budget."""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.core import MetaLearner, State
from benchmarks.core.text import described
from benchmarks.harness.trial.packing import pack

MOMENTS = "moments.pt"
MOST_BYTES = 256 * 2**20
"""Of states that take more together, every second one is kept, or fewer."""


class Moment(NamedTuple):
    """A state, packed, and what had been spent by then."""

    tasks: int
    seconds: float
    packed: bytes

    @property
    def state(self) -> State:
        state: State = torch.load(io.BytesIO(self.packed), map_location="cpu", weights_only=True)
        return state


class Moments:
    """Collects them. A learner that cannot tell its state while it trains has none on the way."""

    def __init__(self, state: Callable[[], State], most_bytes: int = MOST_BYTES) -> None:
        self._state = state
        self._most = most_bytes
        self._every = 1
        self._met = 0
        self._able = True
        self.seen: tuple[Moment, ...] = ()

    @classmethod
    def of(cls, learner: MetaLearner) -> "Moments":
        return cls(learner.state)

    def position(self) -> dict[str, Any]:
        """What has been collected: a nest that loads with `weights_only=True`."""
        every, met, able = self._every, self._met, self._able
        return {"every": every, "met": met, "able": able, "seen": _rows(self.seen)}

    def go_to(self, position: Mapping[str, Any]) -> None:
        self._every, self._met = position["every"], position["met"]
        self._able, self.seen = position["able"], _moments(position["seen"])

    def keep(self, tasks: int, seconds: float) -> None:
        """Keep the present state, unless there would be too much of them."""
        self._met += 1
        if not self._able or self._met % self._every:
            return
        try:
            packed = pack(self._state())
        except Exception as error:
            print(f"no states are kept on the way: {described(error)}", flush=True)
            self._able = False
            return
        self.seen += (Moment(tasks, seconds, packed),)
        while sum(len(it.packed) for it in self.seen) > self._most:
            self.seen, self._every = self.seen[1::2], 2 * self._every


def packed_moments(moments: Sequence[Moment]) -> bytes:
    """The bytes of `MOMENTS`."""
    file = io.BytesIO()
    torch.save(_rows(moments), file)
    return file.getvalue()


def load_moments(path: Path) -> tuple[Moment, ...]:
    """What was written there; nothing where there is no such file."""
    if not path.is_file():
        return ()
    return _moments(torch.load(path, map_location="cpu", weights_only=True))


def _rows(moments: Sequence[Moment]) -> list[dict[str, Any]]:
    return [
        {
            "tasks": it.tasks,
            "seconds": it.seconds,
            "packed": torch.frombuffer(bytearray(it.packed), dtype=torch.uint8),
        }
        for it in moments
    ]


def _moments(rows: Sequence[Mapping[str, Any]]) -> tuple[Moment, ...]:
    return tuple(
        Moment(int(it["tasks"]), float(it["seconds"]), it["packed"].numpy().tobytes())
        for it in rows
    )
