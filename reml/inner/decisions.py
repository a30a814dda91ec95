"""What there is to decide when a network is composed, in order, and what options are called."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

Adaptation = Literal["gradient", "solve"]


class Decision(NamedTuple):
    """One decision of an episode: what it is about, and among how many options."""

    name: str
    kind: Literal["activation", "rate", "adaptation", "input", "output", "hidden"]
    options: int


@dataclass(frozen=True)
class Menu:
    """All that a pool lets one choose from; its attributes are `reml.inner.pool.LayerPool`'s.

    Attributes:
        sizes: how many input, hidden and output layers there are.
    """

    sizes: tuple[int, int, int]
    depth: int
    stop: bool
    direct: bool
    activations: tuple[str, ...]
    rates: tuple[float, ...]
    adaptation: tuple[Adaptation, ...]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """All decisions, in their order: the menus', input layer, output layer, hidden layers."""
        first, hidden, last = self.sizes
        menus = (
            Decision("activation", "activation", len(self.activations)),
            Decision("adaptation rate", "rate", len(self.rates)),
            Decision("adaptation", "adaptation", len(self.adaptation)),
        )
        between = range(1, self.depth - 1)
        return (
            *(it for it in menus if it.options > 1),
            Decision("input layer", "input", first + self.direct),
            Decision("output layer", "output", last),
            *(Decision(f"hidden layer {i}", "hidden", hidden + self.stop) for i in between),
        )

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """How many options each decision has."""
        return tuple(decision.options for decision in self.decisions)

    @property
    def last(self) -> int:
        """Which decision is about the output layer."""
        return len(self.decisions) - self.depth + 1

    def word(self, decision: Decision, option: int) -> str:
        """What an option of a decision is, for people."""
        first, hidden, _ = self.sizes
        if decision.kind == "activation":
            return self.activations[option]
        if decision.kind == "rate":
            return f"× {self.rates[option]:g}"
        if decision.kind == "adaptation":
            return self.adaptation[option]
        none = {"input": first, "hidden": hidden}.get(decision.kind)
        return "none" if option == none else str(option)

    @property
    def in_order(self) -> tuple[int, ...]:
        """The composition that takes the first of everything, and the hidden layers in order.

        No layer stands in two places as long as the bank has enough of them; adaptation rates are
        those that come closest to being unchanged.
        """
        unchanged = min(range(len(self.rates)), key=lambda i: abs(math.log(self.rates[i])))
        plain = {"rate": unchanged}
        menus = self.decisions[: len(self.decisions) - self.depth]
        between = (i % self.sizes[1] for i in range(self.depth - 2))
        return (*(plain.get(it.kind, 0) for it in menus), 0, 0, *between)
