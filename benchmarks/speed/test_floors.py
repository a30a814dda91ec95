"""A training iteration against its floor: the same arithmetic, written out by hand, and no more.

The floor of MAML has its inner gradient by formula, so that what is differentiated is the outer
loss alone. On a GPU both sides are run there, too; where there is none, that is said.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.cnp import CNP
from baselines.maml import MAML
from benchmarks.core import Budget, BudgetedSource, MetaLearner, TaskBatch, generator_of
from benchmarks.networks import mlp
from benchmarks.tasks.sinusoid import Sinusoid

ITERATIONS, TASKS, SHOTS, QUERIES = 20, 25, 10, 50
NO_GPU = "not run: there is no GPU here"
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)),
]
LR = 0.01


def maml_by_hand(weights: Sequence[Tensor], batch: TaskBatch) -> Tensor:
    """The query loss of a perceptron with two hidden layers after one inner step, second order."""
    x, y = batch.support.x, batch.support.y
    w = [it.expand(len(batch), *it.shape[-2:]) for it in weights]
    a = torch.relu(torch.baddbmm(w[1], x, w[0]))
    b = torch.relu(torch.baddbmm(w[3], a, w[2]))
    out = 2 / y[0].numel() * (torch.baddbmm(w[5], b, w[4]) - y)
    into_b = (out @ w[4].mT) * (b > 0)
    into_a = (into_b @ w[2].mT) * (a > 0)
    for place, (before, into) in enumerate(((x, into_a), (a, into_b), (b, out))):
        w[2 * place] = torch.baddbmm(w[2 * place], before.mT, into, alpha=-LR)
        w[2 * place + 1] = w[2 * place + 1] - LR * into.sum(1, keepdim=True)
    hidden = torch.relu(torch.baddbmm(w[1], batch.query.x, w[0]))
    hidden = torch.relu(torch.baddbmm(w[3], hidden, w[2]))
    return (torch.baddbmm(w[5], hidden, w[4]) - batch.query.y).square().mean()


def cnp_by_hand(weights: Sequence[Tensor], batch: TaskBatch) -> Tensor:
    """The query loss of encoder, mean and decoder."""

    def through(z: Tensor, layers: Sequence[Tensor]) -> Tensor:
        for place in range(0, len(layers) - 2, 2):
            z = torch.relu(torch.addmm(layers[place + 1], z, layers[place]))
        return torch.addmm(layers[-1], z, layers[-2])

    tasks, shots, queries = len(batch), batch.support.points, batch.query.x.shape[1]
    shown = torch.cat([batch.support.x, batch.support.y], 2)
    code = through(shown.flatten(0, 1), weights[:6]).view(tasks, shots, -1).mean(1, keepdim=True)
    asked = torch.cat([batch.query.x, code.expand(-1, queries, -1)], 2)
    said = through(asked.flatten(0, 1), weights[6:])
    return (said - batch.query.y.flatten(0, 1)).square().mean()


Floor = Callable[[Sequence[Tensor], TaskBatch], Tensor]
PAIRS: dict[str, tuple[MetaLearner, Floor, Callable[[torch.Generator], list[Tensor]]]] = {
    "maml": (
        MAML(
            hidden=(40, 40),
            meta_batch=TASKS,
            train_steps=1,
            train_shots=SHOTS,
            train_queries=QUERIES,
            inner_lr=LR,
        ),
        maml_by_hand,
        lambda chance: [*mlp(1, (40, 40), 1, chance).parameters()],
    ),
    "cnp": (
        CNP(batch_tasks=TASKS, train_shots=SHOTS, train_queries=QUERIES),
        cnp_by_hand,
        lambda chance: [
            *mlp(2, (128, 128), 128, chance).parameters(),
            *mlp(129, (128, 128), 1, chance).parameters(),
        ],
    ),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("side", ["slow", "fast"], ids=["trained", "by hand"])
@pytest.mark.parametrize("which", PAIRS)
def test_training_iteration(benchmark: Any, which: str, side: str, device: str) -> None:
    """`fit`, drawing of tasks, logging and all, against arithmetic on one batch of tasks."""
    benchmark.group = f"{which} on {device}: its floor, which is"
    learner, floor, draw = PAIRS[which]
    batch = Sinusoid().sample(TASKS, "train", generator_of("t"), shots=SHOTS, queries=QUERIES)
    batch = batch.to(device)
    weights = [it.detach().to(device).requires_grad_() for it in draw(generator_of("w"))]
    optimiser = torch.optim.Adam(weights, 1e-3, fused=True)

    def train() -> None:
        budget = Budget(tasks=ITERATIONS * TASKS)
        source = BudgetedSource(Sinusoid(), budget, generator_of("speed"), device=device)
        learner.fit(source, generator_of("speed"))

    def by_hand() -> None:
        for _ in range(ITERATIONS):
            optimiser.zero_grad()
            floor(weights, batch).backward()
            optimiser.step()
        float(weights[0].detach().sum())  # a GPU has finished then

    benchmark.extra_info["side"] = side
    run = train if side == "slow" else by_hand
    benchmark.pedantic(run, rounds=7, iterations=1, warmup_rounds=1)


def test_the_floor_of_maml_is_the_same_arithmetic() -> None:
    """Against autograd through the inner step."""
    batch = Sinusoid().sample(4, "train", generator_of("t"), shots=5, queries=7)
    weights = [*mlp(1, (8, 8), 1, generator_of("w")).parameters()]

    def through(w: Sequence[Tensor], x: Tensor) -> Tensor:
        for place in (0, 2):
            x = torch.relu(x @ w[place] + w[place + 1])
        return x @ w[4] + w[5]

    losses = []
    for task in range(4):
        loss = (through(weights, batch.support.x[task]) - batch.support.y[task]).square().mean()
        steps = torch.autograd.grad(loss, weights, create_graph=True)
        after = [w - LR * step for w, step in zip(weights, steps, strict=True)]
        losses.append((through(after, batch.query.x[task]) - batch.query.y[task]).square().mean())
    expected = torch.stack(losses).mean()
    got = maml_by_hand(weights, batch)
    torch.testing.assert_close(got, expected)
    pairs = zip(
        torch.autograd.grad(got, weights), torch.autograd.grad(expected, weights), strict=True
    )
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs)
