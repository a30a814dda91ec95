"""Gradients of ReLU networks by formula: autograd's numbers, without a graph to get them from."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.networks import Linear, Network

relu_backward = torch.ops.aten.threshold_backward.default


def squared_error_gradients(
    network: nn.Module,
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
) -> list[Tensor] | None:
    """Of each task's mean squared error, by its own copy of every weight, in torch's order.

    None if the network has other parts than linear layers, one a task, and ReLUs between them.
    These are the operations that autograd would do, in its order; where they are to be
    differentiated, theirs is the only graph.
    """
    layers = _linear(network)
    if layers is None:
        return None
    seen = [x]
    for layer in layers[:-1]:
        seen.append(torch.relu(layer(seen[-1])))
    into = 2 * (layers[-1](seen[-1]) - y) * (1 / y.shape[1] / y.shape[2])
    gradients: list[Tensor] = []
    for place in range(len(layers) - 1, -1, -1):
        gradients[:0] = [torch.bmm(seen[place].mT, into), into.sum(1, keepdim=True)]
        if place:
            back = torch.bmm(into, layers[place].weight.mT)
            into = relu_backward(back, seen[place].detach(), 0)
    return gradients


def descend_squared_error(
    network: nn.Module,
    x: Float[Tensor, "tasks points features"],
    y: Float[Tensor, "tasks points outputs"],
    rate: float,
) -> bool:
    """Move every weight by `rate` against that gradient, in place; no gradient is written out.

    False, and nothing is moved, if the network is none of `squared_error_gradients`.
    """
    layers = _linear(network)
    if layers is None:
        return False
    seen = [x]
    for layer in layers[:-1]:
        seen.append(torch.relu_(layer(seen[-1])))
    into = (layers[-1](seen[-1]) - y).mul_(2 / y.shape[1] / y.shape[2])
    for place in range(len(layers) - 1, -1, -1):
        layer, before = layers[place], into
        if place:
            back = layer.weight.mT
            # of one output there is nothing to add up, and this is three times as fast
            back = into * back if into.shape[2] == 1 else torch.bmm(into, back)
            into = relu_backward(back, seen[place], 0)
        layer.weight.baddbmm_(seen[place].mT, before, alpha=-rate)
        assert layer.bias is not None
        layer.bias.sub_(before.sum(1, keepdim=True), alpha=rate)
    return True


def _linear(network: nn.Module) -> list[Linear] | None:
    parts = list(network) if isinstance(network, Network) else [network]
    layers = [part for part in parts[::2] if isinstance(part, Linear) and part.weight.dim() == 3]
    plain = all(layer.bias is not None for layer in layers)
    between = all(type(part) is nn.ReLU for part in parts[1::2])
    return layers if plain and between and 2 * len(layers) == len(parts) + 1 else None
