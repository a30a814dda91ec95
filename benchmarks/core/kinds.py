"""The few words that say which tasks are meant, and what may be spent; they need no torch."""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "validation", "test"]
Kind = Literal["regression", "classification"]
Place = Literal["own", "other"]
"""The family that is trained on first, or the protocol's other one."""

COUNTERS = ("inner_gradients", "outer_gradients", "environment_steps")


@dataclass(frozen=True)
class Budget:
    """Tasks drawn or wall-clock seconds, one of the two. Only `tasks` gives the same bits twice."""

    tasks: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.tasks is None) == (self.seconds is None):
            raise ValueError("a budget is either tasks or seconds")
