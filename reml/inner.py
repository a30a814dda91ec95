"""Running and adapting a batch of composed networks, one a task."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from benchmarks.core import task_mse

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "silu": functional.silu,
}
"""By name; each may overwrite what it is given."""


class Shape(NamedTuple):
    """What a composed network is beside its weights.

    Attributes:
        activations: the menu of activations.
        activation: the task's own, as an index into the menu; None where the menu has but one.
        present: which hidden layers are there; None where all are. The others pass their input on.
    """

    activations: tuple[str, ...] = ("relu",)
    activation: Int[Tensor, " tasks"] | None = None
    present: Bool[Tensor, "tasks layers"] | None = None

    def activate(
        self, z: Float[Tensor, "tasks points width"]
    ) -> Float[Tensor, "tasks points width"]:
        """Each task's own activation of `z`, which may be overwritten."""
        if self.activation is None:
            return ACTIVATIONS[self.activations[0]](z)
        chosen = self.activation.view(-1, 1, 1)
        result = torch.zeros_like(z)
        for index, name in enumerate(self.activations):
            result = torch.where(chosen == index, ACTIVATIONS[name](z.clone()), result)
        return result


class ComposedNetwork(NamedTuple):
    """One network a task: weight and bias of each layer in forward order, and their rates.

    weights: alternately (tasks, in, out) and (tasks, 1, out); rates: (tasks, 1, 1) for each.
    """

    weights: list[Tensor]
    rates: list[Tensor]
    shape: Shape = Shape()

    def detach(self) -> "ComposedNetwork":
        return ComposedNetwork(
            [w.detach() for w in self.weights], [r.detach() for r in self.rates], self.shape
        )


def affine(
    x: Float[Tensor, "tasks points inputs"],
    weight: Float[Tensor, "tasks inputs outputs"],
    bias: Float[Tensor, "tasks 1 outputs"],
) -> Float[Tensor, "tasks points outputs"]:
    """Each task's x · weight + bias; the result is fresh and may be overwritten."""
    return torch.bmm(x, weight).add_(bias)


def run(
    network: ComposedNetwork, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points outputs"]:
    """Predictions of each task's network: activations between layers, identity at the output."""
    weights, shape = network.weights, network.shape
    for layer in range(len(weights) // 2 - 1):
        h = shape.activate(affine(x, weights[2 * layer], weights[2 * layer + 1]))
        if layer and shape.present is not None:
            h = torch.where(shape.present[:, layer - 1, None, None], h, x)
        x = h
    return affine(x, weights[-2], weights[-1])


def adapt(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
    *,
    max_norm: float,
    differentiable: bool,
    second_order: bool = True,
) -> ComposedNetwork:
    """One gradient step of every task's network on its own support points.

    The gradient is that of the **sum** of per-task losses, so each task takes its own exact step;
    its norm is capped at `max_norm` task by task. `differentiable` keeps the graph, for the
    meta-gradient, through the gradient itself only where `second_order` is set; without it the
    result is detached.
    """
    weights = network.weights
    if not differentiable:
        weights = [weight.detach().requires_grad_() for weight in weights]
    with torch.enable_grad():
        loss = task_mse(run(network._replace(weights=weights), x), y).sum()
        gradients = torch.autograd.grad(
            loss, weights, create_graph=differentiable and second_order, retain_graph=differentiable
        )
    flat = [g.flatten(1).unsqueeze(1) for g in gradients]
    square = torch.cat([torch.bmm(g, g.transpose(1, 2)) for g in flat], 2).sum(2, keepdim=True)
    cap = (max_norm / (square + 1e-12).sqrt()).clamp(max=1.0)
    stepped = [
        torch.addcmul(w, rate * cap, g, value=-1)
        for w, rate, g in zip(weights, network.rates, gradients, strict=True)
    ]
    adapted = network._replace(weights=stepped)
    return adapted if differentiable else adapted.detach()
