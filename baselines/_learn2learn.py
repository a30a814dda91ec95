"""learn2learn's MAML and Meta-SGD on many tasks at once.

learn2learn 0.2.0 is installed by `make`; it is imported when a learner trains, and that it is there
is looked at when the learner is named.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from torch import Tensor, nn

from baselines._steps import Loss, capped, expand, task_gradients
from benchmarks.core.errors import MissingDependency

REQUIRES = ("learn2learn", "torchvision", "gym", "tqdm")  # it imports the others
HOW_TO_INSTALL = (
    "type `make` in a checkout, or, where there is a C compiler, `pip install torchvision "
    "gym==0.26.2 tqdm && pip install --no-deps learn2learn==0.2.0 "
    '--config-settings="--build-option=build_ext"`'
)


def _there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # it was imported, and has no origin
        return False


for _package in REQUIRES:
    if not _there(_package):
        raise MissingDependency(
            f"there is no {_package}, which maml, meta_sgd and anil train with; {HOW_TO_INSTALL}"
        )


def _algorithms() -> Any:
    from baselines._import_learn2learn import learn2learn

    return learn2learn.algorithms


def task_batched_maml(network: nn.Module, tasks: int, lr: float, first_order: bool) -> Any:
    """learn2learn's MAML around a network that holds one copy of the weights for each task.

    Its `adapt` must be given the **sum** over tasks of per-task losses: tasks do not touch each
    other, so each then takes its own exact gradient step. A mean would divide every step by the
    number of tasks.
    """
    return _algorithms().MAML(expand(network, tasks), lr=lr, first_order=first_order)


def task_batched_meta_sgd(
    network: nn.Module, rates: Sequence[Tensor], tasks: int, first_order: bool
) -> Any:
    """learn2learn's Meta-SGD likewise; `rates` are shaped like the network's own parameters."""
    return _algorithms().MetaSGD(expand(network, tasks), lrs=list(rates), first_order=first_order)


def adapt(learner: Any, x: Tensor, y: Tensor, loss: Loss, max_norm: float) -> None:
    """One step of a task-batched algorithm, each task's gradient capped at `max_norm`, if not 0."""
    gradients = task_gradients(learner.module, x, y, loss, further=not learner.first_order)
    if max_norm:
        gradients = capped(gradients, max_norm)
    if isinstance(learner, _algorithms().MetaSGD):
        update = _algorithms().meta_sgd.meta_sgd_update
        learner.module = update(learner.module, learner.lrs, gradients)
    else:
        update = _algorithms().maml.maml_update
        learner.module = update(learner.module, learner.lr, gradients)
