"""A plain LSTM that reads the support set (Huisman, Moerland, Plaat & van Rijn, 2023)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from baselines._episodic import Count, Rate
from baselines._reading import Reader
from benchmarks.core import Support
from benchmarks.core.search import LogUniform, OneOf, Space, Whole
from benchmarks.networks import Linear


@dataclass
class LSTM(Reader):
    """Learns to learn in its state: what REML's composer would be if it composed nothing.

    The reader of arXiv 2310.14139 (the authors' `simplelstm.py`): in each pass all support points
    are read at once from the state that the pass before left, inputs and, from the second pass on,
    targets; then the hidden states of the points become their mean, and cells stay with their
    points. So the order of points does not matter. A query point is read with zeros in the targets'
    place, an empty cell and that mean.

    Size and passes are the authors' best for sinusoids. Deviations: the suite's recipe, but for
    fewer tasks in each update (the authors have 4, Adam at a constant 0.0047, and as many shots as
    in the test).

    Attributes:
        hidden: numbers in the state of each layer.
        layers: LSTM cells on top of each other.
        passes: how often the support set is read.
        loss: `mse`, or `gaussian`, which also predicts a standard deviation of at least 0.01.
        lr: Adam's learning rate, at first.
        train_shots: support points of a training task, or fewest and most of them; drawn anew each
            update. None is as in the test.
        train_queries: query points of a training task.
        batch_tasks: training tasks in each update.
    """

    hidden: Count = 40
    layers: Count = 2
    passes: Count = 4
    lr: Rate = 0.005
    batch_tasks: Count = 8

    name: ClassVar[str] = "lstm"
    effort: ClassVar[float] = 1e-3
    search: ClassVar[Space] = {
        "lr": LogUniform(5e-4, 2e-2),
        "batch_tasks": Whole(4, 32, log=True),
        "loss": OneOf(("mse", "gaussian")),
        "hidden": Whole(20, 80, log=True),
        "layers": Whole(1, 3),
        "passes": Whole(2, 6),
    }
    test_fields: ClassVar[Mapping[str, Any]] = {"hidden": 8, "passes": 2, "batch_tasks": 12}
    least_sigma: ClassVar[float] = 0.01

    def _draw(
        self, features: int, outputs: int, numbers: int, generator: torch.Generator
    ) -> nn.ModuleDict:
        sizes = [features + outputs, *[self.hidden] * self.layers]
        gates = [Linear(a + b, 4 * b, generator) for a, b in pairwise(sizes)]
        head = Linear(self.hidden, numbers, generator)
        return nn.ModuleDict({"gates": nn.ModuleList(gates), "head": head})

    def _read(self, support: Support) -> list[Float[Tensor, "tasks 1 width"]]:
        x, y = support.x, support.y
        blank = x.new_zeros(len(x), 1, self.hidden)
        states, cells = [blank] * self.layers, [blank] * self.layers
        for step in range(self.passes):
            told = y if step else torch.zeros_like(y)
            hidden, cells = self._step(torch.cat([x, told], 2), states, cells)
            states = [state.mean(1, keepdim=True) for state in hidden]
        return states

    def _say(
        self,
        kept: list[Float[Tensor, "tasks 1 width"]],
        x: Float[Tensor, "tasks points features"],
    ) -> Float[Tensor, "tasks points numbers"]:
        untold = x.new_zeros(*x.shape[:2], self.outputs_)
        blank = [torch.zeros_like(state) for state in kept]
        hidden, _ = self._step(torch.cat([x, untold], 2), kept, blank)
        return self.networks_["head"](hidden[-1])

    @property
    def _gates(self) -> Any:
        return self.networks_["gates"]

    def _step(
        self, x: Tensor, states: Sequence[Tensor], cells: Sequence[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """One step of all cells, for each point from the states of its task."""
        hidden, kept = [], []
        for gate, state, cell in zip(self._gates, states, cells, strict=True):
            state = state.expand(-1, x.shape[1], -1)
            raw = gate(torch.cat([x, state], 2))
            enters, stays, leaves, new = raw.split(self.hidden, 2)
            cell = stays.sigmoid() * cell + enters.sigmoid() * new.tanh()
            x = leaves.sigmoid() * cell.tanh()
            hidden.append(x)
            kept.append(cell)
        return hidden, kept
