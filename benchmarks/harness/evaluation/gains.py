"""What a learner gained, task by task: over a network from scratch, or over what it was before.

All functions take scores of shape (steps, tasks) in the problem's own metric: an error (`mse` or
`rmse`), or in classification accuracy. A metric made of accuracies has `accuracy_` before its name,
and higher is better there; its differences are differences of accuracies.

| metric | what it is | better |
|---|---|---|
| `jumpstart` | by how much it is ahead of scratch before the first step | higher |
| `area` | the mean of its score over the steps: the area under the curve by the range of steps | as the score |
| `steps_to_threshold` | the first number of steps after which it is as good as scratch after the most; the most + 1 where it never is | lower |
| `vs_scratch` | log10 of its error over that of scratch (0: as scratch; −1: a tenth of its error); `accuracy_vs_scratch` is a difference | lower; of accuracies, higher |
| `before` | its score on the first family, before the second was trained on (after it: the problem's own metric) | as the score |
| `then` | its score on the second family, after training on it | as the score |
| `backward` | by how much training on the second family made it better on the first; negative is forgetting | higher |
| `forward` | by how much it is ahead of scratch on the second family before training on it | higher |
"""  # noqa: E501

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import Kind

LEAST = 1e-6
"""An error below so large a share of what scratch has on average counts as that share of it."""

RETAINED = {
    "before": ("before",),
    "then": ("then",),
    "backward": ("after", "before"),
    "forward": ("unseen",),
}
"""Of the metrics of `of_retention`, whose scores of the learner each follows from."""

Levels = Float[Tensor, "steps tasks"]
Others = Float[Tensor, "steps others"]
Gains = dict[str, Float[Tensor, "..."]]


def of_transfer(own: Levels, scratch: Levels, steps: Sequence[int], kind: Kind) -> Gains:
    """`jumpstart`, `area` and `steps_to_threshold`, each of shape (tasks,).

    They are those of Taylor & Stone (2009, section 2.2), with what scratch reaches on the same task
    as the threshold.
    """
    at = torch.tensor(steps, dtype=own.dtype)
    area = torch.trapezoid(own, at, dim=0) / (at[-1] - at[0])
    reached = own >= scratch[-1] if kind == "classification" else own <= scratch[-1]
    first = at[reached.int().argmax(0)]
    never = ~reached.any(0)
    return {
        **named({"jumpstart": ahead(own[0], scratch[0], kind), "area": area}, kind),
        "steps_to_threshold": torch.where(never, at[-1] + 1, first),
    }


def of_elsewhere(own: Levels, scratch: Levels, kind: Kind) -> Gains:
    """`vs_scratch` after every number of steps."""
    if kind == "classification":
        return named({"vs_scratch": own - scratch}, kind)
    floor = LEAST * scratch.mean(1, keepdim=True)
    floor = floor.clamp_min(torch.finfo(own.dtype).tiny)  # scratch may be perfect, too
    return {"vs_scratch": (own.maximum(floor) / scratch.maximum(floor)).log10()}


def of_retention(
    before: Levels, after: Levels, unseen: Others, then: Others, scratch: Others, kind: Kind
) -> Gains:
    """`before`, `then`, `backward` and `forward` after every number of steps.

    `before` and `after` are on the first family; `unseen`, `then` and `scratch` on the second,
    before and after training on it, and from scratch. With two families, `backward` and `forward`
    are those of Lopez-Paz & Ranzato (2017, section 2), of errors with the sign turned.
    """
    gains = {
        "before": before,
        "then": then,
        "backward": ahead(after, before, kind),
        "forward": ahead(unseen, scratch, kind),
    }
    return named(gains, kind)


def ahead(own: Tensor, other: Tensor, kind: Kind) -> Tensor:
    """By how much `own` is better than `other`."""
    return own - other if kind == "classification" else other - own


def named(gains: Gains, kind: Kind) -> Gains:
    if kind == "classification":
        return {f"accuracy_{name}": values for name, values in gains.items()}
    return gains
