"""Adapting composed networks at test, and predicting with them."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.core import Predictor, Spread, Support
from reml.inner.network import ComposedNetwork, adapt, run, surely
from reml.inner.pool import LayerPool

AT_ONCE = 256
"""Networks that are run at once: what more of them compute would no longer fit into caches."""


def predictors(
    pool: LayerPool,
    compositions: Int[Tensor, "tasks kept decisions"],
    weight: Float[Tensor, "tasks kept"],
    support: Support,
    steps: Sequence[int],
    max_norm: float,
) -> Iterator[Predictor]:
    """Yield a predictor after each number of adaptation steps; see `MetaLearner.adapt`.

    What is predicted is the mean of the mixture of a task's networks, of classes the logarithm of
    its probabilities. Where all networks solve for their last layer, targets have a standard
    deviation, too: that of the mixture.

    Args:
        pool: what the networks are made of.
        compositions: each task's networks.
        weight: what they count; sums to 1 for each task.
        support: what to adapt on.
        steps: ascending.
        max_norm: cap on the norm of a task's gradient.
    """
    with torch.no_grad():
        asked = [
            _Asked.of(pool, support.rows(rows), compositions[rows], weight[rows])
            for rows in _portions([len(it) for it in pool.parts(support)], compositions)
        ]
    taken = 0
    predictor: Predictor | None = None
    for wanted in steps:
        for _ in range(wanted - taken):
            adapted = [it.adapted(max_norm) for it in asked]
            if all(new.network is old.network for new, old in zip(adapted, asked, strict=True)):
                break  # they solve for their last layers, and have
            asked, predictor = adapted, None
        taken = wanted
        if predictor is None:
            predictor = _predictor(asked)
        yield predictor


def _portions(
    parts: Sequence[int], compositions: Int[Tensor, "tasks kept decisions"]
) -> Iterator[slice]:
    """Parts of so many tasks, split further so that none has many different networks."""
    tasks, kept, _ = compositions.shape
    task = torch.arange(tasks, device=compositions.device).repeat_interleave(kept)
    pairs = torch.cat([task.unsqueeze(1), compositions.flatten(0, 1)], 1).unique(dim=0)
    start = count = 0
    ends = set(accumulate(parts))
    for end, networks in enumerate(pairs[:, 0].bincount(minlength=tasks).tolist(), 1):
        if count and count + networks > AT_ONCE:
            yield slice(start, end - 1)
            start, count = end - 1, 0
        count += networks
        if end in ends:
            yield slice(start, end)
            start, count = end, 0


class _Asked(NamedTuple):
    """The networks of some tasks, each different one once, side by side.

    Attributes:
        task: which task each network is of.
        weight: what it counts there.
        network: all of them.
        support: what each adapts on.
        tasks: how many there are.
        several: whether a task may have several networks.
    """

    task: Int[Tensor, " networks"]
    weight: Float[Tensor, " networks"]
    network: ComposedNetwork
    support: Support
    tasks: int
    several: bool

    @classmethod
    def of(
        cls,
        pool: LayerPool,
        support: Support,
        compositions: Int[Tensor, "tasks kept decisions"],
        weight: Float[Tensor, "tasks kept"],
    ) -> "_Asked":
        tasks, kept = weight.shape
        task = torch.arange(tasks, device=weight.device).repeat_interleave(kept)
        pairs = torch.cat([task.unsqueeze(1), compositions.flatten(0, 1)], 1)
        pairs, place = pairs.unique(dim=0, return_inverse=True)
        share = weight.new_zeros(len(pairs)).index_add_(0, place, weight.flatten())
        task = pairs[:, 0]
        network = pool.gather(pairs[:, 1:]).detach()
        return cls(task, share, network, support.rows(task), tasks, kept > 1)

    def adapted(self, max_norm: float) -> "_Asked":
        x, y = self.support.x, self.support.y
        network = adapt(self.network, x, y, max_norm=max_norm, differentiable=False)
        return self._replace(network=network)

    def predict(self, x: Float[Tensor, "tasks points features"]) -> Tensor:
        """Means of targets, or logarithms of the probabilities of classes."""
        said = run(self.network, x[self.task], self.support.x)
        if not self.several:
            return said
        if self.network.shape.kind == "classification":
            return self._mixed(said.softmax(2)).log()
        return self._mixed(said)

    def std(self, x: Float[Tensor, "tasks points features"]) -> Tensor:
        x = x[self.task]
        said, own = surely(self.network, x, self.support.x)
        if not self.several:
            return own
        away = said - self._mixed(said)[self.task]
        return self._mixed(own**2 + away**2).sqrt()

    def _mixed(self, said: Float[Tensor, "networks points outputs"]) -> Tensor:
        weighted = self.weight[:, None, None] * said
        return said.new_zeros(self.tasks, *said.shape[1:]).index_add_(0, self.task, weighted)


def _predictor(asked: list[_Asked]) -> Predictor:
    sizes = [it.tasks for it in asked]

    @torch.no_grad()
    def predict(x: Tensor) -> Tensor:
        parts = zip(asked, x.split(sizes), strict=True)
        return torch.cat([it.predict(rows) for it, rows in parts])

    @torch.no_grad()
    def std(x: Tensor) -> Tensor:
        parts = zip(asked, x.split(sizes), strict=True)
        return torch.cat([it.std(rows) for it, rows in parts])

    network = asked[0].network
    believes = network.prior is not None and network.solves is None
    if believes and network.shape.kind == "regression":
        return Spread(predict, std)
    return predict
