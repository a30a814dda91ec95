"""The thesis's pool of layers, and Adam on the networks composed out of it."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from benchmarks.core import task_mse
from reml.inner import network
from reml.inner.bank import Bank, absorb

Weights = list[Tensor]
"""One network a task: weight (tasks, in, out) and bias (tasks, 1, out) of each layer in turn."""

INPUT, OUTPUT, HIDDEN = range(3)
"""The kinds of layers, in the order in which they are decided."""


class ThesisPool(nn.Module):
    """Three banks whose layers are numbered together: input layers, output layers, hidden layers.

    Args:
        features: inputs of a task.
        outputs: outputs of a task.
        width: units of every hidden layer.
        sizes: how many input, hidden and output layers there are.
        depth: layers of a composed network, at least 2.
        generator: for the initial weights.
    """

    kind: Tensor

    def __init__(
        self,
        features: int,
        outputs: int,
        width: int,
        sizes: tuple[int, int, int],
        depth: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        n_input, n_hidden, n_output = sizes
        self.input = Bank(n_input, features, width, generator)
        self.output = Bank(n_output, width, outputs, generator)
        self.hidden = Bank(n_hidden, width, width, generator)
        self.first = (0, n_input, n_input + n_output)
        self.width = width
        self.depth = depth
        kinds = torch.tensor([INPUT, OUTPUT, HIDDEN])
        counts = torch.tensor([n_input, n_output, n_hidden])
        self.register_buffer("kind", kinds.repeat_interleave(counts), persistent=False)

    @property
    def banks(self) -> tuple[Bank, Bank, Bank]:
        """By kind: `INPUT`, `OUTPUT`, `HIDDEN`."""
        return self.input, self.output, self.hidden

    def __len__(self) -> int:
        return len(self.kind)

    def layer(
        self, kind: int, chosen: Int[Tensor, " tasks"]
    ) -> tuple[Float[Tensor, "tasks inputs outputs"], Float[Tensor, "tasks 1 outputs"]]:
        """Copies of the weights and biases of the chosen layers, all of one kind."""
        bank, index = self.banks[kind], chosen - self.first[kind]
        return bank.weight[index], bank.bias[index]

    def gather(self, layers: Int[Tensor, "tasks depth"]) -> Weights:
        """Copies of the networks that `layers` name, in the order in which they were decided."""
        weights: Weights = []
        for decision in (0, *range(2, self.depth), 1):
            weights += self.layer(min(decision, HIDDEN), layers[:, decision])
        return weights

    def write_back(self, layers: Int[Tensor, "tasks depth"], weights: Weights) -> None:
        """Put trained networks back; a layer in several of them becomes the mean of its copies."""
        hidden = slice(2, self.depth)
        for kind, decisions, place in (
            (INPUT, slice(0, 1), slice(0, 1)),
            (OUTPUT, slice(1, 2), slice(self.depth - 1, self.depth)),
            (HIDDEN, hidden, slice(1, self.depth - 1)),
        ):
            index = layers[:, decisions].T.flatten() - self.first[kind]
            if len(index):
                weight, bias = (torch.cat(weights[part::2][place]).detach() for part in (0, 1))
                absorb(self.banks[kind].weight, index, weight, 1.0)
                absorb(self.banks[kind].bias, index, bias, 1.0)

    def random_layers(
        self, tasks: int, generator: torch.Generator
    ) -> Int[Tensor, "tasks decisions"]:
        """Compositions that fit, each as likely as any other."""
        shuffled = [
            torch.rand(tasks, len(bank.weight), generator=generator).argsort(1) + first
            for bank, first in zip(self.banks, self.first, strict=True)
        ]
        chosen = [shuffled[INPUT][:, :1], shuffled[OUTPUT][:, :1]]
        layers = torch.cat([*chosen, shuffled[HIDDEN][:, : self.depth - 2]], 1)
        return layers.to(self.kind.device)


def run(
    weights: Weights, x: Float[Tensor, "tasks points features"]
) -> Float[Tensor, "tasks points outputs"]:
    """Predictions of each task's network: ReLU between layers, identity at the output."""
    return network.run(network.ComposedNetwork(weights, []), x)


class AdamTraining:
    """Adam on networks that share nothing, one a task.

    Adam works on each weight alone, and the gradient is that of the **sum** of per-task losses:
    each task takes its own exact steps.
    """

    def __init__(self, weights: Weights, lr: float) -> None:
        self.weights = [weight.detach().clone().requires_grad_() for weight in weights]
        self._optimiser = torch.optim.Adam(self.weights, lr, fused=True)

    def train(
        self,
        x: Float[Tensor, "tasks points features"],
        y: Float[Tensor, "tasks points outputs"],
        steps: int,
    ) -> None:
        """Take `steps` more steps."""
        with torch.enable_grad():
            for _ in range(steps):
                self._optimiser.zero_grad()
                task_mse(run(self.weights, x), y).sum().backward()
                self._optimiser.step()

    def snapshot(self) -> Weights:
        """The weights as they are now."""
        return [weight.detach().clone() for weight in self.weights]
