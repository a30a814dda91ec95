"""Gradient steps of one network a task, all tasks at once."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from baselines._perceptron import descend_squared_error, squared_error_gradients
from benchmarks.core import Predictor, Support, task_mse

Loss = Callable[..., Tensor]
"""One number a task, of predictions and targets."""
Answer = Callable[[nn.Module, Support, Tensor], Tensor]
"""What a network that is adapted to the support set says of other points x."""
Module = TypeVar("Module", bound=nn.Module)

COPIED, FEWEST = 6 * 2**16, 32
"""Weights that are adapted together at test, of at least so many tasks."""
LEAST_SQUARE = 1e-12
NEARLY = 0.999
"""A norm below so much of the cap is below it however it is rounded."""


@runtime_checkable
class Adapts(Protocol):
    """A network with one copy of its weights for each task, and a way to take a step with all."""

    module: nn.Module

    def step(self, x: Tensor, y: Tensor, loss: Loss) -> None: ...


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
        self._own = False

    @torch.no_grad()
    def step(self, x: Tensor, y: Tensor, loss: Loss) -> None:
        """The weights of `module` are moved in place, once they are its own."""
        if not self._own:
            self.module, self._own = remade(self.module, _written_out), True
        rate: Any = self._rate
        plain = loss is task_mse and not self._max_norm
        alone = not isinstance(rate, Sequence)
        if plain and alone and descend_squared_error(self.module, x, y, rate):
            return
        gradients = task_gradients(self.module, x, y, loss, further=False)
        if self._max_norm:
            gradients = capped(gradients, self._max_norm)
        rates: Sequence[Any] = [rate] * len(gradients) if alone else rate
        for weight, by, it in zip(self.module.parameters(), rates, gradients, strict=True):
            if alone:
                weight.sub_(it, alpha=by)
            else:
                weight.addcmul_(by, it, value=-1)


def _written_out(weight: Tensor) -> Tensor:
    return weight.clone(memory_format=torch.contiguous_format)


def task_gradients(
    module: nn.Module, x: Tensor, y: Tensor, loss: Loss, *, further: bool
) -> Sequence[Tensor]:
    """Of each task's loss, by its own copy of each weight, in torch's order.

    With `further` they can be differentiated in turn.
    """
    if loss is task_mse:
        with torch.set_grad_enabled(further):
            gradients = squared_error_gradients(module, x, y)
        if gradients is not None:
            return gradients
    with torch.enable_grad():
        if not further:
            module = remade(module, lambda weight: weight.detach().requires_grad_())
        # tasks do not touch each other: the gradient of the sum is each task's own
        total = loss(module(x), y).sum()
        weights = list(module.parameters())
        return torch.autograd.grad(total, weights, retain_graph=further, create_graph=further)


def remade(module: Module, change: Callable[[Tensor], Tensor]) -> Module:
    """The same module but for its parameters, each of which `change` made, in torch's order."""
    copy = module.__new__(type(module))
    weights: dict[str, Any] = {  # views and results of steps, which torch would not take for such
        name: None if weight is None else change(weight)
        for name, weight in module._parameters.items()
    }
    parts = {
        name: None if part is None else remade(part, change)
        for name, part in module._modules.items()
    }
    copy.__dict__.update(  # torch's own way to set an attribute takes a tenth of MAML's time
        module.__dict__, _parameters=weights, _buffers=dict(module._buffers), _modules=parts
    )
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
    if gradients[0].device.type == "cpu":  # elsewhere, to ask would be to wait for the answer
        with torch.no_grad():
            norms = [torch.linalg.vector_norm(it.flatten(1), dim=1) for it in gradients]
            if bool((torch.stack(norms).norm(dim=0) < NEARLY * max_norm).all()):
                return list(gradients)
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
    """Predictors after each number of `learner.step`s on the support sets."""
    taken = 0
    for wanted in steps:
        for _ in range(wanted - taken):
            learner.step(support.x, support.y, loss)
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
    size = _at_once(network, support)
    parts = [support.rows(slice(at, at + size)) for at in range(0, len(support), size)]
    each = [
        predictors(Descent(expand(network, len(part)), lr, max_norm), part, steps, loss, answer)
        for part in parts or [support]
    ]
    return (
        each[0] if len(each) == 1 else (_joined(found, size) for found in zip(*each, strict=True))
    )


def _at_once(network: nn.Module, support: Support) -> int:
    """Tasks whose copies of the network a processor's cache can hold."""
    if support.x.device.type != "cpu":
        return max(1, len(support))
    return max(FEWEST, COPIED // max(1, sum(weight.numel() for weight in network.parameters())))


def _joined(found: Sequence[Predictor], size: int) -> Predictor:
    def predict(x: Tensor) -> Tensor:
        parts = zip(found, x.split(size), strict=True)
        return torch.cat([predictor(part) for predictor, part in parts])

    return predict


def _predictor(network: nn.Module, support: Support, answer: Answer) -> Predictor:
    def predict(x: Tensor) -> Tensor:
        with torch.no_grad():
            return answer(network, support, x)

    return predict
