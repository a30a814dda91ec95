"""Adapting composed networks at test, and predicting with them."""

from collections.abc import Callable, Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.core import Predictor, Spread, Support
from reml.inner.network import ComposedNetwork, adapt, deviation, run
from reml.inner.pool import LayerPool


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
    kept = weight.shape[1]
    parts = pool.parts(support)
    rows = [
        torch.arange(len(part), device=support.x.device).repeat_interleave(kept) for part in parts
    ]
    repeated = parts if kept == 1 else [p.rows(r) for p, r in zip(parts, rows, strict=True)]
    with torch.no_grad():
        chosen = compositions.flatten(0, 1).split([len(part) for part in repeated])
        networks = [pool.gather(part).detach() for part in chosen]
    taken = 0
    for wanted in steps:
        for _ in range(wanted - taken):
            networks = [
                adapt(network, part.x, part.y, max_norm=max_norm, differentiable=False)
                for network, part in zip(networks, repeated, strict=True)
            ]
        taken = wanted
        yield _predictor(networks, repeated, weight)


def _predictor(
    networks: list[ComposedNetwork], parts: list[Support], weight: Float[Tensor, "tasks kept"]
) -> Predictor:
    kept = weight.shape[1]
    sizes = [len(part) // kept for part in parts]
    shape = networks[0].shape

    def each(
        ask: Callable[[ComposedNetwork, Tensor, Support], Tensor], x: Tensor
    ) -> Float[Tensor, "tasks kept points outputs"]:
        """What each network says."""
        with torch.no_grad():
            asked = [
                rows.repeat_interleave(kept, 0) if kept > 1 else rows for rows in x.split(sizes)
            ]
            said = [ask(*given) for given in zip(networks, asked, parts, strict=True)]
            return torch.cat(said).unflatten(0, (len(weight), kept))

    def answers(x: Tensor) -> Float[Tensor, "tasks kept points outputs"]:
        return each(lambda network, rows, part: run(network, rows, part.x), x)

    def predict(x: Tensor) -> Float[Tensor, "tasks points outputs"]:
        said = answers(x)
        if kept == 1:
            return said.squeeze(1)
        if shape.kind == "classification":
            return (said.log_softmax(3) + weight.log()[:, :, None, None]).logsumexp(1)
        return (weight[:, :, None, None] * said).sum(1)

    def std(x: Tensor) -> Float[Tensor, "tasks points outputs"]:
        own = each(lambda network, rows, part: deviation(network, rows, part.x), x)
        if kept == 1:
            return own.squeeze(1)
        said, share = answers(x), weight[:, :, None, None]
        mean = (share * said).sum(1, keepdim=True)
        return (share * (own**2 + (said - mean) ** 2)).sum(1).sqrt()

    solve = networks[0].prior is not None and networks[0].solves is None
    if solve and shape.kind == "regression":
        return Spread(predict, std)
    return predict
