"""One copy of a network for each task, under one of torch's optimisers."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from baselines._steps import Loss, capped, expand

Start = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


class Copies:
    """Adapted by an optimiser, with what `predictors` asks of an algorithm.

    SGD and Adam work on each weight alone: given the sum of per-task losses, tasks do not touch.
    """

    def __init__(self, network: nn.Module, tasks: int, start: Start, max_norm: float = 0.0) -> None:
        self._max_norm = max_norm
        self.module = expand(network, tasks)
        for part in self.module.modules():
            for name, weight in part._parameters.items():
                if weight is not None:
                    part._parameters[name] = nn.Parameter(weight.detach().clone())
        self._optimiser = start(self.module.parameters())

    def __call__(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        return self.module(x) if real is None else self.module(x, real=real)

    @torch.enable_grad()
    def step(self, x: Tensor, y: Tensor, loss: Loss) -> None:
        self.adapt(loss(self(x), y).sum())

    def adapt(self, loss: Tensor) -> None:
        self._optimiser.zero_grad()
        loss.backward()
        if self._max_norm:
            weights = list(self.module.parameters())
            gradients = [weight.grad for weight in weights if weight.grad is not None]
            for gradient, less in zip(gradients, capped(gradients, self._max_norm), strict=True):
                gradient.copy_(less)
        self._optimiser.step()
