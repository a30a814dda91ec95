"""How much meta-training may spend, and what work is counted in."""

from dataclasses import dataclass

COUNTERS = ("inner_gradients", "outer_gradients", "environment_steps")


@dataclass(frozen=True)
class Budget:
    """Tasks drawn or wall-clock seconds, one of the two. Only `tasks` gives the same bits twice."""

    tasks: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.tasks is None) == (self.seconds is None):
            raise ValueError("a budget is either tasks or seconds")
