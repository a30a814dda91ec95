"""Adapting composed networks at test, and predicting with them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from benchmarks.core import Predictor, Support
from reml.inner import ComposedNetwork, adapt, run


def predictors(
    gather: Callable[[Support], ComposedNetwork],
    support: Support,
    steps: Sequence[int],
    max_norm: float,
    at_once: int | None,
) -> Iterator[Predictor]:
    """Yield a predictor after each number of gradient steps; see `MetaLearner.adapt`.

    Args:
        gather: composes a network for each task.
        support: what to adapt on.
        steps: ascending.
        max_norm: cap on the norm of a task's gradient.
        at_once: how many tasks may be in memory together; None is all.
    """
    size = at_once or len(support)
    parts = [support.rows(slice(at, at + size)) for at in range(0, len(support), size)]
    with torch.no_grad():
        networks = [gather(part).detach() for part in parts]
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
