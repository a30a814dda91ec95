"""What is trained, and its floor: the arithmetic of one iteration of it, by hand (`by_hand`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.cnp import CNP
from baselines.maml import MAML
from baselines.protonet import ProtoNet
from benchmarks.core import MetaLearner, TaskBatch, TaskFamily, generator_of
from benchmarks.networks import cnn4, mlp
from benchmarks.speed import by_hand
from benchmarks.tasks.sinusoid import Sinusoid
from benchmarks.testing.toy import ToyClasses
from reml.inner.bank import FASTER
from reml.inner.decisions import Adaptation
from reml.learner import REML

LR, PICTURE_LR = 0.01, 0.4
PICTURE = (1, 28, 28)
Backward = Callable[[Sequence[Tensor], TaskBatch], object]


@dataclass
class Floor:
    """What is trained, and the arithmetic of one iteration of it.

    Attributes:
        learner: what is trained, with `tasks` training tasks an iteration.
        family: what on, with so many `shots` and `queries`.
        weights: what the arithmetic starts from, which gives them their gradients.
        iterations: how many are timed together.
    """

    learner: MetaLearner
    family: TaskFamily
    tasks: int
    shots: int
    queries: int
    weights: Callable[[torch.Generator], list[Tensor]]
    backward: Backward
    iterations: int = 20

    def batch(self) -> TaskBatch:
        chance = generator_of("t")
        return self.family.sample(
            self.tasks, "train", chance, shots=self.shots, queries=self.queries
        )


def parameters(*networks: nn.Module) -> list[Tensor]:
    return [weight for network in networks for weight in network.parameters()]


def descending(loss: Callable[[Sequence[Tensor], TaskBatch], Tensor]) -> Backward:
    return lambda weights, batch: loss(weights, batch).backward()


class Composed:
    """REML's arithmetic for networks that are composed at random, their layers to be looked up."""

    def __init__(self, learner: REML, tasks: int, chance: torch.Generator) -> None:
        learner._build(Sinusoid().problem, chance)
        self.learner, self.pool, rows = learner, learner.pool_, tasks * learner.episodes
        drawn = [torch.randint(n, (rows,), generator=chance) for n in self.pool.choices]
        self.composition = torch.stack(drawn, 1)

    def loss(self, batch: TaskBatch) -> Tensor:
        pool, learner = self.pool, self.learner
        first, last, *between = self.composition.to(batch.support.x.device).unbind(1)[-pool.depth :]
        taken = [(pool.input, first), *[(pool.hidden, it) for it in between], (pool.output, last)]
        weights = [it[at] for bank, at in taken for it in (bank.weight, bank.bias)]
        if pool.solves:
            points, beliefs = batch.points(), pool.beliefs
            x, y = (it.repeat_interleave(learner.episodes, 0) for it in (points.x, points.y))
            believed = beliefs.root[last], beliefs.log_noise[last] * FASTER
            return by_hand.reml_solving(weights, *believed, x, y)
        rates = [
            rate[:, column, None, None]
            for bank, at in taken
            for rate in [bank.log_rate[at].exp()]
            for column in (0, 1)
        ]
        how = learner.train_steps, learner.unadapted_weight, learner.max_inner_norm
        return by_hand.reml(weights, rates, batch, *how)


def reml(adaptation: Adaptation) -> Floor:
    """All of an iteration (acting, environment, policy update) against the inner arithmetic."""
    learner = REML(adaptation=adaptation, warm=0.0, train_shots=10)
    tasks = learner.batch_tasks
    composed = Composed(REML(adaptation=adaptation), tasks, generator_of("w"))
    return Floor(
        learner,
        Sinusoid(),
        tasks,
        10,
        learner.train_queries,
        lambda chance: [it for it in parameters(composed.pool) if it.requires_grad],
        lambda _, batch: composed.loss(batch).backward(),
        10,
    )


CLASSES = ToyClasses(5, PICTURE)
FLOORS: dict[str, Callable[[], Floor]] = {
    "maml": lambda: Floor(
        MAML(
            hidden=(40, 40),
            meta_batch=25,
            train_steps=1,
            train_shots=10,
            train_queries=50,
            inner_lr=LR,
        ),
        Sinusoid(),
        25,
        10,
        50,
        lambda chance: parameters(mlp(1, (40, 40), 1, chance)),
        descending(lambda weights, batch: by_hand.maml(weights, batch, LR)),
    ),
    "maml (cnn4)": lambda: Floor(
        MAML(
            network="cnn4",
            filters=32,
            batch_norm="transductive",
            inner_lr=PICTURE_LR,
            meta_batch=32,
            train_steps=1,
            train_shots=1,
            train_queries=5,
            max_norm=0.0,
            max_inner_norm=0.0,
        ),
        CLASSES,
        32,
        1,
        5,
        lambda chance: parameters(cnn4(PICTURE, 32, 5, chance)),
        lambda weights, batch: by_hand.maml_cnn4(weights, batch, PICTURE_LR),
        iterations=2,
    ),
    "protonet": lambda: Floor(
        ProtoNet(train_shots=1, train_queries=5),
        ToyClasses(20, PICTURE),
        1,
        1,
        100,
        lambda chance: parameters(
            cnn4(PICTURE, 64, None, chance, pooling="max", batch_norm="shared")
        ),
        descending(by_hand.protonet),
        iterations=2,
    ),
    "cnp": lambda: Floor(
        CNP(batch_tasks=25, train_shots=10, train_queries=50),
        Sinusoid(),
        25,
        10,
        50,
        lambda chance: parameters(mlp(2, (128, 128), 128, chance), mlp(129, (128, 128), 1, chance)),
        descending(by_hand.cnp),
        iterations=5,
    ),
    "reml (gradient)": lambda: reml("gradient"),
    "reml": lambda: reml("solve"),
}
