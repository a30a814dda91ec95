"""Adapting composed networks at test, and predicting with them."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from benchmarks.core import Predictor, Support
from reml.inner.network import ComposedNetwork, adapt, run
from reml.inner.pool import LayerPool


def predictors(
    pool: LayerPool,
    composition: Int[Tensor, "tasks decisions"],
    support: Support,
    steps: Sequence[int],
    max_norm: float,
) -> Iterator[Predictor]:
    """Yield a predictor after each number of gradient steps; see `MetaLearner.adapt`.

    Args:
        pool: what the networks are made of.
        composition: each task's network.
        support: what to adapt on.
        steps: ascending.
        max_norm: cap on the norm of a task's gradient.
    """
    parts = pool.parts(support)
    with torch.no_grad():
        chosen = composition.split([len(part) for part in parts])
        networks = [pool.gather(part).detach() for part in chosen]
    taken = 0
    for wanted in steps:
        for _ in range(wanted - taken):
            networks = [
                adapt(network, part.x, part.y, max_norm=max_norm, differentiable=False)
                for network, part in zip(networks, parts, strict=True)
            ]
        taken = wanted
        yield _predictor(networks, parts)


def _predictor(networks: list[ComposedNetwork], parts: list[Support]) -> Predictor:
    sizes = [len(part) for part in parts]

    def predict(x: Tensor) -> Tensor:
        with torch.no_grad():
            rows = x.split(sizes)
            predicted = [
                run(network, row, part.x)
                for network, row, part in zip(networks, rows, parts, strict=True)
            ]
        return torch.cat(predicted) if len(predicted) > 1 else predicted[0]

    return predict
