"""Networks while they are being composed: what has been chosen, and what they do so far."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from benchmarks.core import Support
from reml.inner import Shape, affine
from reml.observation import Observation
from reml.pool import LayerPool


class Draft:
    """One unfinished network a task, all at the same decision.

    The partial network is the input layer, the hidden layers chosen so far and the output layer;
    it makes predictions as soon as it has the first and the last.
    """

    def __init__(self, pool: LayerPool, support: Support) -> None:
        self._decisions = pool.decisions
        self._pool = pool
        self._points = torch.cat([support.x, support.y], 2)
        self._x = support.x
        self._outputs = torch.zeros_like(support.y)
        self._chosen: list[Int[Tensor, " tasks"]] = []
        self._shape = Shape(pool.activations)
        self._last: tuple[Tensor, Tensor] | None = None
        self._going = torch.ones(len(support), dtype=torch.bool, device=support.x.device)

    @property
    def complete(self) -> bool:
        return len(self._chosen) == len(self._decisions)

    @property
    def composition(self) -> Int[Tensor, "tasks decisions"]:
        """The choices so far, in decision order."""
        return torch.stack(self._chosen, 1)

    @property
    def observation(self) -> Observation:
        """What is known before the next decision."""
        nothing = torch.zeros_like(self._going, dtype=torch.long)
        return Observation(
            self._points,
            len(self._chosen),
            self._chosen[-1] if self._chosen else nothing,
            self._outputs,
            self._allowed(),
        )

    def add(self, choice: Int[Tensor, " tasks"]) -> None:
        """Make the next decision for every task; who has stopped goes on stopping.

        Raises:
            RuntimeError: the networks are complete.
        """
        if self.complete:
            raise RuntimeError("the networks are complete")
        decision = self._decisions[len(self._chosen)]
        stop = len(self._pool.hidden.weight)
        if decision.kind == "hidden" and self._pool.stop:
            choice = torch.where(self._going, choice, stop)
            self._going = choice < stop
        self._chosen.append(choice)
        with torch.no_grad():
            self._run(decision.kind, choice, stop)

    def _run(self, kind: str, choice: Int[Tensor, " tasks"], stop: int) -> None:
        pool = self._pool
        if kind == "activation":
            self._shape = self._shape._replace(activation=choice)
        elif kind == "input":
            self._hidden = self._layer(self._x, pool.input.weight, pool.input.bias, choice)
        elif kind == "output":
            self._last = pool.output.weight[choice], pool.output.bias[choice]
        elif kind == "hidden":
            taken = choice.clamp(max=stop - 1)
            after = self._layer(self._hidden, pool.hidden.weight, pool.hidden.bias, taken)
            self._hidden = torch.where(self._going[:, None, None], after, self._hidden)
        if self._last is not None:
            self._outputs = affine(self._hidden, *self._last)

    def _layer(
        self, x: Tensor, weight: Tensor, bias: Tensor, choice: Int[Tensor, " tasks"]
    ) -> Float[Tensor, "tasks points width"]:
        return self._shape.activate(affine(x, weight[choice], bias[choice]))

    def _allowed(self) -> Bool[Tensor, "tasks choices"] | None:
        """Which options there are; None where all are."""
        if not self._pool.stop or self.complete:
            return None
        decision = self._decisions[len(self._chosen)]
        if decision.kind != "hidden":
            return None
        allowed = self._going.unsqueeze(1).repeat(1, decision.options)
        allowed[:, -1] = True
        return allowed
