"""Task-batched CNN4 MAML against learn2learn's own loop over tasks, on torch's own layers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from baselines._import_learn2learn import learn2learn
from baselines._learn2learn import task_batched_maml
from benchmarks.core import TaskBatch, generator_of, task_cross_entropy
from benchmarks.networks import Convolution, Linear, Network, Normalise, cnn4, mlp
from benchmarks.speed.conftest import InTurn
from benchmarks.testing.toy import ToyClasses

MetaLoss = Callable[[nn.Module, TaskBatch, bool], Tensor]
TASKS, WAYS, LR = 32, 5, 0.4
IMAGE = (1, 28, 28)


def in_torchs_layers(network: Network) -> nn.Sequential:
    """The same CNN4 (strided) or perceptron, of the same weights, for the points of one task.

    Its parameters come in the same order as the network's; `as_ours` turns them into those.
    """
    layers: list[nn.Module] = []
    for layer in network:
        if isinstance(layer, Convolution):
            channels, filters = len(layer.weight) // 9, layer.weight.shape[1]
            conv = nn.Conv2d(channels, filters, 3, layer.stride, padding=1, bias=False)
            conv.weight.data = layer.weight.data.view(3, 3, channels, filters).permute(3, 2, 0, 1)
            layers.append(conv)
        elif isinstance(layer, Normalise):
            norm = nn.BatchNorm2d if isinstance(layers[-1], nn.Conv2d) else nn.BatchNorm1d
            layers += [norm(layer.scale.shape[1], track_running_stats=False), nn.ReLU()]
        elif isinstance(layer, nn.ReLU) and not isinstance(layers[-1], nn.ReLU):
            layers.append(nn.ReLU())
        elif isinstance(layer, Linear):
            if any(isinstance(before, nn.Conv2d) for before in layers):
                layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            inputs, outputs = layer.weight.shape
            linear = nn.Linear(inputs, outputs, bias=layer.bias is not None)
            linear.weight.data = layer.weight.data.T
            if layer.bias is not None:
                linear.bias.data = layer.bias.data[0]
            layers.append(linear)
    if isinstance(layers[0], nn.Conv2d):
        layers.insert(0, nn.Unflatten(1, IMAGE))
    return nn.Sequential(*layers).to(next(network.parameters()).dtype)


def as_ours(parameter: Tensor) -> Tensor:
    """A parameter of torch's layer, or its gradient, laid out as in `benchmarks.networks`."""
    if parameter.dim() == 4:
        return parameter.permute(2, 3, 1, 0).flatten(0, 2)
    return parameter.T if parameter.dim() == 2 else parameter.unsqueeze(0)


def looped_meta_loss(network: nn.Module, batch: TaskBatch, first_order: bool) -> Tensor:
    """What learn2learn's own examples do: one clone and one adaptation for each task."""
    maml = learn2learn.algorithms.MAML(network, lr=LR, first_order=first_order)
    loss = torch.zeros(())
    for i in range(len(batch)):
        learner = maml.clone()
        support, query = batch.support, batch.query
        learner.adapt(functional.cross_entropy(learner(support.x[i]), support.y[i]))
        loss = loss + functional.cross_entropy(learner(query.x[i]), query.y[i])
    return loss / len(batch)


def batched_meta_loss(network: nn.Module, batch: TaskBatch, first_order: bool) -> Tensor:
    learner = task_batched_maml(network, len(batch), LR, first_order)
    learner.adapt(task_cross_entropy(learner(batch.support.x), batch.support.y).sum())
    return task_cross_entropy(learner(batch.query.x), batch.query.y).mean()


NETWORKS = {
    "cnn4, 64 filters": lambda: cnn4(IMAGE, 64, WAYS, generator_of("speed")),
    "cnn4, 32 filters": lambda: cnn4(IMAGE, 32, WAYS, generator_of("speed")),
    "256-128-64-64": lambda: mlp(
        784, (256, 128, 64, 64), WAYS, generator_of("speed"), batch_norm=True
    ),
}


@pytest.mark.parametrize("order", ["second", "first"])
@pytest.mark.parametrize("which", NETWORKS)
def test_meta_iteration(in_turn: InTurn, which: str, order: str) -> None:
    """One support and one query point of each class."""
    batch = ToyClasses(WAYS, IMAGE).sample(
        TASKS, "train", generator_of("speed"), shots=1, queries=WAYS
    )
    drawn = NETWORKS[which]()

    def iteration(network: nn.Module, meta_loss: MetaLoss) -> Callable[[], None]:
        optimiser = torch.optim.Adam(network.parameters(), 1e-3)

        def run() -> None:
            optimiser.zero_grad()
            meta_loss(network, batch, order == "first").backward()
            optimiser.step()

        return run

    in_turn(
        iteration(in_torchs_layers(drawn), looped_meta_loss),
        iteration(drawn, batched_meta_loss),
        group=f"one MAML iteration, {which}, {TASKS} tasks, {order} order: looped against batched",
    )
