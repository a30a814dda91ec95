"""A training iteration against its floor: the same arithmetic, written out by hand, and no more.

On a GPU both sides are run there, too; where there is none, that is said.
"""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from baselines.maml import MAML
from baselines.protonet import ProtoNet
from benchmarks.core import Budget, BudgetedSource, TaskBatch, generator_of
from benchmarks.networks import mlp
from benchmarks.speed import by_hand
from benchmarks.speed.conftest import InTurn
from benchmarks.speed.floors import CLASSES, FLOORS, LR, Composed, parameters
from benchmarks.tasks.sinusoid import Sinusoid
from reml.env import ComposeEnv
from reml.inner.decisions import Adaptation
from reml.learner import REML

NO_GPU = "not run: there is no GPU here"
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("which", FLOORS)
def test_training_iteration(in_turn: InTurn, which: str, device: str) -> None:
    """`fit`, drawing of tasks, logging and all, against arithmetic on one batch of tasks."""
    floor = FLOORS[which]()
    batch = floor.batch().to(device)
    weights = floor.weights(generator_of("w"))
    for weight in weights:  # those of a pool are looked up there
        weight.data = weight.data.to(device)
    optimiser = torch.optim.Adam(weights, 1e-3, fused=True)

    def train() -> None:
        budget = Budget(tasks=floor.iterations * floor.tasks)
        source = BudgetedSource(floor.family, budget, generator_of("speed"), device=device)
        floor.learner.fit(source, generator_of("speed"))

    def arithmetic() -> None:
        for _ in range(floor.iterations):
            optimiser.zero_grad()
            floor.backward(weights, batch)
            optimiser.step()
        float(weights[0].detach().sum())  # a GPU has finished then

    in_turn(
        train,
        arithmetic,
        group=f"{which} on {device}: trained against its floor",
        wall=device != "cpu",
    )


def _autograd(weights: Sequence[Tensor], batch: TaskBatch) -> Tensor:
    """MAML on perceptrons, task by task."""

    def through(w: Sequence[Tensor], x: Tensor) -> Tensor:
        for place in (0, 2):
            x = torch.relu(x @ w[place] + w[place + 1])
        return x @ w[4] + w[5]

    losses = []
    for task in range(len(batch)):
        loss = (through(weights, batch.support.x[task]) - batch.support.y[task]).square().mean()
        steps = torch.autograd.grad(loss, weights, create_graph=True)
        after = [w - LR * step for w, step in zip(weights, steps, strict=True)]
        losses.append((through(after, batch.query.x[task]) - batch.query.y[task]).square().mean())
    return torch.stack(losses).mean()


def test_the_floor_of_maml_is_the_same_arithmetic() -> None:
    batch = Sinusoid().sample(4, "train", generator_of("t"), shots=5, queries=7)
    weights = parameters(mlp(1, (8, 8), 1, generator_of("w")))
    got, expected = by_hand.maml(weights, batch, LR), _autograd(weights, batch)
    torch.testing.assert_close(got, expected)
    _same_gradients(torch.autograd.grad(got, weights), torch.autograd.grad(expected, weights))


def test_the_floor_of_maml_on_pictures_is_the_same_arithmetic() -> None:
    """Against autograd through the inner step of the network itself."""
    batch = CLASSES.sample(3, "train", generator_of("t"), shots=2, queries=10)
    learner = MAML(network="cnn4", filters=4, batch_norm="transductive", inner_lr=LR)
    learner.train_steps, learner.max_inner_norm = 1, 0.0
    learner._build(CLASSES.problem, generator_of("w"))
    weights = parameters(learner.network_)
    expected = learner._query_loss(batch)
    gradients = torch.autograd.grad(expected, weights)
    torch.testing.assert_close(by_hand.maml_cnn4(weights, batch, LR), expected.detach())
    _same_gradients([weight.grad for weight in weights if weight.grad is not None], gradients)


def test_the_floor_of_protonet_is_the_same_arithmetic() -> None:
    batch = CLASSES.sample(1, "train", generator_of("t"), shots=2, queries=10)
    learner = ProtoNet(filters=4)
    learner._build(CLASSES.problem, generator_of("w"))
    learner.network_.train()
    weights = parameters(learner.network_)
    expected, got = learner._query_loss(batch), by_hand.protonet(weights, batch)
    torch.testing.assert_close(got, expected)
    _same_gradients(torch.autograd.grad(got, weights), torch.autograd.grad(expected, weights))


@pytest.mark.parametrize("adaptation", ["gradient", "solve"])
def test_the_floor_of_reml_is_the_same_arithmetic(adaptation: Adaptation) -> None:
    """Against what an episode of its environment ends with."""
    batch = Sinusoid().sample(4, "train", generator_of("t"), shots=3, queries=7)
    learner = REML(
        adaptation=adaptation,
        width=8,
        pool=(2, 3, 2),
        loss="joint" if adaptation == "solve" else "nmse",
    )
    composed = Composed(learner, len(batch), generator_of("w"))
    env = ComposeEnv(
        composed.pool,
        steps=learner.train_steps,
        unadapted_weight=learner.unadapted_weight,
        max_norm=learner.max_inner_norm,
        gradients="second_order",
        loss=learner.loss,
        episodes=learner.episodes,
    )
    env.reset(batch)
    for choice in composed.composition.unbind(1):
        env.step(choice)
    expected, got = env.descended.mean(), composed.loss(batch)
    torch.testing.assert_close(got.float(), expected)
    weights = [it for it in parameters(composed.pool) if it.requires_grad]
    _same_gradients(
        torch.autograd.grad(got, weights, allow_unused=True, materialize_grads=True),
        torch.autograd.grad(expected, weights, allow_unused=True, materialize_grads=True),
    )


def _same_gradients(got: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
