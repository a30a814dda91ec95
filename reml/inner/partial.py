"""Networks while they are being composed: what has been chosen, and what they do so far."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from benchmarks.core import Support
from reml.inner.bank import taken
from reml.inner.observation import Observation
from reml.inner.pool import LayerPool


class PartialNetwork:
    """One unfinished network a task, all at the same decision.

    The partial network is the input layer, the hidden layers chosen so far and the output layer;
    it makes predictions as soon as it has the first and the last. What the composer is shown of
    it, and of the task, is up to the pool's `task_view`. Where nobody watches, it is never run.

    `episodes` rows side by side are of the same task.
    """

    def __init__(
        self, pool: LayerPool, support: Support, *, watched: bool = True, episodes: int = 1
    ) -> None:
        self._decisions = pool.decisions
        self._pool = pool
        self._watched = watched
        self._episodes = episodes
        self._points = pool.task_view.elements(support.x, support.y)
        self._y = support.y
        self._chosen: list[Int[Tensor, " tasks"]] = []
        self._shape = pool.blank
        self._units = pool.units
        x = support.x
        if self._units is not None:
            x = (x - self._units.x_offset) / self._units.x_scale
        self._x = self._shape.begin(x)
        self._hidden: Tensor | None = None
        self._last: tuple[Tensor, Tensor] | None = None
        self._outputs = pool.task_view.watch(None, None, self._y)
        self._going = torch.ones(len(support), dtype=torch.bool, device=support.x.device)
        self._direct: Bool[Tensor, " tasks"] | None = None

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
            self._episodes,
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
        if decision.kind == "input" and self._pool.direct:
            self._direct = choice == len(self._pool.input.weight)
            choice = choice.clamp(max=len(self._pool.input.weight) - 1)
        if self._watched:
            with torch.no_grad():
                self._run(decision.kind, choice, stop)

    def _run(self, kind: str, choice: Int[Tensor, " tasks"], stop: int) -> None:
        pool = self._pool
        if kind == "activation":
            self._shape = self._shape._replace(activation=choice)
        elif kind == "input":
            self._hidden = self._shape.layer(self._x, *taken(pool.input, choice))
        elif kind == "output":
            self._last = taken(pool.output, choice)
        elif kind == "hidden":
            assert self._hidden is not None
            layer = taken(pool.hidden, choice.clamp(max=stop - 1))
            after = self._shape.layer(self._hidden, *layer)
            going = self._going.view(-1, *[1] * (after.dim() - 1))
            # not where shapes differ: convolutions shrink, and then nobody can stop
            self._hidden = torch.where(going, after, self._hidden) if pool.stop else after
        hidden = self._hidden
        if hidden is not None and pool.kind == "regression":
            hidden = self._shape.features(hidden)
        self._outputs = pool.task_view.watch(hidden, self._last, self._y)
        if self._units is not None and pool.kind == "regression" and self._last is not None:
            self._outputs = self._outputs * self._units.y_scale + self._units.y_offset

    def _allowed(self) -> Bool[Tensor, "tasks choices"] | None:
        """Which options there are; None where all are."""
        if self.complete or self._decisions[len(self._chosen)].kind != "hidden":
            return None
        pool, first = self._pool, len(self._decisions) - (self._pool.depth - 2)
        fitting = pool.fitting(len(self._chosen) - first)
        if fitting is None and self._direct is None:
            return None
        options = self._decisions[len(self._chosen)].options
        if fitting is None:
            fitting = self._going.new_ones(options)
        allowed = self._going.unsqueeze(1) & fitting
        if pool.stop:
            allowed[:, -1] = True
        if self._direct is not None:  # what follows makes no difference: there is one option
            one = torch.arange(options, device=fitting.device) == fitting.int().argmax()
            allowed = torch.where(self._direct.unsqueeze(1), one, allowed)
        return allowed
