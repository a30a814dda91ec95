"""Running and adapting a batch of composed networks, one a task."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.core import task_mse


class ComposedNetwork(NamedTuple):
    """One network a task: weight and bias of each layer in forward order, and their rates.

    weights: alternately (tasks, in, out) and (tasks, 1, out); rates: (tasks, 1, 1) for each.
    """

    weights: list[Tensor]
    rates: list[Tensor]

    def detach(self) -> "ComposedNetwork":
        return ComposedNetwork([w.detach() for w in self.weights], [r.detach() for r in self.rates])


def run(
    network: ComposedNetwork, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points outputs"]:
    """Predictions of each task's network: ReLU between layers, identity at the output."""
    weights = network.weights
    for layer in range(0, len(weights) - 2, 2):
        x = torch.relu(torch.baddbmm(weights[layer + 1], x, weights[layer]))
    return torch.baddbmm(weights[-1], x, weights[-2])


def adapt(
    network: ComposedNetwork,
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
    *,
    max_norm: float,
    differentiable: bool,
) -> ComposedNetwork:
    """One gradient step of every task's network on its own support points.

    The gradient is that of the **sum** of per-task losses, so each task takes its own exact step;
    its norm is capped at `max_norm` task by task. `differentiable` keeps the graph, for the
    meta-gradient; without it the result is detached.
    """
    weights = network.weights
    if not differentiable:
        weights = [weight.detach().requires_grad_() for weight in weights]
    with torch.enable_grad():
        loss = task_mse(run(ComposedNetwork(weights, network.rates), x), y).sum()
        gradients = torch.autograd.grad(loss, weights, create_graph=differentiable)
    square = torch.stack([(g**2).sum((1, 2)) for g in gradients]).sum(0)
    cap = (max_norm / (square + 1e-12).sqrt()).clamp(max=1.0).view(-1, 1, 1)
    stepped = [
        w - rate * cap * g for w, rate, g in zip(weights, network.rates, gradients, strict=True)
    ]
    adapted = ComposedNetwork(stepped, network.rates)
    return adapted if differentiable else adapted.detach()
