"""The only place that imports learn2learn, and the way its MAML runs on many tasks at once.

learn2learn 0.2.0 is installed by `make`; importing it imports torchvision, whose wheel does not
match a CPU-only torch. Both are dealt with here and nowhere else.
"""

import contextlib
import importlib
import io
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from baselines._steps import capped, expand
from benchmarks.core.errors import MissingDependency

HOW_TO_INSTALL = (
    "type `make` in a checkout, or, where there is a C compiler, `pip install torchvision "
    "gym==0.26.2 tqdm && pip install --no-deps learn2learn==0.2.0 "
    '--config-settings="--build-option=build_ext"`'
)

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
                f"learn2learn cannot be imported ({error}), which maml, meta_sgd and anil train "
                f"with; {HOW_TO_INSTALL}"
            ) from error
    return learn2learn


learn2learn = _import_learn2learn()


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
