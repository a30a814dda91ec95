"""Gradient steps of one network a task, all tasks at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from benchmarks.core import Predictor, Support, task_mse

Loss = Callable[..., Tensor]
"""One number a task, of predictions and targets."""
Answer = Callable[[nn.Module, Support, Tensor], Tensor]
"""What a network that is adapted to the support set says of other points x."""
Module = TypeVar("Module", bound=nn.Module)

LEAST_SQUARE = 1e-12


@runtime_checkable
class Adapts(Protocol):
    """A network with one copy of its weights for each task, and a way to take a step with all.

    `adapt` is given the **sum** over tasks of per-task losses: tasks do not touch each other, so
    each then takes its own exact step. A mean would divide every step by the number of tasks.
    """

    module: nn.Module

    def __call__(self, x: Tensor) -> Tensor: ...
    def adapt(self, loss: Tensor) -> None: ...


class Descent:
    """Plain gradient steps, at one rate or at one for each weight of the network.

    Each task's gradient is capped at `max_norm`, if that is not 0.
    """

    def __init__(
        self, module: nn.Module, rate: float | Sequence[Tensor], max_norm: float = 0.0
    ) -> None:
        self.module = module
        self._rate = rate
        self._max_norm = max_norm

    def __call__(self, x: Tensor) -> Tensor:
        return self.module(x)

    def adapt(self, loss: Tensor) -> None:
        weights = list(self.module.parameters())
        gradients: Sequence[Tensor] = torch.autograd.grad(loss, weights)
        if self._max_norm:
            gradients = capped(gradients, self._max_norm)
        rate = self._rate
        rates: Sequence[Any] = rate if isinstance(rate, Sequence) else [rate] * len(gradients)
        step = (each * gradient for each, gradient in zip(rates, gradients, strict=True))
        self.module = remade(self.module, lambda weight: weight - next(step))


def remade(module: Module, change: Callable[[Tensor], Tensor]) -> Module:
    """The same module but for its parameters, each of which `change` made, in torch's order."""
    copy = module.__new__(type(module))
    copy.__dict__ = dict(module.__dict__)
    weights: dict[str, Any] = {  # views and results of steps, which torch would not take for such
        name: None if weight is None else change(weight)
        for name, weight in module._parameters.items()
    }
    copy._parameters = weights
    copy._buffers = dict(module._buffers)
    copy._modules = {
        name: None if part is None else remade(part, change)
        for name, part in module._modules.items()
    }
    return copy


def expand(network: Module, tasks: int) -> Module:
    """A network whose every parameter has a leading axis of `tasks`, all views of the same values.

    Gradients of its parameters flow back to the network's, summed over tasks.
    """
    return remade(network, lambda weight: weight.unsqueeze(0).expand(tasks, *weight.shape))


def frozen(network: Module, device: torch.device) -> Module:
    """A copy of the network that starts a graph of its own, for adaptation at test."""
    return remade(network.to(device), lambda weight: weight.detach().clone().requires_grad_())


def capped(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    """The gradients of all weights, shrunk for every task whose norm is above `max_norm`."""
    square = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0)
    # the root of 0 has no derivative
    share = (max_norm / (square + LEAST_SQUARE).sqrt()).clamp(max=1.0)
    return [gradient * share.view(-1, *[1] * (gradient.dim() - 1)) for gradient in gradients]


def _as_it_is(network: nn.Module, support: Support, x: Tensor) -> Tensor:
    return network(x)


def predictors(
    learner: Adapts,
    support: Support,
    steps: Sequence[int],
    loss: Loss = task_mse,
    answer: Answer = _as_it_is,
) -> Iterator[Predictor]:
    """Predictors after each number of `learner.adapt` steps on the support sets."""
    taken = 0
    for wanted in steps:
        for _ in range(wanted - taken):
            with torch.enable_grad():
                learner.adapt(loss(learner(support.x), support.y).sum())
        taken = wanted
        yield _predictor(remade(learner.module, torch.clone), support, answer)


def sgd_predictors(
    network: nn.Module,
    support: Support,
    steps: Sequence[int],
    lr: float,
    loss: Loss = task_mse,
    answer: Answer = _as_it_is,
    max_norm: float = 0.0,
) -> Iterator[Predictor]:
    """Predictors after each number of plain gradient steps on the support sets."""
    network = frozen(network, support.x.device)
    return predictors(
        Descent(expand(network, len(support)), lr, max_norm), support, steps, loss, answer
    )


def _predictor(network: nn.Module, support: Support, answer: Answer) -> Predictor:
    def predict(x: Tensor) -> Tensor:
        with torch.no_grad():
            return answer(network, support, x)

    return predict
