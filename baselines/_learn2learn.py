"""The only place that imports learn2learn, and the way its MAML runs on many tasks at once.

learn2learn 0.2.0 is installed by `make`; importing it imports torchvision, whose wheel does not
match a CPU-only torch. Both are dealt with here and nowhere else.
"""

import contextlib
import importlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.core import Predictor, Support, task_mse
from benchmarks.core.errors import MissingDependency

HOW_TO_INSTALL = (
    "type `make` in a checkout, or `pip install --no-deps learn2learn==0.2.0 "
    '--config-settings="--build-option=build_ext"`'
)
Loss = Callable[..., Tensor]
"""One number a task, of predictions and targets."""
Answer = Callable[[nn.Module, Support, Tensor], Tensor]
"""What a network that is adapted to the support set says of other points x."""

LEAST_SQUARE = 1e-12

_declared: list[torch.library.Library] = []


def _import_torchvision() -> None:
    """Import torchvision, declaring the operators it expects where its own library can't load."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)  # a declaration lives as long as its library object
        importlib.import_module("torchvision")


def _import_learn2learn() -> Any:
    # gym prints a notice about its successor when imported; nothing here uses an environment
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        try:
            _import_torchvision()
            import learn2learn
        except ImportError as error:
            raise MissingDependency(
                f"learn2learn cannot be imported ({error}); {HOW_TO_INSTALL}"
            ) from error
    return learn2learn


learn2learn = _import_learn2learn()


def expand(network: nn.Module, tasks: int) -> nn.Module:
    """A clone whose every parameter has a leading axis of `tasks`, all views of the same values.

    Gradients of the clone's parameters flow back to the network's, summed over tasks.
    """
    clone = learn2learn.clone_module(network)
    for module in clone.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                module._parameters[name] = parameter.unsqueeze(0).expand(tasks, *parameter.shape)
    return clone


def task_batched_maml(network: nn.Module, tasks: int, lr: float, first_order: bool) -> Any:
    """learn2learn's MAML around a network that holds one copy of the weights for each task.

    Its `adapt` must be given the **sum** over tasks of per-task losses: tasks do not touch each
    other, so each then takes its own exact gradient step. A mean would divide every step by the
    number of tasks.
    """
    return learn2learn.algorithms.MAML(expand(network, tasks), lr=lr, first_order=first_order)


def task_batched_meta_sgd(
    network: nn.Module, rates: Sequence[Tensor], tasks: int, first_order: bool
) -> Any:
    """learn2learn's Meta-SGD likewise; `rates` are shaped like the network's own parameters."""
    return learn2learn.algorithms.MetaSGD(
        expand(network, tasks), lrs=list(rates), first_order=first_order
    )


def adapt(learner: Any, loss: Tensor, max_norm: float) -> None:
    """One step of a task-batched algorithm, each task's gradient capped at `max_norm`, if not 0.

    `loss` is the sum over tasks, as for learn2learn's own `adapt`.
    """
    if not max_norm:
        learner.adapt(loss)
        return
    weights = list(learner.module.parameters())
    second_order = not learner.first_order
    gradients = capped(
        torch.autograd.grad(loss, weights, retain_graph=second_order, create_graph=second_order),
        max_norm,
    )
    if isinstance(learner, learn2learn.algorithms.MetaSGD):
        update = learn2learn.algorithms.meta_sgd.meta_sgd_update
        learner.module = update(learner.module, learner.lrs, gradients)
    else:
        update = learn2learn.algorithms.maml.maml_update
        learner.module = update(learner.module, learner.lr, gradients)


def capped(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    """The gradients of all weights, shrunk for every task whose norm is above `max_norm`."""
    square = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0)
    # the root of 0 has no derivative
    share = (max_norm / (square + LEAST_SQUARE).sqrt()).clamp(max=1.0)
    return [gradient * share.view(-1, *[1] * (gradient.dim() - 1)) for gradient in gradients]


def frozen(network: nn.Module, device: torch.device) -> nn.Module:
    """A copy of the network that starts a graph of its own, for adaptation at test."""
    copy = learn2learn.clone_module(network.to(device))
    for parameter in copy.parameters():
        parameter.detach_().requires_grad_()
    return copy


def _as_it_is(network: nn.Module, support: Support, x: Tensor) -> Tensor:
    return network(x)


def predictors(
    learner: Any,
    support: Support,
    steps: Sequence[int],
    loss: Loss = task_mse,
    answer: Answer = _as_it_is,
    max_norm: float = 0.0,
) -> Iterator[Predictor]:
    """Predictors after each number of `learner.adapt` steps on the support sets.

    `learner` is a first-order learn2learn algorithm around a task-batched network.
    """
    taken = 0
    for wanted in steps:
        for _ in range(wanted - taken):
            with torch.enable_grad():
                adapt(learner, loss(learner(support.x), support.y).sum(), max_norm)
        taken = wanted
        yield _predictor(learn2learn.clone_module(learner.module), support, answer)


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
    learner = task_batched_maml(network, len(support), lr, first_order=True)
    return predictors(learner, support, steps, loss, answer, max_norm)


def _predictor(network: nn.Module, support: Support, answer: Answer) -> Predictor:
    def predict(x: Tensor) -> Tensor:
        with torch.no_grad():
            return answer(network, support, x)

    return predict
