"""The pool: banks of layers that every composed network is made of."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from reml.inner import ComposedNetwork


class Bank(nn.Module):
    """`layers` linear layers of one shape, each with learning rates of its own for adaptation.

    Weights start as Glorot uniform. A layer that reads the inputs gets biases from N(0, 1), so
    that the kinks of its ReLUs spread over the input range; the others get zeros.
    """

    def __init__(
        self, layers: int, inputs: int, outputs: int, inner_lr: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        bound = math.sqrt(6 / (inputs + outputs))
        weight = (torch.rand(layers, inputs, outputs, generator=generator) * 2 - 1) * bound
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(layers, 1, outputs))
        self.log_rate = nn.Parameter(torch.full((layers, 2), math.log(inner_lr)))

    def spread_kinks(self, generator: torch.Generator) -> None:
        with torch.no_grad():
            self.bias.normal_(generator=generator)


class LayerPool(nn.Module):
    """Three banks: input layers, hidden layers and output layers.

    Args:
        features: inputs of a task.
        outputs: outputs of a task.
        width: units of every hidden layer.
        sizes: how many input, hidden and output layers there are.
        depth: layers of a composed network, at least 2.
        inner_lr: where the learned adaptation rates start.
        generator: for the initial weights.
    """

    def __init__(
        self,
        features: int,
        outputs: int,
        width: int,
        sizes: tuple[int, int, int],
        depth: int,
        inner_lr: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        n_input, n_hidden, n_output = sizes
        self.input = Bank(n_input, features, width, inner_lr, generator)
        self.input.spread_kinks(generator)
        self.hidden = Bank(n_hidden, width, width, inner_lr, generator)
        self.output = Bank(n_output, width, outputs, inner_lr, generator)
        self.depth = depth

    @property
    def choices(self) -> tuple[int, ...]:
        """How many layers each decision chooses from: input, output, then hidden 1, 2, ..."""
        hidden = len(self.hidden.weight)
        return (len(self.input.weight), len(self.output.weight)) + (hidden,) * (self.depth - 2)

    def gather(self, composition: Int[Tensor, "tasks decisions"]) -> ComposedNetwork:
        """The networks that the compositions name, one a task; gradients flow to the pool.

        `composition` is in decision order (see `choices`), each entry an index into its bank.
        """
        banks = [self.input, *[self.hidden] * (self.depth - 2), self.output]
        order = [0, *range(2, self.depth), 1]
        weights: list[Float[Tensor, "tasks inputs outputs"]] = []
        rates: list[Float[Tensor, "tasks 1 1"]] = []
        for bank, decision in zip(banks, order, strict=True):
            chosen = composition[:, decision]
            rate = bank.log_rate[chosen].exp()
            weights += [bank.weight[chosen], bank.bias[chosen]]
            rates += [rate[:, :1, None], rate[:, 1:, None]]
        return ComposedNetwork(weights, rates)
